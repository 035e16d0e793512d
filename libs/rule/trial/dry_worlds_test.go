package trial_test

import (
	"fmt"
	"maps"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
)

// goods are what the made-up shop sells: category, titles, price span.
type goods struct {
	category, brand, style string
	titles                 []string
	from, to               int
	niche                  bool
}

func shopGoods() []goods {
	return []goods{
		{"跑鞋", "疾风", "运动", []string{"疾风 3 跑鞋", "越野跑鞋"}, 399, 899, false},
		{"运动服饰", "疾风", "简约", []string{"速干短袖", "轻薄风衣"}, 99, 499, false},
		{"运动袜", "疾风", "运动", []string{"速干袜三双装"}, 29, 59, false},
		{"咖啡机", "晨焙", "简约", []string{"半自动咖啡机"}, 1299, 2999, false},
		{"咖啡豆", "晨焙", "简约", []string{"意式拼配豆", "耶加雪菲"}, 69, 129, false},
		{"帐篷", "山野", "工装", []string{"三季帐篷", "两人帐篷"}, 699, 1899, false},
		{"营灯", "山野", "工装", []string{"充电营灯"}, 99, 199, false},
		{"家居", "日常", "简约", []string{"马克杯", "亚麻床品"}, 39, 699, false},
		{"露营装备", "山野", "工装", []string{"钛合金防风炉", "折叠木桌"}, 299, 999, true},
		{"手冲咖啡", "晨焙", "复古", []string{"手冲壶", "陶瓷滤杯"}, 99, 399, true},
	}
}

// temper is how often a shopper does what, a day.
type temper struct{ order, visit, chat, social, activity float64 }

// shopper is a customer of the retail world.
func shopper(l *life) {
	tempers := []temper{{0.0005, 0.03, 0.005, 0.01, 0.001}, {0.006, 0.12, 0.02, 0.03, 0.004}, {0.025, 0.35, 0.05, 0.08, 0.01}, {0.07, 0.6, 0.1, 0.1, 0.02}}
	kind := pick(l, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3)
	does := tempers[kind]
	all := shopGoods()
	liked := []goods{pick(l, all...), pick(l, all...), pick(l, all...)}
	traits := event.Fields{"birthday": fmt.Sprintf("%d-%02d-%02d", 1965+l.IntN(40), 1+l.IntN(12), 1+l.IntN(28))}
	if l.chance(0.8) {
		traits["age"], traits["occupation"] = float64(18+l.IntN(48)), pick(l, "产品经理", "教师", "学生", "设计师", "退休", "护士")
	}
	first := l.Float64() * 60
	l.note(first, event.Event{Type: "contact.add", StaffID: pick(l, "chenjie", "liqian"), Channel: "ch_store", Traits: traits})
	gone := float64(l.days)
	if l.chance(0.25) {
		gone = first + 20 + l.Float64()*100
	}
	monthly := kind >= 2 && l.chance(0.3)
	for day := float64(int(first) + 1); day < gone; day++ {
		if monthly && int(day)%14 == 0 || l.chance(does.order) {
			l.order(day+l.hour(10, 22), pick(l, liked...), kind)
		}
		if l.chance(does.visit) {
			l.visit(day+l.hour(8, 23), pick(l, append(liked, pick(l, all...))...), kind)
		}
		l.talk(day, does)
	}
}

// order is one order from its making to its end.
func (l *life) order(day float64, g goods, kind int) {
	id := fmt.Sprintf("o%d", len(l.events))
	price := l.money(g.from, g.to)
	object := &event.Object{Type: "product", Title: pick(l, g.titles...), Category: g.category, Brand: g.brand, Price: price}
	amount := *price
	if kind == 3 {
		amount, _ = price.Mul(decimal.MustNew(int64(1+l.IntN(4)), 0))
	}
	what := func(typ string, more event.Fields) event.Event {
		p := event.Fields{"order_id": id, "style": g.style, "niche": g.niche}
		maps.Copy(p, more)
		return event.Event{Type: typ, StoreID: "st_lujiazui", Object: object, Amount: &amount, Properties: p}
	}
	l.note(day, what("order.create", nil))
	if l.chance(0.08) {
		return
	}
	how := event.Fields{}
	switch l.IntN(5) {
	case 0:
		how["coupon_id"] = "c9"
	case 1:
		how["delivery"] = pick(l, "自提", "当日达")
	case 2:
		how["flagship"] = true
	}
	l.note(day+0.003, what("order.pay", how))
	l.note(day+pick(l, 0.5, 0.7, 1, 1.2, 2.6), what("order.ship", nil))
	if l.chance(0.06) {
		l.note(day+6, what("order.refund", event.Fields{"reason": pick(l, "尺码不合", "质量问题", "不喜欢")}))
	}
}

// visit is one visit to the shop's pages.
func (l *life) visit(day float64, g goods, kind int) {
	session := fmt.Sprintf("s%d", len(l.events))
	object := &event.Object{Type: "product", Title: pick(l, g.titles...), Category: g.category, Brand: g.brand}
	page := func(name string) event.Event {
		return event.Event{Type: "page.view", Object: object, Properties: event.Fields{"page": name, "session_id": session, "dwell": float64(5 + l.IntN(90)), "niche": g.niche, "style": g.style}}
	}
	l.note(day, page("list"))
	for i := range 1 + l.IntN(2+kind) {
		l.note(day+0.002*float64(i+1), page("detail"))
	}
	if l.chance(0.06) {
		l.note(day+0.015, event.Event{Type: "cart.add", Object: object, Properties: event.Fields{"session_id": session, "cart_id": session, "style": g.style}})
	}
}

// talk is what a shopper says, likes, opens and joins on one day.
func (l *life) talk(day float64, does temper) {
	if l.chance(does.chat) {
		text := pick(l, "这款有货吗", "能便宜点吗", "是正品吗", "可以自提吗", "周末去爬山徒步", "晚上去跑步", "不喜欢跑步", "谢谢", "太贵了", "专柜有吗")
		l.note(day+l.hour(9, 22), event.Event{Type: "chat.message", From: "customer", Touchpoint: "企业微信", Text: text})
	}
	if l.chance(does.social) {
		l.note(day+l.hour(18, 23), event.Event{Type: pick(l, "social.like", "social.comment", "social.share"), Properties: event.Fields{"topic": pick(l, "户外徒步", "户外徒步", "跑步", "咖啡", "家居收纳")}})
	}
	if l.chance(does.chat) {
		l.note(day+l.hour(8, 12), event.Event{Type: "link.open", Touchpoint: pick(l, "企业微信", "邮件"), Object: &event.Object{Title: "新品画册"}, Properties: event.Fields{"topic": "跑步"}})
	}
	if l.chance(does.activity) {
		l.note(day+l.hour(9, 18), event.Event{Type: pick(l, "activity.checkin", "lottery.join", "campaign.join"), Properties: event.Fields{"activity": pick(l, "春季路跑", "会员日抽奖", "露营体验营", "手冲课")}})
	}
	if l.chance(does.activity / 2) {
		l.note(day+l.hour(9, 18), event.Event{Type: "form.submit", Properties: event.Fields{"activity": "装备问卷", "feature": pick(l, "防水", "轻量", "透气")}})
	}
}

// factory is a customer of the manufacturing world.
func factory(l *life) {
	industry := pick(l, "钢铁", "化工", "食品", "汽车零部件", "电子", "建材")
	traits := event.Fields{
		"industry": industry, "employees": float64(pick(l, 80, 200, 450, 1500)), "market_size": float64(pick(l, 5, 30, 200)),
		"competitors": float64(pick(l, 0, 1, 2, 3, 6)), "utilization": float64(30 + l.IntN(65)), "machine_years": float64(1 + l.IntN(14)),
	}
	first := l.Float64() * 90
	l.note(first, event.Event{Type: "contact.add", StaffID: pick(l, "chengong", "liugong"), Channel: "ch_expo", Traits: traits})
	if l.chance(0.3) {
		l.note(first+40+l.Float64()*200, event.Event{Type: "attribute.set", Traits: event.Fields{"utilization": float64(30 + l.IntN(65))}})
	}
	kind := pick(l, 0, 0, 0, 1, 1, 2) // asks only, buys at times, buys often
	gone := float64(l.days)
	if l.chance(0.3) {
		gone = first + 30 + l.Float64()*150
	}
	if l.chance(0.04) {
		gone = first + 2
		l.deal(first+1, 1, 0)
	}
	weak := l.chance(0.25) // pays late
	for day := float64(int(first) + 1); day < gone; day++ {
		if l.chance([]float64{0.01, 0.02, 0.03}[kind]) {
			l.enquire(day + l.hour(9, 17))
		}
		if l.chance([]float64{0, 0.012, 0.04}[kind]) {
			late := 0
			if weak && l.chance(0.5) {
				late = 1 + l.IntN(20)
			}
			l.deal(day+l.hour(9, 17), kind, late)
		}
		l.work(day, industry, weak)
	}
}

// enquire asks for a price.
func (l *life) enquire(day float64) {
	product := pick(l, "高温轴承", "主轴总成", "密封件", "减速机")
	l.note(day, event.Event{Type: "form.submit", Properties: event.Fields{"kind": "询价", "product": product, "quantity": float64(pick(l, 50, 200, 500, 2000))}})
	if l.chance(0.2) {
		l.note(day+2, event.Event{Type: "order.create", Amount: l.money(0, 500), Properties: event.Fields{"sample": true}})
	}
	if l.chance(0.5) {
		l.note(day+0.1, event.Event{Type: "file.open", From: "customer", Object: &event.Object{Title: "选型手册.pdf"}})
	}
}

// deal is one order with its invoice.
func (l *life) deal(day float64, kind, late int) {
	invoice := fmt.Sprintf("f%d", len(l.events))
	amount := l.money(8000, []int{60000, 60000, 160000}[kind])
	what := func(typ string) event.Event {
		return event.Event{
			Type: typ, Amount: amount, Object: &event.Object{Title: pick(l, "高温轴承", "主轴总成", "密封圈"), Category: pick(l, "轴承", "主轴", "密封件")},
			Properties: event.Fields{"invoice": invoice},
		}
	}
	l.note(day, what("order.create"))
	if l.chance(0.12) {
		l.note(day+1, what("order.cancel"))
		if l.chance(0.3) { // ordered again, and again in vain
			l.note(day+4, what("order.create"))
			l.note(day+5, what("order.cancel"))
		}
		return
	}
	l.note(day+3, what("order.pay"))
	l.note(day+30, what("receivable.due"))
	if late > 15 && l.chance(0.4) {
		l.note(day+120, what("receivable.written_off"))
		return
	}
	paid := what("receivable.paid")
	paid.Properties["days_late"] = float64(late)
	l.note(day+29.5+float64(late), paid)
}

// work is a day of tickets, talk and news.
func (l *life) work(day float64, industry string, weak bool) {
	if l.chance(0.012) {
		for i := range 1 + l.IntN(3) {
			l.note(day+l.hour(8, 18)+float64(i), event.Event{Type: "service.ticket", Properties: event.Fields{"kind": "报修", "machine": pick(l, "1 号压机", "2 号压机"), "down_hours": float64(l.IntN(20))}})
		}
	}
	if l.chance(0.03) {
		text := pick(l, "最近车间很忙", "什么交期", "别家报价低一成", "领导说要换供应商", "钢价又涨了，成本上升", "谢谢", "图纸发你了")
		switch {
		case weak && l.chance(0.3):
			text = pick(l, "能不能延期付款", "最近周转有点难")
		case (industry == "钢铁" || industry == "化工") && l.chance(0.3):
			text = "下个月环保检查，可能限产"
		}
		l.note(day+l.hour(9, 18), event.Event{Type: "chat.message", From: "customer", Text: text})
	}
	if l.chance(0.0006) {
		l.note(day+l.hour(9, 18), event.Event{Type: "risk.signal", Properties: event.Fields{"kind": pick(l, "停产", "裁员", "更名", "被执行")}})
	}
}
