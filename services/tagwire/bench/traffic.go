package bench

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// ruleSet has each kind of rule once, and an alert at every `intent.shown`.
const ruleSet = `keywords:
  询价: {words: [价格, 多少钱, 报价], from: customer}
measures:
  近7天打开: {count: [link.open, page.view], within: 7d}
  意向分: {score: {link.open: 5, form.submit: 20, chat.message: 3}, half_life: 3d}
  净消费: {sum: order.pay, of: event.amount}
  订单数: {count: order.pay}
tags:
  常看: {group: 意向, when: 近7天打开 >= 5, lasts: 7d}
  热: {group: 意向, when: 意向分 >= 60}
  问价: {group: 关键词, event: chat.message, when: keyword("询价"), lasts: 30d}
  会员: {group: 会员, choose: [{tag: 黄金, when: 净消费 >= 2000}, {tag: 普通, when: 净消费 > 0}]}
  高意向:
    group: 意向
    event: intent.shown
    when: event.amount >= 0
    lasts: 7d
    alert: {each: match, severity: high, title: "近7天打开 {{近7天打开}} 次", advice: 先问用途}
stages:
  - {name: 潜在, start: true}
  - {name: 新, when: 订单数 >= 1}
`

const (
	customers  = 20_000
	batchOf    = 100
	senders    = 4
	alertShare = 0.05 // of the events at a constant rate
	bulkShare  = 0.005
)

// traffic makes events that a seed fixes.
type traffic struct {
	rnd    *rand.Rand
	name   string
	n      int
	alerts float64 // share of events that raise an alert
	of     int     // customers
	inTurn bool    // one event of each after the other, not by chance
}

func newTraffic(seed uint64, name string, alerts float64) *traffic {
	var salt uint64
	for _, c := range name {
		salt = salt*131 + uint64(c)
	}
	return &traffic{rnd: rand.New(rand.NewPCG(seed, salt)), name: name, alerts: alerts, of: customers}
}

func (t *traffic) customer() string {
	if t.inTurn {
		return "bench-" + strconv.Itoa((t.n-1)%t.of)
	}
	return "bench-" + strconv.Itoa(t.rnd.IntN(t.of))
}

// sent is one event as a Segment client sends it.
type sent struct {
	Type       string         `json:"type"`
	MessageID  string         `json:"messageId"`
	UserID     string         `json:"userId"`
	Event      string         `json:"event"`
	Timestamp  string         `json:"timestamp"`
	Properties map[string]any `json:"properties"`
}

func (t *traffic) next(at time.Time) sent {
	t.n++
	e := sent{
		Type: "track", MessageID: fmt.Sprintf("%s-%d", t.name, t.n), UserID: t.customer(),
		Timestamp: at.UTC().Format("2006-01-02T15:04:05.000Z"),
	}
	if t.rnd.Float64() < t.alerts {
		e.Event, e.Properties = "intent.shown", map[string]any{"amount": "1.00", "staff_id": "staff-" + strconv.Itoa(t.rnd.IntN(30))}
		return e
	}
	object := map[string]any{"object_type": "link", "object_id": "l" + strconv.Itoa(t.rnd.IntN(500)), "object_title": "春季新品资料", "channel": "抖音"}
	switch kind := t.rnd.IntN(100); {
	case kind < 40:
		e.Event, e.Properties = "page.view", object
	case kind < 65:
		e.Event, e.Properties = "link.open", object
	case kind < 85:
		text := []string{"你好，请问这款多少钱？", "什么时候发货呢", "谢谢，我再看看", "有没有大一点的尺码，颜色要深一些的"}[t.rnd.IntN(4)]
		e.Event, e.Properties = "chat.message", map[string]any{"text": text, "from": "customer", "staff_id": "staff-" + strconv.Itoa(t.rnd.IntN(30))}
	case kind < 90:
		e.Event, e.Properties = "form.submit", map[string]any{"object_type": "form", "object_id": "f1", "store_id": "s" + strconv.Itoa(t.rnd.IntN(20))}
	default:
		e.Event, e.Properties = "order.pay", map[string]any{"amount": fmt.Sprintf("%d.%02d", 20+t.rnd.IntN(800), t.rnd.IntN(100)), "currency": "CNY"}
	}
	return e
}

// batches are whole request bodies of batchOf events each.
func (t *traffic) batches(events int) ([][]byte, error) {
	var out [][]byte
	now := time.Now()
	for events > 0 {
		n := min(batchOf, events)
		events -= n
		body, err := t.batch(now, n)
		if err != nil {
			return nil, err
		}
		out = append(out, body)
	}
	return out, nil
}

// batch is the body of one request.
func (t *traffic) batch(at time.Time, n int) ([]byte, error) {
	list := make([]sent, n)
	for i := range list {
		list[i] = t.next(at)
	}
	body, err := json.Marshal(map[string]any{"batch": list})
	if err != nil {
		return nil, fmt.Errorf("encode a batch: %w", err)
	}
	return body, nil
}
