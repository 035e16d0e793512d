import type { Lang } from '../text/format'

// Names of event types. A type that is not listed is shown as it is on the wire.
const eventTypes: Record<string, readonly [zh: string, en: string]> = {
  'contact.add': ['添加好友', 'Contact added'],
  'contact.add_half': ['单向添加', 'Contact added one way'],
  'contact.edit': ['修改备注', 'Contact edited'],
  'contact.delete_by_staff': ['员工删除好友', 'Removed by staff'],
  'contact.delete_by_customer': ['客户删除好友', 'Removed by customer'],
  'contact.consent': ['同意存档', 'Consent given'],
  'group.join': ['进群', 'Group joined'],
  'group.leave': ['退群', 'Group left'],
  'group.create': ['建群', 'Group created'],
  'group.update': ['群变更', 'Group changed'],
  'group.dismiss': ['解散群', 'Group dismissed'],
  'link.sent': ['发送链接', 'Link sent'],
  'link.open': ['打开链接', 'Link opened'],
  'link.read': ['阅读链接', 'Link read'],
  'file.open': ['打开文件', 'File opened'],
  'moment.open': ['打开朋友圈', 'Moment opened'],
  'moment.like': ['点赞朋友圈', 'Moment liked'],
  'moment.comment': ['评论朋友圈', 'Moment commented'],
  'chat.message': ['聊天消息', 'Chat message'],
  'chat.start': ['主动聊天', 'Chat started'],
  'chat.recall': ['撤回消息', 'Message recalled'],
  'call.start': ['通话', 'Call'],
  'kf.enter': ['进入客服', 'Service entered'],
  'kf.session': ['客服会话', 'Service session'],
  'form.open': ['打开表单', 'Form opened'],
  'form.submit': ['提交表单', 'Form submitted'],
  'activity.checkin': ['签到', 'Check-in'],
  'lottery.view': ['查看抽奖', 'Lottery viewed'],
  'lottery.join': ['参加抽奖', 'Lottery joined'],
  'lottery.win': ['中奖', 'Lottery won'],
  'order.create': ['下单', 'Order placed'],
  'order.pay': ['付款', 'Order paid'],
  'order.ship': ['发货', 'Order shipped'],
  'order.complete': ['订单完成', 'Order completed'],
  'order.cancel': ['取消订单', 'Order cancelled'],
  'order.refund': ['退款', 'Refund'],
  'cart.add': ['加购物车', 'Added to cart'],
  'page.view': ['浏览页面', 'Page viewed'],
  'campaign.join': ['参加活动', 'Campaign joined'],
  'email.open': ['打开邮件', 'E-mail opened'],
  'social.like': ['点赞', 'Liked'],
  'social.comment': ['评论', 'Commented'],
  'social.share': ['分享', 'Shared'],
  'feedback.csat': ['满意度评价', 'Satisfaction rated'],
  'feedback.complaint': ['投诉', 'Complaint'],
  'feedback.suggestion': ['建议', 'Suggestion'],
  'service.ticket': ['服务工单', 'Service ticket'],
  'review.post': ['发表评价', 'Review posted'],
  'referral.made': ['推荐好友', 'Referral'],
  'attribute.set': ['更新资料', 'Details updated'],
  'relation.set': ['更新关系', 'Relation updated'],
  'profile.unmerge': ['拆出身份', 'Identities taken out'],
  'profile.split': ['拆分为独立客户', 'Split off as a customer of its own'],
  identify: ['识别身份', 'Identified'],
}

// Reasons why an event was rejected, as codes; an unlisted code is shown as it is.
const reasons: Record<string, readonly [zh: string, en: string]> = {
  malformed_json: ['不是有效的 JSON', 'not valid JSON'],
  wrong_type: ['字段类型不对', 'a field has the wrong type'],
  missing_field: ['缺少必填字段', 'a required field is missing'],
  no_identity: ['没有客户身份', 'no identity'],
  bad_time: ['时间不合理', 'the time makes no sense'],
  too_large: ['超过大小限制', 'too large'],
  too_deep: ['嵌套过深', 'nested too deeply'],
  too_many_events: ['一批里的事件过多', 'too many events in a batch'],
  bad_event_id: ['事件编号不合要求', 'the event id is not valid'],
  unknown_write_key: ['写入密钥不对', 'unknown write key'],
  bad_signature: ['签名不对', 'wrong signature'],
  unknown_source: ['来源未定义', 'unknown source'],
  bad_mapping: ['字段映射出错', 'the mapping does not fit'],
  undecryptable: ['无法解密', 'cannot be decrypted'],
  unresolvable: ['无法确定是哪位客户', 'no customer can be found for it'],
  poison: ['反复处理失败', 'failed again and again'],
  state_too_large: ['客户资料过大', 'the profile has grown too large'],
  suppressed: ['已停止处理这位客户', 'processing is stopped for this customer'],
}

// What kinds of identity are called.
const namespaces: Record<string, readonly [zh: string, en: string]> = {
  user_id: ['用户编号', 'User id'],
  anonymous_id: ['匿名设备', 'Anonymous device'],
  phone: ['手机号', 'Phone'],
  email: ['邮箱', 'E-mail'],
  wecom: ['企业微信', 'WeCom'],
  unionid: ['微信 UnionID', 'WeChat UnionID'],
}

function pick(pair: readonly [string, string] | undefined, lang: Lang): string | undefined {
  return pair?.[lang === 'zh' ? 0 : 1]
}

export function eventTypeName(type: string | undefined, lang: Lang): string {
  if (!type) return ''
  return pick(eventTypes[type], lang) ?? type
}

export function reasonName(reason: string | undefined, lang: Lang): string {
  if (!reason) return ''
  return pick(reasons[reason], lang) ?? reason
}

// A namespace in words; what stands behind its first dot, such as the company of a WeCom, is kept.
export function namespaceName(namespace: string, lang: Lang): string {
  const [kind = '', ...rest] = namespace.split('.')
  const name = pick(namespaces[kind], lang)
  return name ? [name, rest.join('.')].filter(Boolean).join(' ') : namespace
}
