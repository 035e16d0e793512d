package apply_test

import (
	"testing"
	"time"

	"github.com/govalues/decimal"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/apply"
)

const shopRules = `
keywords:
  询价: {words: [价格, 多少钱, 报价], from: customer}
measures:
  近7天打开次数: {count: [link.open, file.open], within: 7d}
  意向分: {score: {link.open: 5, form.submit: 20, chat.message: 3}, half_life: 3d}
  净消费: {sum: order.pay, of: event.amount, minus: order.refund}
  订单数: {count: order.pay}
  看过品牌: {distinct: page.view, of: event.object.brand, within: 90d}
  最近活动: {last: activity.join, of: event.object.title}
tags:
  高意向:
    group: 意向
    when: 近7天打开次数 >= 3 or 意向分 >= 60
    lasts: 7d
    alert: {severity: high, title: "{{name}} 打开 {{近7天打开次数}} 次", cooldown: 30m}
  询价:
    group: 关键词
    event: chat.message
    when: keyword("询价")
    lasts: 30d
    alert: {each: match}
  渠道: {group: 渠道, event: contact.add, value: event.channel}
  会员等级:
    choose:
      - {tag: 黄金, when: 净消费 >= 10000}
      - {tag: 普通, when: 净消费 > 0}
  沉睡: {when: '订单数 >= 1 and absent("order.pay", "90d")'}
  既黄又高: {when: tag("黄金") and tag("高意向")}
stages:
  - {name: 潜在, start: true}
  - {name: 新, when: 订单数 >= 1}
  - {name: 流失, when: '订单数 >= 1 and absent("order.pay", "180d")'}
`

var t0 = event.At(time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC))

func compile(t testing.TB, text string) *rule.Set {
	t.Helper()
	s, err := rule.Compile(1, map[string]string{"rules.yaml": text})
	require.NoError(t, err)
	return s
}

// world plays events into one profile as the tagger does.
type world struct {
	t       testing.TB
	s       *rule.Set
	p       *profile.Profile
	changes []event.Change
	alerts  []event.Alert
}

func newWorld(t testing.TB) *world {
	return &world{t: t, s: compile(t, shopRules), p: profile.New("p1")}
}

func (w *world) add(id, typ string, at event.Time, more func(*event.Event)) apply.Result {
	e := &event.Event{EventID: id, Type: typ, Time: at, ReceivedAt: at, Source: "s"}
	if more != nil {
		more(e)
	}
	w.take(apply.Advance(w.s, w.p, e.ReceivedAt, 0, time.Hour))
	r := apply.Event(w.s, w.p, apply.Input{Event: e, Own: []event.Identity{{Namespace: "user_id", Value: "u"}}, Place: e.ReceivedAt, Fresh: time.Hour, Late: 24 * time.Hour})
	w.take(r)
	return r
}

func (w *world) take(r apply.Result) {
	w.changes, w.alerts = append(w.changes, r.Changes...), append(w.alerts, r.Alerts...)
	b, err := w.p.Encode()
	require.NoError(w.t, err)
	w.p, err = profile.Decode(b)
	require.NoError(w.t, err)
}

func (w *world) pass(to event.Time) { w.take(apply.Advance(w.s, w.p, to, to, time.Hour)) }

func (w *world) has(tag string) bool { return w.p.Tags[tag] != nil }

func money(s string) *decimal.Decimal { d := decimal.MustParse(s); return &d }

func TestWindowTagHoldsThenLastsThenExpires(t *testing.T) {
	w := newWorld(t)
	for i := range 3 {
		w.add(string(rune('a'+i)), "link.open", t0.Add(time.Duration(i)*24*time.Hour), nil)
	}
	require.True(t, w.has("高意向"))
	require.Len(t, w.alerts, 1)
	require.Equal(t, "打开 3 次", w.alerts[0].Title)
	require.Len(t, w.alerts[0].Evidence, 3)
	// The first open leaves the window at day 7; from then the tag lasts 7 days.
	w.pass(t0.Add(7*24*time.Hour - time.Millisecond))
	require.Zero(t, w.p.Tags["高意向"].Expires)
	w.pass(t0.Add(7 * 24 * time.Hour))
	require.Equal(t, t0.Add(14*24*time.Hour), w.p.Tags["高意向"].Expires)
	w.pass(t0.Add(14*24*time.Hour - time.Millisecond))
	require.True(t, w.has("高意向"))
	w.pass(t0.Add(20 * 24 * time.Hour))
	require.False(t, w.has("高意向"))
	last := w.changes[len(w.changes)-1]
	require.Equal(t, event.OpExpired, last.Op)
	require.Equal(t, t0.Add(14*24*time.Hour), last.At)
}

func TestScoreDecaysAtTheExactMoment(t *testing.T) {
	w := newWorld(t)
	for i := range 4 { // 80 points at once
		w.add(string(rune('a'+i)), "form.submit", t0, nil)
	}
	require.True(t, w.has("高意向"))
	due := apply.NextDue(w.s, w.p, nil)
	m, _ := w.s.Measure("意向分")
	require.Less(t, m.Value(w.p, due).Score, 60.0)
	require.GreaterOrEqual(t, m.Value(w.p, due-1).Score, 60.0)
	w.pass(due)
	require.Equal(t, due.Add(7*24*time.Hour), w.p.Tags["高意向"].Expires)
}

func TestDuplicateChangesNothing(t *testing.T) {
	w := newWorld(t)
	pay := func(e *event.Event) { e.Amount = money("12000") }
	w.add("o1", "order.pay", t0, pay)
	n := len(w.changes)
	require.True(t, w.add("o1", "order.pay", t0, pay).Duplicate)
	require.Len(t, w.changes, n)
	require.True(t, w.has("黄金"))
	w.add("r1", "order.refund", t0.Add(time.Hour), func(e *event.Event) { e.Amount = money("11999.99") })
	require.False(t, w.has("黄金"))
	require.True(t, w.has("普通"))
	m, _ := w.s.Measure("净消费")
	require.Equal(t, "0.01", m.Value(w.p, w.p.Clock).String())
}

func TestAbsenceIsATimer(t *testing.T) {
	w := newWorld(t)
	w.add("o1", "order.pay", t0, func(e *event.Event) { e.Amount = money("1") })
	require.Equal(t, "新", w.p.Stage)
	w.pass(t0.Add(90*24*time.Hour - 1))
	require.False(t, w.has("沉睡"))
	w.pass(t0.Add(181 * 24 * time.Hour))
	require.True(t, w.has("沉睡"))
	require.Equal(t, "流失", w.p.Stage)
	require.Equal(t, t0.Add(180*24*time.Hour), w.p.StageSince)
	w.add("o2", "order.pay", t0.Add(182*24*time.Hour), func(e *event.Event) { e.Amount = money("1") })
	require.False(t, w.has("沉睡"))
	require.Equal(t, "新", w.p.Stage)
}

func TestFamilyEventTagAndCatalogue(t *testing.T) {
	w := newWorld(t)
	w.add("c1", "contact.add", t0, func(e *event.Event) { e.Channel, e.StaffID, e.Tags = "抖音", "zhang", []string{"门店A"} })
	require.True(t, w.has("渠道:抖音"))
	require.Equal(t, rule.Catalogue, w.p.Tags["门店A"].Rule)
	w.add("m1", "chat.message", t0, func(e *event.Event) { e.Matched = w.s.Match("多少钱", "customer") })
	require.Equal(t, []string{"多少钱"}, w.p.Tags["询价"].Evidence[0].Matched)
	require.Len(t, w.alerts, 1)
	require.Equal(t, "zhang", w.alerts[0].StaffID)
	w.add("x1", "tag.remove", t0.Add(time.Second), func(e *event.Event) { e.Properties = event.Fields{"tag": "询价"} })
	require.False(t, w.has("询价"))
	w.add("m2", "chat.message", t0.Add(2*time.Second), func(e *event.Event) { e.Matched = w.s.Match("多少钱", "customer") })
	require.False(t, w.has("询价"), "a person's decision outranks the rule")
}

// A tag that a rule decides at every moment is the rule's alone: when it is judged
// depends on what else happens, and a channel's tag would go with that.
func TestADefinitionDoesNotGiveWhatARuleDecides(t *testing.T) {
	w := newWorld(t)
	w.add("c1", "contact.add", t0, func(e *event.Event) { e.Tags = []string{"沉睡", "询价", "门店A"} })
	require.False(t, w.has("沉睡"), "a state")
	require.True(t, w.has("询价"), "given by an event, and by whoever else gives it")
	require.True(t, w.has("门店A"))
}

func TestLateEventOfALastingTag(t *testing.T) {
	// In order: held from day 2 to day 7, so it lasts until day 14, also when the
	// second open comes after the clock has passed day 7.
	day := 24 * time.Hour
	w := newWorld(t)
	w.add("a", "link.open", t0, nil)
	w.add("c", "link.open", t0.Add(6*day+12*time.Hour), nil)
	w.add("z", "page.view", t0.Add(7*day+2*time.Hour), nil)
	require.False(t, w.has("高意向"))
	w.add("b", "link.open", t0.Add(6*day+13*time.Hour), func(e *event.Event) { e.ReceivedAt = t0.Add(7*day + 3*time.Hour) })
	require.True(t, w.has("高意向"))
	require.Equal(t, t0.Add(14*day), w.p.Tags["高意向"].Expires)
}

func TestRefusedProfilingIsReadBeforeAnyRule(t *testing.T) {
	w := newWorld(t)
	w.add("o1", "order.pay", t0, func(e *event.Event) { e.Amount = money("12000") })
	w.add("k", event.TypeConsent, t0, func(e *event.Event) { e.Properties = event.Fields{"profiling": "refused"} })
	require.Empty(t, w.p.Tags)
	w.add("o2", "order.pay", t0, func(e *event.Event) { e.Amount = money("12000") })
	require.Empty(t, w.p.Tags)
	require.Empty(t, w.p.Folds)
}

// A list gives a tag for each of its elements: the answers of a form.
func TestFamilyOfAList(t *testing.T) {
	s := compile(t, "tags:\n  爱好: {event: form.submit, value: event.properties.hobbies}\n")
	p := profile.New("p1")
	e := &event.Event{EventID: "1", Type: "form.submit", Time: t0, ReceivedAt: t0, Source: "s", Properties: event.Fields{"hobbies": []any{"跑步", "", "露营"}}}
	apply.Event(s, p, apply.Input{Event: e, Place: t0, Fresh: time.Hour, Late: 24 * time.Hour})
	require.Equal(t, []string{"爱好:跑步", "爱好:露营"}, held(p))
}

// A tag that ends raises its exit alert, whether its condition or its time is over.
func TestExitAlerts(t *testing.T) {
	s := compile(t, "measures:\n  n: {count: a, within: 1h}\ntags:\n  A: {when: n >= 1, alert: {each: exit}}\n  B: {event: a, lasts: 2h, alert: [{each: enter}, {each: exit}]}\n")
	p := profile.New("p1")
	e := &event.Event{EventID: "1", Type: "a", Time: t0, ReceivedAt: t0, Source: "s"}
	first := apply.Event(s, p, apply.Input{Event: e, Place: t0, Fresh: time.Hour, Late: 24 * time.Hour})
	end := t0.Add(3 * time.Hour)
	later := apply.Advance(s, p, end, end, 3*time.Hour)
	var got []string
	for _, a := range append(first.Alerts, later.Alerts...) {
		got = append(got, a.Tag+" "+a.RaisedAt.Sub(t0).String())
	}
	require.Equal(t, []string{"B 0s", "A 1h0m0s", "B 2h0m0s"}, got)
	require.Empty(t, held(p))
}
