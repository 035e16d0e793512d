package apply_test

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"testing"
	"time"

	"github.com/govalues/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/apply"
)

// The order-free kinds, judged by a model that looks at the whole history at
// once: whatever order events arrive in, however often, and over however many
// profiles that turn out to be one, the end is the same (G4).
const modelRules = `
measures:
  opens3h: {count: [open, read], within: 3h}
  orders: {count: pay}
  big: {count: pay, where: 'event.amount >= 5'}
  net: {sum: pay, of: event.amount, minus: refund}
  brands: {distinct: view, of: event.object.brand}
  brands4h: {distinct: view, of: event.object.brand, within: 4h}
  heat: {score: {open: 5, pay: 3}, half_life: 2h}
  lastbrand: {last: view, of: event.object.brand}
  firstbrand: {first: view, of: event.object.brand}
tags:
  hot: {when: opens3h >= 3, lasts: 4h}
  cool: {when: 'net >= 6 and not (opens3h >= 1)', lasts: 2h}
  warm: {when: heat >= 9}
  gone: {when: 'absent("pay", "5h")'}
  keen: {when: tag("hot") or len(brands) >= 3}
  member:
    choose:
      - {tag: gold, when: net >= 12}
      - {tag: plain, when: net > 0}
  fresh: {when: '"x" in brands4h', lasts: 1h}
stages:
  - {name: start, start: true}
  - {name: new, when: orders >= 1}
  - {name: busy, when: opens3h >= 2}
  - {name: lost, when: 'orders >= 1 and absent("pay", "6h")'}
`

type fact struct {
	id     string
	typ    string
	at     event.Time
	recv   event.Time
	amount int64
	brand  string
	who    int // which of the profiles it is first seen as
}

// history is what the model judges.
type history []fact

func (h history) count(now event.Time, within time.Duration, ok func(fact) bool) (n int) {
	for _, f := range h {
		if f.at <= now && (within == 0 || f.at > now.Add(-within)) && ok(f) {
			n++
		}
	}
	return n
}

func typed(types ...string) func(fact) bool {
	return func(f fact) bool { return slices.Contains(types, f.typ) }
}

func (h history) net(now event.Time) (s int64) {
	for _, f := range h {
		if f.at <= now && f.typ == "pay" {
			s += f.amount
		}
		if f.at <= now && f.typ == "refund" {
			s -= f.amount
		}
	}
	return s
}

func (h history) heat(now event.Time) (s float64) {
	points := map[string]float64{"open": 5, "pay": 3}
	for _, f := range h {
		if f.at <= now {
			s += points[f.typ] * math.Exp2(-float64(now-f.at)/float64((2*time.Hour).Milliseconds()))
		}
	}
	return s
}

func (h history) brands(now event.Time, within time.Duration) map[string]bool {
	out := map[string]bool{}
	for _, f := range h {
		if f.typ == "view" && f.at <= now && (within == 0 || f.at > now.Add(-within)) {
			out[f.brand] = true
		}
	}
	return out
}

func (h history) absent(now event.Time, typ string, d time.Duration) bool {
	last := event.Time(0)
	for _, f := range h {
		if f.at <= now && (last == 0 || f.at < last) {
			last = f.at // first seen
		}
	}
	for _, f := range h {
		if f.typ == typ && f.at <= now && f.at > last {
			last = f.at
		}
	}
	return last.Add(d) <= now
}

// lasting: held at some moment after now-lasts. Between two boundaries (a fact
// comes or leaves) a window condition does not change.
func (h history) lasting(now event.Time, lasts time.Duration, held func(event.Time) bool) bool {
	bounds := []event.Time{now, now.Add(-lasts)}
	for _, f := range h {
		for _, d := range []time.Duration{0, 3 * time.Hour, 4 * time.Hour} {
			bounds = append(bounds, f.at.Add(d))
		}
	}
	for _, b := range bounds {
		for _, m := range []event.Time{b - 1, b} { // just before the end of a stretch, and its begin
			if m <= now && m >= now.Add(-lasts) && held(m) {
				return true
			}
		}
	}
	return false
}

func (h history) tags(now event.Time) []string {
	has := map[string]bool{}
	hot := func(m event.Time) bool { return h.count(m, 3*time.Hour, typed("open", "read")) >= 3 }
	cool := func(m event.Time) bool { return h.net(m) >= 6 && h.count(m, 3*time.Hour, typed("open", "read")) < 1 }
	fresh := func(m event.Time) bool { return h.brands(m, 4*time.Hour)["x"] }
	has["hot"] = h.lasting(now, 4*time.Hour, hot)
	has["cool"] = h.lasting(now, 2*time.Hour, cool)
	has["fresh"] = h.lasting(now, time.Hour, fresh)
	has["warm"] = h.heat(now) >= 9
	has["gone"] = h.absent(now, "pay", 5*time.Hour)
	has["keen"] = has["hot"] || len(h.brands(now, 0)) >= 3
	has["gold"] = h.net(now) >= 12
	has["plain"] = !has["gold"] && h.net(now) > 0
	var out []string
	for name, ok := range has {
		if ok {
			out = append(out, name)
		}
	}
	sort.Strings(out)
	return out
}

func (h history) stage(now event.Time) string {
	s := "start"
	orders := h.count(now, 0, typed("pay"))
	if orders >= 1 {
		s = "new"
	}
	if h.count(now, 3*time.Hour, typed("open", "read")) >= 2 {
		s = "busy"
	}
	if orders >= 1 && h.absent(now, "pay", 6*time.Hour) {
		s = "lost"
	}
	return s
}

func drawHistory(t *rapid.T, profiles int) history {
	n := rapid.IntRange(1, 40).Draw(t, "events")
	var h history
	for i := range n {
		f := fact{
			id: fmt.Sprint("e", i), typ: rapid.SampledFrom([]string{"open", "read", "pay", "refund", "view"}).Draw(t, "type"),
			at:     t0.Add(time.Duration(rapid.IntRange(0, 30*60).Draw(t, "minute")) * time.Minute),
			amount: int64(rapid.IntRange(1, 9).Draw(t, "amount")), brand: rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "brand"),
			who: rapid.IntRange(0, profiles-1).Draw(t, "who"),
		}
		f.recv = f.at.Add(time.Duration(rapid.IntRange(0, 20*60).Draw(t, "delay")) * time.Minute)
		h = append(h, f)
	}
	return h
}

func (f fact) event() *event.Event {
	amount := decimal.MustNew(f.amount, 0)
	return &event.Event{
		EventID: f.id, Type: f.typ, Time: f.at, ReceivedAt: f.recv, Source: "s", Amount: &amount, Object: &event.Object{Brand: f.brand},
	}
}

func arrivals(h history) history {
	out := slices.Clone(h)
	sort.SliceStable(out, func(i, j int) bool { return out[i].recv < out[j].recv })
	return out
}

func deliver(s *rule.Set, p *profile.Profile, f fact) {
	apply.Advance(s, p, f.recv, 0, time.Hour)
	apply.Event(s, p, apply.Input{Event: f.event(), Place: f.recv, Fresh: time.Hour, Late: 24 * time.Hour})
}

func held(p *profile.Profile) []string {
	var out []string
	for _, t := range p.TagStates() {
		out = append(out, t.Tag)
	}
	return out
}

func compare(t require.TestingT, s *rule.Set, p *profile.Profile, h history, now event.Time) {
	apply.Advance(s, p, now, now, time.Hour)
	p.Clock = max(p.Clock, now) // the model looks at now; between timers nothing flips
	require.Equal(t, h.tags(now), held(p), "tags at %s", now)
	require.Equal(t, h.stage(now), p.Stage)
	value := func(name string) string {
		m, ok := s.Measure(name)
		require.True(t, ok)
		return m.Value(p, now).String()
	}
	require.Equal(t, fmt.Sprint(h.count(now, 0, typed("pay"))), value("orders"))
	require.Equal(t, fmt.Sprint(h.count(now, 0, func(f fact) bool { return f.typ == "pay" && f.amount >= 5 })), value("big"))
	require.Equal(t, fmt.Sprint(h.net(now)), value("net"))
	require.Equal(t, fmt.Sprint(h.count(now, 3*time.Hour, typed("open", "read"))), value("opens3h"))
	m, _ := s.Measure("heat")
	require.InDelta(t, h.heat(now), m.Value(p, now).Score, 1e-6)
}

func TestAnyOrderAndDuplicatesGiveTheModelsState(t *testing.T) {
	s := compile(t, modelRules)
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t, 1)
		p := profile.New("p1")
		end := t0
		for _, f := range arrivals(h) {
			end = max(end, f.recv)
			deliver(s, p, f)
			if rapid.IntRange(0, 4).Draw(t, "again") == 0 {
				deliver(s, p, f) // a retry, or the same record again
			}
		}
		compare(t, s, p, h, end.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "wait"))*time.Minute))
	})
}

func TestMergesAtAnyMomentGiveTheModelsState(t *testing.T) {
	s := compile(t, modelRules)
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t, 3)
		ps := []*profile.Profile{profile.New("p1"), profile.New("p2"), profile.New("p3")}
		at := []int{rapid.IntRange(0, len(h)).Draw(t, "merge2"), rapid.IntRange(0, len(h)).Draw(t, "merge3")}
		end := t0
		for i, f := range append(arrivals(h), fact{}) {
			for n, when := range at { // p2 and p3 join p1
				if loser := ps[n+1]; i == when && loser != ps[0] {
					to := max(ps[0].Clock, loser.Clock)
					apply.Advance(s, ps[0], to, 0, 0)
					apply.Merge(s, ps[0], loser, "m"+loser.ID)
					require.True(t, apply.Merge(s, ps[0], loser, "m"+loser.ID).Duplicate)
					ps[n+1] = ps[0]
				}
			}
			if i == len(h) {
				break
			}
			end = max(end, f.recv)
			deliver(s, ps[f.who], f)
		}
		compare(t, s, ps[0], h, end.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "wait"))*time.Minute))
	})
}
