package message

// Language is that of the texts.
type Language string

// The languages there are texts in.
const (
	Chinese Language = "zh"
	English Language = "en"
)

type phrases struct {
	high, medium, low         string
	escalated                 string
	bracketOpen, bracketClose string
	quoteOpen, quoteClose     string
	colon, comma              string
	rule, ruleVersion         string
	evidence, more, matched   string
	advice, staff             string
	number, open              string
	events                    map[string]string
}

func (l Language) phrases() *phrases {
	if l == English {
		return english()
	}
	return chinese()
}

func (p *phrases) severity(s string) string {
	switch s {
	case "high":
		return p.high
	case "low":
		return p.low
	}
	return p.medium
}

// event is what an event type means; an own type is told by its name.
func (p *phrases) event(typ string) string {
	if text, ok := p.events[typ]; ok {
		return text
	}
	return typ
}

func chinese() *phrases {
	return &phrases{
		high: "高", medium: "中", low: "低", escalated: "，无人处理，已升级",
		bracketOpen: "【", bracketClose: "】", quoteOpen: "《", quoteClose: "》", colon: "：", comma: "、",
		rule: "规则", ruleVersion: "%s（第 %d 版）",
		evidence: "依据", more: "另有 %d 条，见详情", matched: "，提到：",
		advice: "建议", staff: "负责人", number: "编号", open: "查看并处理",
		events: map[string]string{
			"contact.add": "添加员工为联系人", "contact.add_half": "被员工添加", "contact.delete_by_customer": "删除了员工",
			"group.join": "进群", "group.leave": "退群",
			"link.open": "打开链接", "link.read": "阅读链接", "file.open": "打开资料", "moment.open": "打开朋友圈",
			"moment.like": "朋友圈点赞", "moment.comment": "朋友圈评论",
			"chat.message": "聊天", "chat.start": "发起聊天", "call.start": "发起通话", "kf.enter": "进入客服会话",
			"form.open": "打开表单", "form.submit": "提交表单", "activity.checkin": "打卡签到",
			"lottery.join": "参与抽奖", "lottery.win": "抽奖中奖",
			"order.create": "下单", "order.pay": "支付订单", "order.cancel": "取消订单", "order.refund": "退款",
			"cart.add": "加入购物车", "page.view": "浏览页面", "email.open": "打开邮件", "email.click": "点击邮件",
			"feedback.complaint": "投诉", "feedback.csat": "满意度评价", "service.ticket": "服务工单", "review.post": "发表评价",
			"referral.made": "推荐朋友", "risk.signal": "风险信号", "receivable.due": "应收到期",
		},
	}
}

func english() *phrases {
	return &phrases{
		high: "High", medium: "Medium", low: "Low", escalated: ", nobody took it up",
		bracketOpen: "[", bracketClose: "] ", quoteOpen: " “", quoteClose: "”", colon: ": ", comma: ", ",
		rule: "Rule", ruleVersion: "%s (version %d)",
		evidence: "Because", more: "%d more, see the alert", matched: ", mentions: ",
		advice: "Advice", staff: "For", number: "No.", open: "Open the alert",
		events: map[string]string{
			"contact.add": "added a staff member", "contact.add_half": "was added by staff", "contact.delete_by_customer": "removed a staff member",
			"group.join": "joined a group", "group.leave": "left a group",
			"link.open": "opened a link", "link.read": "read a link", "file.open": "opened a document", "moment.open": "opened a moment",
			"moment.like": "liked a moment", "moment.comment": "commented on a moment",
			"chat.message": "chat message", "chat.start": "started a chat", "call.start": "started a call", "kf.enter": "entered customer service",
			"form.open": "opened a form", "form.submit": "submitted a form", "activity.checkin": "checked in",
			"lottery.join": "joined a lottery", "lottery.win": "won a lottery",
			"order.create": "placed an order", "order.pay": "paid an order", "order.cancel": "cancelled an order", "order.refund": "was refunded",
			"cart.add": "added to cart", "page.view": "viewed a page", "email.open": "opened an e-mail", "email.click": "clicked in an e-mail",
			"feedback.complaint": "complained", "feedback.csat": "rated the service", "service.ticket": "service ticket", "review.post": "wrote a review",
			"referral.made": "referred a friend", "risk.signal": "risk signal", "receivable.due": "payment is due",
		},
	}
}
