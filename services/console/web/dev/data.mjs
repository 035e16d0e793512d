// Made-up data for the development server: one shop, its tags, and a stream of events.
// Nothing here is built into the page or embedded in the binary.

const TAGS = [
  ['高意向', '意向', 312], ['中意向', '意向', 1204], ['询价', '关键词', 486], ['投诉', '关键词', 23], ['要样品', '关键词', 91],
  ['渠道:抖音', '渠道', 2210], ['渠道:门店A', '渠道', 1480], ['渠道:视频号', '渠道', 733], ['渠道:老客转介绍', '渠道', 208],
  ['钻石', '会员等级', 64], ['黄金', '会员等级', 511], ['普通', '会员等级', 3720], ['沉睡', '生命周期', 905], ['参加过周年庆', '活动', 389],
]
const STAGES = [['潜在', 4120], ['新', 1310], ['活跃', 986], ['忠诚', 402], ['流失', 655]]
const NAMES = ['王芳', '李强', '张敏', '刘洋', '陈静', '杨帆', '赵磊', '黄丽', '周杰', '吴倩']
const TYPES = ['link.open', 'chat.message', 'form.submit', 'page.view', 'order.pay', 'group.join', 'contact.add', 'file.open']
const OBJECTS = ['2026 春季报价单', '无人机植保方案', '周年庆活动页', '产品手册 V3', 'A 系列使用说明']

let serial = 1000
const pick = (list) => list[Math.floor(Math.random() * list.length)]
const ago = (ms) => new Date(Date.now() - ms).toISOString()

export const counts = new Map(TAGS.map(([tag, group, count]) => [tag, { tag, group, count, warming: tag === '要样品', anonymous: group === '渠道' ? Math.round(count / 9) : 0 }]))

const GROUPS = [
  { group: '意向', dimensions: ['channel', 'store', 'staff', 'city'], color: '#d4380d', order: 1 },
  { group: '会员等级', dimensions: ['store', 'city'], color: 'goldenrod', order: 2 },
]
const PLACES = { channel: ['ch_7', '视频号', '门店码'], store: ['s1', 's2', 's3', 's4', 's5', 's6', 's7'], staff: ['zhang.wei', 'li.na'], city: ['杭州', '成都', '上海'] }

function split(tag, by) {
  const counted = GROUPS.find((g) => g.group === tag.group)?.dimensions.includes(by)
  if (!counted) return tag
  return { ...tag, by: Object.fromEntries(PLACES[by].map((v, i) => [v, Math.round(tag.count / (i + 2))])) }
}

export function tagChanges() {
  const rows = [['applied', 'rule'], ['expired', 'expiry'], ['removed', 'manual'], ['applied', 'merge'], ['removed', 'activation']]
  return {
    as_of: new Date().toISOString(),
    rules_version: 7,
    changes: rows.map(([op, reason], i) => ({
      change_id: `c${i}`, op, reason, profile_id: profileId(i), name: NAMES[i], time: ago(i * 4e6 + 3e4), rule: '高意向', rule_version: 7,
      evidence: reason === 'rule' ? [{ event_id: 'e1', type: 'chat.message', matched: ['多少钱'] }] : [],
    })),
    next_cursor: '',
  }
}

export function board(by) {
  return {
    groups: GROUPS,
    as_of: new Date().toISOString(),
    rules_version: 7,
    stale: 0,
    population: { known: 7473, anonymous: 1893 },
    stages: STAGES.map(([stage, count]) => ({ stage, count })),
    tags: [...counts.values()].map((tag) => split(tag, by)),
  }
}

export function nudge() {
  for (let i = 0; i < 4; i++) {
    const tag = pick([...counts.values()])
    tag.count = Math.max(0, tag.count + pick([-1, 1, 1, 2]))
  }
}

const profileId = (n) => `p_01j${String(7000 + n)}k3qz`

export function makeAlert(ageMs = 0) {
  const n = Math.floor(Math.random() * NAMES.length)
  const id = `al_${serial++}`
  const high = Math.random() < 0.4
  return {
    alert_id: id,
    profile_id: profileId(n),
    name: NAMES[n],
    rule: high ? '高意向' : '询价',
    rule_version: 7,
    tag: high ? '高意向' : '询价',
    severity: high ? 'high' : pick(['medium', 'low']),
    title: high ? `${NAMES[n]} 近7天打开资料 4 次，主动聊天 3 次` : `${NAMES[n]} 今天两次问到价格`,
    advice: high ? '先问用途和预算，再发对应报价单' : '发最新报价单，并约一次通话',
    staff_id: pick(['zhang.wei', 'li.na', '']),
    state: 'open',
    raised_at: ago(ageMs),
    evidence: [
      { event_id: `e_${serial}a`, type: 'chat.message', time: ago(ageMs + 4_000), matched: [{ keyword: '询价', words: ['多少钱'] }] },
      { event_id: `e_${serial}b`, type: 'link.open', time: ago(ageMs + 1_200_000), object_title: pick(OBJECTS) },
      { event_id: `e_${serial}c`, type: 'link.open', time: ago(ageMs + 90_000_000), object_title: pick(OBJECTS) },
    ],
    measures: high ? { 近7天打开次数: 4, 近7天主动聊天: 3, 意向分: 58.5 } : {},
    conditions: high
      ? [{ text: '近7天打开次数 >= 3 and 近7天主动聊天 >= 2', holds: true }, { text: '意向分 >= 60', holds: false, value: 58.5 }]
      : [{ text: 'keyword("询价")', holds: true }],
  }
}

export function makeEvent() {
  const rejected = Math.random() < 0.08
  const type = rejected ? 'link.opne' : pick(TYPES)
  const n = Math.floor(Math.random() * NAMES.length)
  const event = {
    event_id: `e_${serial++}`,
    type,
    time: ago(300),
    received_at: new Date().toISOString(),
    source: pick(['wecom1', 'shop1', 'forms', 'site']),
    verdict: rejected ? 'rejected' : 'accepted',
  }
  if (rejected) return { ...event, reason: 'no_identity', detail: 'identities: 至少要有一个', did_you_mean: 'link.open' }
  event.profile_id = profileId(n)
  if (Math.random() < 0.25) event.tags_applied = [pick(TAGS)[0]]
  if (Math.random() < 0.05) event.tags_removed = [pick(TAGS)[0]]
  if (Math.random() < 0.05) event.alerts = [`al_${serial}`]
  return event
}

export function profile(id) {
  const tag = (name, group, days, extra = {}) => ({
    tag: name, group, since: ago(days * 86_400_000), expires_at: null, rule: group === '渠道' ? '渠道' : name, rule_version: 7,
    evidence: [`e_${days}`], ...extra,
  })
  return {
    profile_id: id.startsWith('p_') ? id : profileId(1),
    identities: ['wecom.wwcorp1:wmXk****92', 'unionid:oT8****kQ', 'phone:138****0021', { namespace: 'buyer.shop1', value: 'b_88****', conflict: true }],
    traits: { name: '李*强', city: '杭州', province: '浙江', industry: { value: '农业服务', source: 'forms', time: ago(9e8) }, level: 'B', source: '抖音' },
    tags: [
      tag('高意向', '意向', 0.02, { expires_at: new Date(Date.now() + 7 * 86_400_000).toISOString() }),
      tag('询价', '关键词', 0.1, { expires_at: new Date(Date.now() + 20 * 3_600_000).toISOString() }),
      tag('渠道:抖音', '渠道', 41), tag('黄金', '会员等级', 12), tag('参加过周年庆', '活动', 20),
    ],
    measures: { 近7天打开次数: 4, 近7天主动聊天: 3, 意向分: 64.25, 净消费: '12880.50', 订单数: 7, 看过品牌: ['大疆', '极飞'], 弃单: 0 },
    inexact: ['意向分'],
    stage: { stage: '活跃', since: ago(12 * 86_400_000) },
    owner: 'zhang.wei',
    owners: ['zhang.wei', 'li.na'],
    as_of: new Date().toISOString(),
  }
}

export function timeline() {
  const items = [
    { time: ago(40_000), kind: 'alert', type: 'alert', title: '近7天打开资料 4 次，主动聊天 3 次', tag: '高意向', rule: '高意向', rule_version: 7, staff_id: 'zhang.wei' },
    { time: ago(41_000), kind: 'tag', type: 'tag.applied', op: 'applied', tag: '高意向', rule: '高意向', rule_version: 7 },
    { time: ago(42_000), kind: 'event', type: 'chat.message', source: 'wecom1', channel: '企业微信', staff_id: 'zhang.wei', matched: [{ keyword: '询价', words: ['多少钱'] }], event_id: 'e_a' },
    { time: ago(1_200_000), kind: 'event', type: 'link.open', source: 'wecom1', object_title: '2026 春季报价单', event_id: 'e_b' },
    { time: ago(90_000_000), kind: 'event', type: 'order.pay', source: 'shop1', amount: '1280.50', currency: 'CNY', object_title: 'A 系列喷头', event_id: 'e_c' },
    { time: ago(90_000_100), kind: 'stage', type: 'stage.entered', op: 'entered', tag: '活跃', rule_version: 7 },
    { time: ago(180_000_000), kind: 'tag', type: 'tag.expired', op: 'expired', tag: '中意向', rule: '中意向', rule_version: 6 },
    { time: ago(180_500_000), kind: 'identity', type: 'shared', op: 'shared', other: 'phone:9f2c11d0' },
    { time: ago(180_600_000), kind: 'identity', type: 'conflict', op: 'conflict', other: profileId(3) },
    { time: ago(181_000_000), kind: 'note', type: 'note', title: '客户希望五月前到货', staff_id: 'li.na' },
  ]
  return { items, next_cursor: '' }
}

export function explanation(tag) {
  return {
    tag, holds: true, since: ago(41_000), rule: tag, rule_version: 7,
    when: '(近7天打开次数 >= 3 and 近7天主动聊天 >= 2) or 意向分 >= 60',
    reason: { 成立于: '近7天打开次数 >= 3 and 近7天主动聊天 >= 2', keyword: { dictionary: 3, words: ['多少钱'] } },
    measures: { 近7天打开次数: 4, 近7天主动聊天: 1, 意向分: 64.25 },
    evidence: makeAlert().evidence,
    tree: {
      op: 'or', text: '(近7天打开次数 >= 3 and 近7天主动聊天 >= 2) or 意向分 >= 60', holds: true, next: ago(-86_400_000),
      children: [
        {
          op: 'and', text: '近7天打开次数 >= 3 and 近7天主动聊天 >= 2', holds: false, next: ago(-172_800_000),
          children: [
            { op: '>=', text: '近7天打开次数 >= 3', holds: true, left: { text: '近7天打开次数', value: 4 }, right: { value: 3 }, next: ago(-172_800_000) },
            { op: '>=', text: '近7天主动聊天 >= 2', holds: false, left: { text: '近7天主动聊天', value: 1 }, right: { value: 2 } },
          ],
        },
        { op: '>=', text: '意向分 >= 60', holds: true, left: { text: '意向分', value: 64.25 }, right: { value: 60 }, next: ago(-86_400_000) },
      ],
    },
  }
}

export const RULES = `zone: Asia/Shanghai
population: known

keywords:
  询价:
    words: [价格, 多少钱, 报价, 怎么卖]
    from: customer

measures:
  近7天打开次数: {count: [link.open, file.open, moment.open], within: 7d}
  近7天主动聊天: {count: chat.start, within: 7d}
  意向分: {score: {link.open: 5, form.submit: 20, chat.message: 3}, half_life: 3d}

tags:
  高意向:
    group: 意向
    when: (近7天打开次数 >= 3 and 近7天主动聊天 >= 2) or 意向分 >= 60
    lasts: 7d
    alert:
      to: owner
      severity: high
      title: "{{name}} 近7天打开资料 {{近7天打开次数}} 次，主动聊天 {{近7天主动聊天}} 次"
      cooldown: 30m
`

const says = (kind, name, line, zh, en, more = {}) => ({ kind, name, file: 'rules.yaml', line, zh: `${name}：${zh}`, en: `${name}: ${en}`, ...more })

export const said = {
  groups: GROUPS,
  rules: [
    says('keyword', '询价', 5, '客户的消息包含价格、多少钱、报价或怎么卖时命中。', 'found when a message of the customer contains 价格, 多少钱, 报价 or 怎么卖.'),
    says('measure', '近7天打开次数', 10, '最近 7 天内“打开链接”的次数。', 'the number of “link opened” within the last 7 days.', { numeric: true }),
    says('measure', '意向分', 12, '“打开链接”5 分，3 天减半。', 'the score of “link opened”, halved every 3 days.', { numeric: true }),
    says('tag', '高意向', 15, '意向分至少 60 时打上，条件不再成立后保留 7 天。', 'given while 意向分 is at least 60; kept for 7 days after the condition ends.', { group: '意向' }),
    says('alert', '高意向', 19, '打上时提醒负责人，级别高。', 'when it is given, an alert goes to the owner with severity high.', { group: '意向', rule: '高意向' }),
    says('stage', '潜在', 25, '一开始就是这个阶段。', 'the stage that everybody starts in.'),
  ],
  cuts: [
    {
      measure: '意向分', date: '2026-11-01', customers: 7380, file: 'cuts.yaml', line: 2,
      points: [{ point: 'p50', value: '12', read_by: [] }, { point: 'p80', value: '60', read_by: ['高意向'] }],
    },
  ],
}

export function takeCuts(query) {
  const points = query.get('points').split(',').map((p) => ({ point: `p${p}`, value: String(Number(p) * 3) }))
  return { measure: query.get('measure'), as_of: new Date().toISOString(), date: new Date().toISOString().slice(0, 10), customers: 7473, points }
}

export const definitions = {
  source: [
    { id: 'wecom1', version: 2, body: { kind: 'wecom', corp_id: 'wwcorp1' }, author: 'admin', time: ago(8e8) },
    { id: 'shop1', version: 1, body: { kind: 'webhook', mapping: { type: '$.event' } }, author: 'admin', time: ago(6e8) },
  ],
  store: [{ id: 's1', version: 1, body: { name: '杭州旗舰店' } }, { id: 's2', version: 1, body: { name: '成都春熙路店' } }],
  staff: [{ id: 'li.na', version: 1, body: { name: '李娜' } }],
  channel: [{ id: 'ch_7', version: 1, body: { name: '抖音', store_id: 's1', tags: ['渠道:抖音'] }, author: 'admin', time: ago(5e8) }],
}

export const status = {
  roles: {
    archiver: { ok: true, lag_seconds: 0.4 }, collector: { ok: true }, connector: { ok: true, detail: 'wwcorp1' }, resolver: { ok: true, lag_seconds: 0.1 },
    tagger: { ok: true, lag_seconds: 0.2 }, notifier: { ok: false, lag_seconds: 42, detail: '企业微信机器人没有应答' }, console: { ok: true },
  },
  parts: { kafka: { ok: true, detail: '内嵌' }, redis: { ok: true, version: '9.1.2' }, clickhouse: { ok: true, version: '26.7' } },
}
