package trial_test

import (
	"fmt"
	"time"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
)

// holding is a product that a made-up saver may hold.
type holding struct {
	title, category, risk string
	days                  int
}

func holdings() []holding {
	return []holding{
		{"稳盈一号", "固收", "R2", 90},
		{"月月存", "存款", "R1", 30},
		{"平衡一号", "混合", "R3", 180},
		{"成长一号", "权益", "R4", 180},
		{"科技基金", "权益", "R5", 365},
		{"三年固收", "固收", "R2", 1095},
	}
}

// saver is a customer of the finance world.
func saver(l *life) {
	kind := l.IntN(4) // looks only, saves, invests, wealthy
	traits := event.Fields{
		"name": "客户", "gender": pick(l, "男", "女"), "age": float64(22 + l.IntN(50)), "occupation": pick(l, "教师", "企业主", "医生", "工程师", "退休"),
		"birthday": fmt.Sprintf("%d-%02d-%02d", 1960+l.IntN(40), 1+l.IntN(12), 1+l.IntN(28)),
	}
	if l.chance(0.8) {
		traits["phone"] = fmt.Sprintf("138%08d", l.IntN(100_000_000))
	}
	first := l.Float64() * 60
	l.note(first, event.Event{Type: "contact.add", StaffID: pick(l, "wujing", "helei"), Traits: traits})
	if l.chance(0.7) {
		l.note(first+3, event.Event{Type: "form.submit", Properties: event.Fields{"kind": "风险测评", "score": float64(l.IntN(101))}})
	}
	own := float64([]int{5_000, 120_000, 900_000, 4_000_000}[kind]) * (0.5 + l.Float64()*2)
	gone := float64(l.days)
	if l.chance(0.25) {
		gone = first + 60 + l.Float64()*200
	}
	if l.chance(0.12) {
		l.note(first+9, event.Event{Type: "form.submit", Properties: event.Fields{"kind": "贷款申请", "quota": float64(100_000 + l.IntN(9)*100_000)}})
		l.repay(first+40, kind)
	}
	for day := float64(int(first) + 5); day < gone; day++ {
		if int(day)%15 == 0 {
			own *= 0.93 + l.Float64()*0.15
			if l.chance(0.015) {
				own *= 0.3
			}
			if l.chance(0.004) {
				own = 0
			}
			l.note(day, event.Event{Type: "asset.balance", Amount: whole(own)})
		}
		if l.chance([]float64{0, 0.006, 0.012, 0.02}[kind]) {
			l.hold(day+l.hour(9, 17), own)
		}
		l.speak(day)
	}
}

func whole(yuan float64) *decimal.Decimal {
	d := decimal.MustNew(int64(yuan), 0)
	return &d
}

// hold is one product from its buying to its end.
func (l *life) hold(day, own float64) {
	h := pick(l, holdings()...)
	id := fmt.Sprintf("c%d", len(l.events))
	amount := whole(own * (0.1 + l.Float64()*0.4))
	object := &event.Object{Type: "product", Title: h.title, Category: h.category}
	at := func(d float64) string {
		return l.start.Add(time.Duration(d * 24 * float64(time.Hour))).Format(time.DateOnly)
	}
	what := func(typ string, more string) event.Event {
		return event.Event{Type: typ, Object: object, Amount: amount, Properties: event.Fields{"contract": id, "risk": h.risk, "reason": more}}
	}
	start := what("contract.start", "")
	start.Traits = event.Fields{"bought": at(day), "maturity": at(day + float64(h.days)), "term_years": float64(h.days) / 365}
	l.note(day, start)
	end := day + float64(h.days)
	switch {
	case l.chance(0.12):
		l.note(day+float64(h.days)/2, what("contract.end", "提前赎回"))
	case l.chance(0.6):
		l.note(end, what("contract.end", "到期"))
		l.note(end+1+float64(l.IntN(5)), what("contract.renew", ""))
	default:
		l.note(end, what("contract.end", "到期"))
	}
}

// repay is a loan's instalments.
func (l *life) repay(day float64, kind int) {
	for i := range 12 {
		loan := event.Fields{"loan": fmt.Sprintf("%s-%d", l.id.Value, i)}
		due := day + float64(i)*30
		l.note(due, event.Event{Type: "receivable.due", Amount: whole(5000), Properties: loan})
		late := 0
		if kind == 0 && l.chance(0.6) || l.chance(0.1) {
			late = 1 + l.IntN(15)
		}
		if late > 12 && l.chance(0.3) {
			l.note(due+90, event.Event{Type: "receivable.written_off", Amount: whole(5000), Properties: loan})
			return
		}
		l.note(due+float64(late), event.Event{Type: "receivable.paid", Amount: whole(5000), Properties: event.Fields{"loan": loan["loan"], "days_late": float64(late)}})
	}
}

// speak is what a saver says, opens and complains of on one day.
func (l *life) speak(day float64) {
	if l.chance(0.04) {
		text := pick(l, "有没有保本的", "定期多少", "指数现在怎么样", "不敢买美股", "想买高收益的", "谢谢", "我想赎回一部分", "先不赎回了", "亏太多了")
		l.note(day+l.hour(9, 18), event.Event{Type: "chat.message", From: "customer", Text: text})
	}
	if l.chance(0.03) {
		h := pick(l, holdings()...)
		l.note(day+l.hour(9, 22), event.Event{Type: "link.open", Object: &event.Object{Title: h.title}, Properties: event.Fields{"risk": h.risk}})
	}
	if l.chance(0.002) {
		id := event.Fields{"case": fmt.Sprintf("k%d", len(l.events)), "topic": pick(l, "收费", "误导", "排队")}
		l.note(day+l.hour(9, 18), event.Event{Type: "feedback.complaint", Properties: id})
		l.note(day+1+float64(l.IntN(6)), event.Event{Type: "service.ticket", Properties: event.Fields{"case": id["case"], "state": "已结"}})
	}
}
