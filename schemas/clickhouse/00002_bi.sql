-- What BI reads. Plain views without parameters, typed, each column explained in
-- zh and en. They run with the rights of whoever migrates, so the user bi needs
-- nothing but SELECT on them. Where a key fixes its partition, FINAL need not
-- look across partitions: that reads 10 times faster.
-- +goose NO TRANSACTION
-- +goose Up

-- +goose StatementBegin
CREATE DATABASE IF NOT EXISTS ${bi}${on_cluster} COMMENT '供 BI 读取的视图 / Views for BI'
-- +goose StatementEnd

-- Where each merged profile belongs today. Chains are followed to their end
-- whatever the order in which their links were written.
-- +goose StatementBegin
CREATE OR REPLACE VIEW ${db}.merged_today${on_cluster}
(
    profile_id String COMMENT '被并入的客户 / Profile that was merged away',
    into       String COMMENT '今天归属的客户 / Profile it belongs to today'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH RECURSIVE
    links AS (SELECT other, argMax(profile_id, version) AS winner FROM ${db}.merges WHERE other != profile_id GROUP BY other),
    walk AS
    (
        SELECT other AS start, winner AS place, toUInt16(1) AS steps FROM links
        UNION ALL
        SELECT walk.start, links.winner AS place, walk.steps + 1 AS steps FROM walk INNER JOIN links ON links.other = walk.place WHERE walk.steps < 200
    )
SELECT start AS profile_id, argMax(place, steps) AS into FROM walk GROUP BY start
COMMENT '客户今天的归属 / Profiles as merged today'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${db}.excluded${on_cluster}
(
    profile_id String COMMENT '客户 / Profile'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT profile_id FROM ${db}.profiles FINAL WHERE excluded
COMMENT '测试、员工和内部客户 / Test, staff and internal profiles'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${db}.counted${on_cluster}
(
    profile_id String COMMENT '客户 / Profile'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT profile_id FROM (SELECT profile_id FROM ${db}.profiles FINAL WHERE known AND NOT excluded)
WHERE profile_id NOT IN (SELECT profile_id FROM ${db}.merged_today)
COMMENT '计入人数的客户:已知、未排除、未被合并掉 / Profiles that counts count: known, not excluded, not merged away'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${db}.held${on_cluster}
(
    profile_id   String COMMENT '客户 / Profile',
    version      UInt64 COMMENT '快照的次序 / Order of the snapshot',
    tag          LowCardinality(String) COMMENT '标签 / Tag',
    tag_group    LowCardinality(String) COMMENT '标签组 / Tag group',
    tag_value    String COMMENT '标签族的取值 / Value of a family',
    since        Nullable(DateTime64(3, 'UTC')) COMMENT '持有起点 / Held since',
    expires_at   Nullable(DateTime64(3, 'UTC')) COMMENT '到期时间 / Expires at',
    rule         LowCardinality(String) COMMENT '规则 / Rule',
    rule_version Int64 COMMENT '规则版本 / Rule version',
    origin       LowCardinality(String) COMMENT '来历 / Origin'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT profile_id, version, tag, tag_group, tag_value, since, expires_at, rule, rule_version, if(origin = '', 'rule', origin) AS origin
FROM (SELECT * FROM ${db}.profiles FINAL)
ARRAY JOIN tags AS tag, tag_groups AS tag_group, tag_values AS tag_value, tag_since AS since, tag_expires AS expires_at,
           tag_rules AS rule, tag_rule_versions AS rule_version, tag_origins AS origin
COMMENT '每个客户最新快照所持的标签 / Tags that the newest snapshot of each profile holds'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${db}.purchases${on_cluster}
(
    profile_id String COMMENT '客户 / Profile',
    orders     UInt64 COMMENT '付款订单数 / Orders paid',
    spend      Decimal(38, 6) COMMENT '净消费 / Net spend',
    currency   String COMMENT '币种 / Currency'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT profile AS profile_id, countIf(type = 'order.pay') AS orders,
          sumIf(if(type = 'order.pay', ifNull(amount, 0), -ifNull(amount, 0)), money = newest) AS spend, any(newest) AS currency
FROM
(
    SELECT if(m.into != '', m.into, e.profile_id) AS profile, type, amount, if(currency = '', 'CNY', toString(currency)) AS money,
           argMax(money, (type = 'order.pay', time, event_id)) OVER (PARTITION BY profile) AS newest
    FROM (SELECT * FROM ${db}.events FINAL WHERE type IN ('order.pay', 'order.refund') SETTINGS do_not_merge_across_partitions_select_final = 1) AS e
    LEFT JOIN ${db}.merged_today AS m ON m.profile_id = e.profile_id
)
GROUP BY profile
COMMENT '每个客户的订单与消费 / Orders and spend of each profile'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.events${on_cluster}
(
    event_id     String COMMENT '事件编号,在来源内唯一 / Event id, unique within its source',
    profile_id   String COMMENT '客户编号,按今天的合并结果 / Profile, as merged today',
    type         LowCardinality(String) COMMENT '事件类型 object.action / Event type, object.action',
    time         DateTime64(3, 'UTC') COMMENT '发生时间,UTC / When it happened, UTC',
    day          Date COMMENT '日期,东八区 / Day in Asia/Shanghai',
    received_at  DateTime64(3, 'UTC') COMMENT '收到时间,UTC / When it was received, UTC',
    source       LowCardinality(String) COMMENT '来源 / Source that sent it',
    channel      LowCardinality(String) COMMENT '渠道 / Channel',
    store_id     LowCardinality(String) COMMENT '门店编号 / Store',
    staff_id     LowCardinality(String) COMMENT '员工编号 / Staff member',
    touchpoint   LowCardinality(String) COMMENT '触点 / Touchpoint',
    `from`       LowCardinality(String) COMMENT '发起方 customer、staff、system / Who acted: customer, staff, system',
    object_type  LowCardinality(String) COMMENT '对象类型 / Type of the object',
    object_id    String COMMENT '对象编号 / Id of the object',
    object_title String COMMENT '对象标题 / Title of the object',
    category     LowCardinality(String) COMMENT '品类 / Category',
    brand        LowCardinality(String) COMMENT '品牌 / Brand',
    amount       Nullable(Decimal(38, 6)) COMMENT '金额,原币种 / Amount in its own currency',
    currency     LowCardinality(String) COMMENT '币种 / Currency',
    matched      String COMMENT '命中的关键词表,逗号分隔 / Keyword lists found, separated by commas'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT event_id, if(m.into != '', m.into, e.profile_id) AS profile_id, type, time, toDate(time, 'Asia/Shanghai') AS day,
       received_at, source, channel, store_id, staff_id, touchpoint, `from`, object_type, object_id, object_title,
       category, brand, amount, currency, arrayStringConcat(matched, ',') AS matched
FROM (SELECT * FROM ${db}.events FINAL SETTINGS do_not_merge_across_partitions_select_final = 1) AS e
LEFT JOIN ${db}.merged_today AS m ON m.profile_id = e.profile_id
WHERE if(m.into != '', m.into, e.profile_id) NOT IN (SELECT profile_id FROM ${db}.excluded)
COMMENT '事件明细,每个事件一行 / Events, each once'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.profiles${on_cluster}
(
    profile_id String COMMENT '客户编号 / Profile',
    known      Bool COMMENT '是否已知客户(有匿名编号以外的身份) / Known: has an identity other than anonymous_id',
    stage      LowCardinality(String) COMMENT '生命周期阶段 / Lifecycle stage',
    owner      LowCardinality(String) COMMENT '负责员工 / Owner',
    city       LowCardinality(String) COMMENT '城市 / City',
    province   LowCardinality(String) COMMENT '省份 / Province',
    industry   LowCardinality(String) COMMENT '行业 / Industry',
    level      LowCardinality(String) COMMENT '等级 / Level',
    source     LowCardinality(String) COMMENT '客户来源 / Where the customer came from',
    age        Nullable(UInt8) COMMENT '年龄 / Age',
    gender     LowCardinality(String) COMMENT '性别 / Gender',
    intent     Nullable(Float64) COMMENT '意向分,取自指标 意向分 或 intent / Intent score, from the measure 意向分 or intent',
    first_seen DateTime64(3, 'UTC') COMMENT '首次出现,UTC / First seen, UTC',
    last_seen  DateTime64(3, 'UTC') COMMENT '最近出现,UTC / Last seen, UTC',
    orders     UInt64 COMMENT '付款订单数 / Orders paid',
    spend      Decimal(38, 6) COMMENT '净消费:付款减退款,只计所示币种 / Net spend, paid less refunded, in the currency shown',
    currency   LowCardinality(String) COMMENT '消费的币种:最近一笔订单的 / Currency of spend: that of the newest order',
    updated_at DateTime64(3, 'UTC') COMMENT '快照时间,UTC / When the snapshot was taken, UTC'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT p.profile_id AS profile_id, p.known AS known, p.stage AS stage, p.owner AS owner, p.city AS city, p.province AS province,
       p.industry AS industry, p.level AS level, p.source AS source, p.age AS age, p.gender AS gender, p.intent AS intent,
       p.first_seen AS first_seen, p.last_seen AS last_seen, o.orders AS orders, o.spend AS spend, o.currency AS currency, p.at AS updated_at
FROM (SELECT * FROM ${db}.profiles FINAL WHERE NOT excluded AND profile_id NOT IN (SELECT profile_id FROM ${db}.merged_today)) AS p
LEFT JOIN ${db}.purchases AS o ON o.profile_id = p.profile_id
COMMENT '客户,合并掉的和被排除的不在内 / Profiles, without those merged away or excluded'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.tags_now${on_cluster}
(
    tag       LowCardinality(String) COMMENT '标签 / Tag',
    tag_group LowCardinality(String) COMMENT '标签组 / Tag group',
    tag_value String COMMENT '标签族的取值 / Value of a tag family',
    profiles  UInt64 COMMENT '客户数 / Profiles'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT tag, argMax(tag_group, version) AS tag_group, tag_value, count() AS profiles
FROM ${db}.held
WHERE profile_id IN (SELECT profile_id FROM ${db}.counted)
GROUP BY tag, tag_value
COMMENT '各标签现有的已知客户数 / Known profiles that hold each tag now'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.tag_members${on_cluster}
(
    profile_id   String COMMENT '客户编号 / Profile',
    tag          LowCardinality(String) COMMENT '标签 / Tag',
    tag_group    LowCardinality(String) COMMENT '标签组 / Tag group',
    tag_value    String COMMENT '标签族的取值 / Value of a tag family',
    since        Nullable(DateTime64(3, 'UTC')) COMMENT '持有起点,UTC / Held since, UTC',
    expires_at   Nullable(DateTime64(3, 'UTC')) COMMENT '到期时间,UTC,空为长期 / Expires at, UTC, empty: does not expire',
    rule         LowCardinality(String) COMMENT '规则 / Rule',
    rule_version Int64 COMMENT '规则版本 / Rule version',
    origin       LowCardinality(String) COMMENT '来历 rule、catalogue、manual / Origin: rule, catalogue, manual'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT profile_id, tag, tag_group, tag_value, since, expires_at, rule, rule_version, origin
FROM ${db}.held
WHERE profile_id IN (SELECT profile_id FROM ${db}.counted)
COMMENT '标签成员,每个客户每个标签一行 / Members of tags, one row per profile and tag'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.tags_daily${on_cluster}
(
    day      Date COMMENT '日期,东八区 / Day in Asia/Shanghai',
    tag      LowCardinality(String) COMMENT '标签 / Tag',
    profiles Int64 COMMENT '当日结束时的客户数 / Profiles at the end of the day',
    entered  UInt64 COMMENT '当日进入次数 / Times entered that day',
    `left`   UInt64 COMMENT '当日离开次数 / Times left that day'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT day, tag, sum(toInt64(e) - toInt64(l)) OVER (PARTITION BY tag ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS profiles,
       e AS entered, l AS `left`
FROM
(
    SELECT day, tag, sum(e) AS e, sum(l) AS l
    FROM
    (
        SELECT toDate(day) AS day, tag, countIf(op = 'applied') AS e, countIf(op IN ('removed', 'expired')) AS l
        FROM (SELECT * FROM ${db}.tag_changes FINAL SETTINGS do_not_merge_across_partitions_select_final = 1)
        WHERE op != 'renewed' AND profile_id IN (SELECT profile_id FROM ${db}.profiles FINAL WHERE known AND NOT excluded)
        GROUP BY day, tag
        UNION ALL
        SELECT arrayJoin(arrayMap(n -> toDate(n), range(toUInt32(toDate(min(day))), toUInt32(greatest(toDate(max(day)), toDate(now(), 'Asia/Shanghai'))) + 1))) AS day, tag, toUInt64(0) AS e, toUInt64(0) AS l
        FROM ${db}.tag_changes
        WHERE op != 'renewed' AND profile_id IN (SELECT profile_id FROM ${db}.profiles FINAL WHERE known AND NOT excluded)
        GROUP BY tag
    )
    GROUP BY day, tag
)
COMMENT '各标签每日人数、进入和离开 / Each tag day by day'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.stage_stock${on_cluster}
(
    stage    LowCardinality(String) COMMENT '阶段 / Stage',
    profiles UInt64 COMMENT '客户数 / Profiles'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT stage, count() AS profiles
FROM (SELECT profile_id, stage FROM ${db}.profiles FINAL WHERE known AND NOT excluded AND stage != '')
WHERE profile_id NOT IN (SELECT profile_id FROM ${db}.merged_today)
GROUP BY stage
COMMENT '各阶段现有的已知客户数 / Known profiles in each stage now'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.alerts${on_cluster}
(
    alert_id   String COMMENT '提醒编号 / Alert id',
    profile_id String COMMENT '客户编号,按今天的合并结果 / Profile, as merged today',
    rule       LowCardinality(String) COMMENT '规则 / Rule',
    staff_id   LowCardinality(String) COMMENT '负责员工,转交后为接手人 / Staff member, after a handover the one who took over',
    severity   LowCardinality(String) COMMENT '级别 low、medium、high / Severity',
    raised_at  DateTime64(3, 'UTC') COMMENT '产生时间,UTC / Raised at, UTC',
    sent_at    Nullable(DateTime64(3, 'UTC')) COMMENT '首次送达时间,UTC / First delivered at, UTC',
    seen_at    Nullable(DateTime64(3, 'UTC')) COMMENT '首次查看时间,UTC / First seen at, UTC',
    claimed_at Nullable(DateTime64(3, 'UTC')) COMMENT '首次认领时间,UTC / First claimed at, UTC',
    closed_at  Nullable(DateTime64(3, 'UTC')) COMMENT '首次处理完成时间,UTC / First acknowledged, dismissed or given an outcome, UTC',
    outcome    String COMMENT '结果:最后填写的结果,否则 acked 或 dismissed / Outcome: the last one given, otherwise acked or dismissed'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT a.alert_id AS alert_id, if(m.into != '', m.into, a.profile_id) AS profile_id, a.rule AS rule, a.staff_id AS staff_id, a.severity AS severity,
       a.raised_at AS raised_at, a.sent_at AS sent_at, a.seen_at AS seen_at, a.claimed_at AS claimed_at, a.closed_at AS closed_at, a.outcome AS outcome
FROM
(
    SELECT x.alert_id AS alert_id, argMinIf(x.profile_id, x.version, x.verb = 'raised') AS profile_id, argMinIf(x.rule, x.version, x.verb = 'raised') AS rule,
           if(countIf(x.verb = 'handover' AND x.handed_to != '') > 0, argMaxIf(x.handed_to, (x.at, x.version), x.verb = 'handover' AND x.handed_to != ''),
              argMinIf(toString(x.staff_id), x.version, x.verb = 'raised')) AS staff_id,
           argMinIf(x.severity, x.version, x.verb = 'raised') AS severity,
           minIf(x.at, x.verb = 'raised') AS raised_at, minOrNullIf(x.at, x.verb = 'delivered') AS sent_at, minOrNullIf(x.at, x.verb = 'seen') AS seen_at,
           minOrNullIf(x.at, x.verb = 'claim') AS claimed_at, minOrNullIf(x.at, x.verb IN ('ack', 'dismiss', 'outcome')) AS closed_at,
           multiIf(countIf(x.verb = 'outcome') > 0, argMaxIf(x.remark, (x.at, x.version), x.verb = 'outcome'),
                   countIf(x.verb = 'dismiss') > 0, 'dismissed', countIf(x.verb = 'ack') > 0, 'acked', '') AS outcome
    FROM ${db}.alerts AS x
    GROUP BY x.alert_id
    HAVING countIf(x.verb = 'raised') > 0
) AS a
LEFT JOIN ${db}.merged_today AS m ON m.profile_id = a.profile_id
COMMENT '提醒及其处理进度,每条提醒一行 / Alerts and their progress, one row each'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.merges${on_cluster}
(
    profile_id  String COMMENT '被并入的客户 / Profile that was merged away',
    merged_into String COMMENT '今天归属的客户 / Profile it belongs to today',
    merged_at   DateTime64(3, 'UTC') COMMENT '首次合并时间,UTC / First merged at, UTC',
    reason      LowCardinality(String) COMMENT '原因 / Reason'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT g.profile_id AS profile_id, m.into AS merged_into, g.merged_at AS merged_at, g.reason AS reason
FROM (SELECT other AS profile_id, min(at) AS merged_at, argMin(x.reason, (x.at, x.version)) AS reason FROM ${db}.merges AS x GROUP BY other) AS g
INNER JOIN ${db}.merged_today AS m ON m.profile_id = g.profile_id
COMMENT '客户合并记录 / Merges of profiles'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.quality${on_cluster}
(
    day    Date COMMENT '日期,东八区 / Day in Asia/Shanghai',
    kind   LowCardinality(String) COMMENT '类别 rejected、conflict、shared、stale / Kind of finding',
    stage  LowCardinality(String) COMMENT '在哪一步发现 / Role that found it',
    source LowCardinality(String) COMMENT '来源 / Source',
    reason LowCardinality(String) COMMENT '原因 / Reason',
    items  UInt64 COMMENT '条数 / Items'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT toDate(day) AS day, 'rejected' AS kind, stage, source, reason, uniqExact(id) AS items FROM ${db}.rejected GROUP BY day, stage, source, reason
UNION ALL
SELECT toDate(day) AS day, kind, 'tagger' AS stage, '' AS source, reason, uniqExact(change_id) AS items FROM ${db}.quality GROUP BY day, kind, reason
COMMENT '数据质量:每日被拒、身份冲突和等待重算 / Data quality: refused input, identity conflicts, profiles to be rebuilt'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.event_stages${on_cluster}
(
    event_id   String COMMENT '事件编号 / Event id',
    profile_id String COMMENT '客户编号 / Profile',
    type       LowCardinality(String) COMMENT '事件类型 / Event type',
    time       DateTime64(3, 'UTC') COMMENT '发生时间,UTC / When, UTC',
    day        Date COMMENT '日期,东八区 / Day in Asia/Shanghai',
    stage      LowCardinality(String) COMMENT '当时的阶段 / Stage at that time'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT * FROM null('event_id String, profile_id String, type LowCardinality(String), time DateTime64(3, \'UTC\'), day Date, stage LowCardinality(String)')
COMMENT '事件发生时客户所处的阶段(后续提供,现为空) / The stage a profile was in at each event (comes later, empty)'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.stage_flow${on_cluster}
(
    day        Date COMMENT '日期,东八区 / Day in Asia/Shanghai',
    from_stage LowCardinality(String) COMMENT '离开的阶段 / Stage left',
    to_stage   LowCardinality(String) COMMENT '进入的阶段 / Stage entered',
    profiles   UInt64 COMMENT '客户数 / Profiles'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT * FROM null('day Date, from_stage LowCardinality(String), to_stage LowCardinality(String), profiles UInt64')
COMMENT '每日阶段流转(后续提供,现为空) / Moves between stages, day by day (comes later, empty)'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.intent${on_cluster}
(
    day      Date COMMENT '日期,东八区 / Day in Asia/Shanghai',
    band     LowCardinality(String) COMMENT '分段 high、mid、low、none / Band',
    profiles UInt64 COMMENT '客户数 / Profiles',
    average  Nullable(Float64) COMMENT '平均意向分 / Average score'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT * FROM null('day Date, band LowCardinality(String), profiles UInt64, average Nullable(Float64)')
COMMENT '每日意向分布(后续提供,现为空) / Intent by band, day by day (comes later, empty)'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.rfm${on_cluster}
(
    profile_id   String COMMENT '客户编号 / Profile',
    recency_days UInt32 COMMENT '距最近订单天数 / Days since the newest order',
    frequency    UInt64 COMMENT '订单数 / Orders',
    monetary     Decimal(38, 6) COMMENT '消费额 / Spend',
    currency     LowCardinality(String) COMMENT '币种 / Currency',
    r            UInt8 COMMENT 'R 分 1-5 / R score, 1 to 5',
    f            UInt8 COMMENT 'F 分 1-5 / F score, 1 to 5',
    m            UInt8 COMMENT 'M 分 1-5 / M score, 1 to 5',
    segment      LowCardinality(String) COMMENT '分群 / Segment'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT * FROM null('profile_id String, recency_days UInt32, frequency UInt64, monetary Decimal(38, 6), currency LowCardinality(String), r UInt8, f UInt8, m UInt8, segment LowCardinality(String)')
COMMENT 'RFM 分群(后续提供,现为空) / RFM segments (comes later, empty)'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.clv${on_cluster}
(
    profile_id      String COMMENT '客户编号 / Profile',
    orders          UInt64 COMMENT '订单数 / Orders',
    revenue         Decimal(38, 6) COMMENT '历史收入 / Revenue so far',
    currency        LowCardinality(String) COMMENT '币种 / Currency',
    average_order   Decimal(38, 6) COMMENT '客单价 / Average order',
    tenure_days     UInt32 COMMENT '客龄天数 / Tenure in days',
    expected_orders Nullable(Float64) COMMENT '未来 12 个月预期订单 / Orders expected in 12 months',
    clv_12m         Nullable(Float64) COMMENT '未来 12 个月价值 / Value over 12 months'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT * FROM null('profile_id String, orders UInt64, revenue Decimal(38, 6), currency LowCardinality(String), average_order Decimal(38, 6), tenure_days UInt32, expected_orders Nullable(Float64), clv_12m Nullable(Float64)')
COMMENT '客户生命周期价值(后续提供,现为空) / Customer lifetime value (comes later, empty)'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.funnel${on_cluster}
(
    week      Date COMMENT '进入周的周一 / Monday of the week of entry',
    step      UInt8 COMMENT '第几步 / Step',
    step_name LowCardinality(String) COMMENT '步骤 / Name of the step',
    profiles  UInt64 COMMENT '客户数 / Profiles'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT * FROM null('week Date, step UInt8, step_name LowCardinality(String), profiles UInt64')
COMMENT '每周漏斗(后续提供,现为空) / Funnel by week of entry (comes later, empty)'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.journey${on_cluster}
(
    month       Date COMMENT '月份 / Month',
    step        UInt8 COMMENT '第几步 / Step',
    source_node String COMMENT '起点 / From',
    target_node String COMMENT '终点 / To',
    profiles    UInt64 COMMENT '客户数 / Profiles'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT * FROM null('month Date, step UInt8, source_node String, target_node String, profiles UInt64')
COMMENT '客户路径(后续提供,现为空) / Journey, step by step (comes later, empty)'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.retention${on_cluster}
(
    cohort_week Date COMMENT '首次出现周的周一 / Monday of the week first seen',
    week_no     UInt16 COMMENT '第几周 / Week number',
    size        UInt64 COMMENT '同期人数 / Size of the cohort',
    profiles    UInt64 COMMENT '客户数 / Profiles'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT * FROM null('cohort_week Date, week_no UInt16, size UInt64, profiles UInt64')
COMMENT '按周留存(后续提供,现为空) / Retention by week (comes later, empty)'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.distribution${on_cluster}
(
    dimension      LowCardinality(String) COMMENT '维度 city、industry、level、source、owner / Dimension',
    value          String COMMENT '取值 / Value',
    profiles       UInt64 COMMENT '客户数 / Profiles',
    average_intent Nullable(Float64) COMMENT '平均意向分 / Average intent',
    buyers         UInt64 COMMENT '有订单的客户数 / Profiles with orders'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT * FROM null('dimension LowCardinality(String), value String, profiles UInt64, average_intent Nullable(Float64), buyers UInt64')
COMMENT '客户分布(后续提供,现为空) / Distribution of profiles (comes later, empty)'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.channels${on_cluster}
(
    day      Date COMMENT '日期,东八区 / Day in Asia/Shanghai',
    channel  LowCardinality(String) COMMENT '渠道 / Channel',
    source   LowCardinality(String) COMMENT '来源 / Source',
    profiles UInt64 COMMENT '客户数 / Profiles',
    events   UInt64 COMMENT '事件数 / Events',
    leads    UInt64 COMMENT '留资客户数 / Profiles that left a form',
    buyers   UInt64 COMMENT '下单客户数 / Profiles that paid',
    revenue  Decimal(38, 6) COMMENT '收入 / Revenue',
    currency LowCardinality(String) COMMENT '币种 / Currency'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT * FROM null('day Date, channel LowCardinality(String), source LowCardinality(String), profiles UInt64, events UInt64, leads UInt64, buyers UInt64, revenue Decimal(38, 6), currency LowCardinality(String)')
COMMENT '渠道效果(后续提供,现为空) / Channel performance (comes later, empty)'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.campaigns${on_cluster}
(
    day      Date COMMENT '日期,东八区 / Day in Asia/Shanghai',
    campaign LowCardinality(String) COMMENT '活动 / Campaign',
    sent     UInt64 COMMENT '发送数 / Sent',
    opened   UInt64 COMMENT '打开数 / Opened',
    joined   UInt64 COMMENT '参与客户数 / Profiles that joined',
    buyers   UInt64 COMMENT '下单客户数 / Profiles that paid',
    revenue  Decimal(38, 6) COMMENT '收入 / Revenue',
    currency LowCardinality(String) COMMENT '币种 / Currency'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT * FROM null('day Date, campaign LowCardinality(String), sent UInt64, opened UInt64, joined UInt64, buyers UInt64, revenue Decimal(38, 6), currency LowCardinality(String)')
COMMENT '活动效果(后续提供,现为空) / Campaign performance (comes later, empty)'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.staff${on_cluster}
(
    day                     Date COMMENT '日期,东八区 / Day in Asia/Shanghai',
    staff_id                LowCardinality(String) COMMENT '员工 / Staff member',
    profiles                UInt64 COMMENT '服务客户数 / Profiles served',
    messages                UInt64 COMMENT '发出消息数 / Messages sent',
    alerts                  UInt64 COMMENT '收到提醒数 / Alerts received',
    closed                  UInt64 COMMENT '处理完的提醒数 / Alerts closed',
    median_response_seconds Nullable(Float64) COMMENT '提醒到认领的中位秒数 / Median seconds from alert to claim'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT * FROM null('day Date, staff_id LowCardinality(String), profiles UInt64, messages UInt64, alerts UInt64, closed UInt64, median_response_seconds Nullable(Float64)')
COMMENT '员工工作量与响应(后续提供,现为空) / Staff workload and response (comes later, empty)'
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE VIEW ${bi}.metrics${on_cluster}
(
    name    String COMMENT '名称 / Name',
    zh      String COMMENT '中文名 / Chinese name',
    en      String COMMENT '英文名 / English name',
    formula String COMMENT '口径,中英文 / Definition in zh and en',
    view    String COMMENT '所在视图与列 / View and column'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS SELECT name, zh, en, formula, view
FROM values('name String, zh String, en String, formula String, view String',
    ('tag_profiles', '标签人数', 'Profiles of a tag', '已知、未被排除、未被合并掉的客户中,最新快照持有该标签的客户数 / Known profiles, neither excluded nor merged away, whose newest snapshot holds the tag', 'tags_now.profiles'),
    ('stage_profiles', '阶段人数', 'Profiles in a stage', '已知、未被排除、未被合并掉的客户中,最新快照处于该阶段的客户数 / Known profiles, neither excluded nor merged away, whose newest snapshot is in the stage', 'stage_stock.profiles'),
    ('tag_entered', '标签进入', 'Times a tag was entered', '当日(东八区)applied 变更数,只计现已知且未被排除的客户 / Changes applied that day in Asia/Shanghai, of profiles known and not excluded today', 'tags_daily.entered'),
    ('tag_left', '标签离开', 'Times a tag was left', '当日 removed 与 expired 变更数,客户范围同上 / Changes removed or expired that day, of the same profiles', 'tags_daily.left'),
    ('tag_profiles_daily', '标签每日人数', 'Profiles of a tag at the end of a day', '自首日起进入减离开的累计 / Entered less left, summed from the first day', 'tags_daily.profiles'),
    ('events', '事件数', 'Events', '按来源和事件编号去重后的事件数,被排除的客户不计 / Events distinct by source and event id, without those of excluded profiles', 'events'),
    ('orders', '订单数', 'Orders paid', 'order.pay 事件数 / Number of order.pay events', 'profiles.orders'),
    ('spend', '净消费', 'Net spend', '与最近一笔订单同币种的 order.pay 金额之和减 order.refund 金额之和,未写币种视为 CNY / order.pay less order.refund amounts in the currency of the newest order, CNY where none is given', 'profiles.spend'),
    ('intent_score', '意向分', 'Intent score', '客户快照中指标 意向分(或 intent)的值 / Value of the measure 意向分, or intent, in the newest snapshot', 'profiles.intent'),
    ('alerts_raised', '提醒数', 'Alerts raised', '提醒编号去重数 / Distinct alert ids', 'alerts'),
    ('alert_response', '提醒响应时长', 'Response to an alert', 'raised_at 到 claimed_at 的时长,未认领不计 / From raised_at to claimed_at, alerts not claimed left out', 'alerts.claimed_at'),
    ('rejected_items', '被拒条数', 'Items refused', '按内容编号去重的被拒条数 / Refused items, distinct by the id made of their content', 'quality.items'))
COMMENT '口径:每个数字的定义 / Definitions of every number'
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DROP DATABASE IF EXISTS ${bi}${on_cluster}
-- +goose StatementEnd
