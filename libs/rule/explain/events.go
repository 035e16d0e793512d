package explain

// both is a text in both languages.
type both struct{ zh, en string }

// eventNames are the canonical event types in words.
func eventNames() map[string]both {
	return map[string]both{
		"contact.add": {"添加好友", "contact added"}, "contact.add_half": {"单向添加", "contact added one way"},
		"contact.edit": {"修改备注", "contact edited"}, "contact.delete_by_staff": {"员工删除客户", "removed by staff"},
		"contact.delete_by_customer": {"客户删除员工", "removed by the customer"}, "contact.transfer_fail": {"转接失败", "transfer failed"},
		"contact.consent": {"同意存档", "consent given"},
		"group.create":    {"建群", "group created"}, "group.join": {"进群", "group joined"}, "group.leave": {"退群", "group left"},
		"group.update": {"群变更", "group changed"}, "group.dismiss": {"解散群", "group dismissed"},
		"link.sent": {"发送链接", "link sent"}, "link.open": {"打开链接", "link opened"}, "link.read": {"阅读链接", "link read"},
		"file.open": {"打开文件", "file opened"}, "moment.open": {"打开朋友圈", "moment opened"},
		"moment.like": {"点赞朋友圈", "moment liked"}, "moment.comment": {"评论朋友圈", "moment commented on"},
		"chat.message": {"聊天消息", "chat message"}, "chat.start": {"主动聊天", "chat started"}, "chat.recall": {"撤回消息", "message recalled"},
		"chat.keyword": {"聊天关键词", "chat keyword"}, "call.start": {"发起通话", "call started"},
		"kf.enter": {"进入客服", "service entered"}, "kf.session": {"客服会话", "service session"},
		"form.open": {"打开表单", "form opened"}, "form.submit": {"提交表单", "form submitted"},
		"activity.checkin": {"签到", "check-in"}, "lottery.view": {"查看抽奖", "lottery viewed"},
		"lottery.join": {"参加抽奖", "lottery joined"}, "lottery.win": {"中奖", "lottery won"},
		"order.create": {"下单", "order placed"}, "order.pay": {"付款", "order paid"}, "order.ship": {"发货", "order shipped"},
		"order.complete": {"订单完成", "order completed"}, "order.cancel": {"取消订单", "order cancelled"}, "order.refund": {"退款", "refund"},
		"cart.add": {"加购物车", "added to the cart"}, "page.view": {"浏览页面", "page viewed"},
		"campaign.join": {"参加活动", "campaign joined"},
		"email.sent":    {"发送邮件", "e-mail sent"}, "email.open": {"打开邮件", "e-mail opened"}, "email.click": {"点击邮件", "e-mail clicked"},
		"message.sent": {"发送消息", "message sent"},
		"social.like":  {"点赞", "liked"}, "social.comment": {"评论", "commented"}, "social.share": {"分享", "shared"},
		"feedback.csat": {"满意度评价", "satisfaction rated"}, "feedback.complaint": {"投诉", "complaint"},
		"feedback.suggestion": {"建议", "suggestion"}, "service.ticket": {"服务工单", "service ticket"},
		"review.post": {"发表评价", "review posted"}, "referral.made": {"推荐好友", "referral made"}, "risk.signal": {"风险信号", "risk signal"},
		"attribute.set": {"更新资料", "details updated"}, "relation.set": {"更新关系", "relation updated"},
		"contract.start": {"合同开始", "contract started"}, "contract.renew": {"合同续签", "contract renewed"}, "contract.end": {"合同到期", "contract ended"},
		"receivable.due": {"应收到期", "receivable due"}, "receivable.paid": {"应收回款", "receivable paid"},
		"receivable.written_off": {"应收核销", "receivable written off"}, "asset.balance": {"资产余额", "asset balance"},
		"tag.add": {"人工打标签", "tag added by hand"}, "tag.remove": {"人工取消标签", "tag removed by hand"},
		"stage.change": {"阶段变更", "stage changed"}, "tier.change": {"等级变更", "tier changed"}, "taglib.change": {"标签库变更", "tag library changed"},
		"wecom.unknown": {"未知企微事件", "unknown WeCom event"}, "identify": {"识别身份", "identified"},
	}
}
