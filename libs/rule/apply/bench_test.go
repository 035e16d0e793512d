package apply_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/apply"
)

// BenchmarkEvent is Apply of one event, on a profile that has had thousands.
func BenchmarkEvent(b *testing.B) {
	set := compile(b, shopRules)
	p := profile.New("p-1")
	own := []event.Identity{{Namespace: "user_id", Value: "u-1"}}
	types := []string{"link.open", "page.view", "chat.message", "form.submit"}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		at := t0.Add(time.Duration(n) * time.Minute)
		e := &event.Event{EventID: fmt.Sprint(n), Type: types[n%len(types)], Time: at, ReceivedAt: at, Source: "s", Identities: own}
		apply.Event(set, p, apply.Input{Event: e, Own: own, Place: at, Fresh: time.Hour, Late: 24 * time.Hour})
	}
}

// manyRules are rules of which ten match what the benchmark's events feed; the rest
// wait for other events, or compare the same count with numbers that nobody reaches.
func manyRules(n int, same bool) string {
	var b strings.Builder
	b.WriteString("measures:\n  opens: {count: link.open, within: 7d}\n  hour: {count: link.open, within: 1h}\n  heat: {score: {link.open: 5}, half_life: 3d}\n")
	for i := range n / 10 {
		fmt.Fprintf(&b, "  other%d: {count: other.%d, within: 7d}\n", i, i)
	}
	b.WriteString("tags:\n")
	for i := range n {
		switch {
		case i < 5:
			fmt.Fprintf(&b, "  T%d: {when: opens >= %d, lasts: 1d}\n", i, 2+i)
		case i < 10:
			fmt.Fprintf(&b, "  T%d: {when: heat >= %d}\n", i, 10*i)
		case same:
			fmt.Fprintf(&b, "  T%d: {when: hour >= %d}\n", i, 10+i%900)
		default:
			fmt.Fprintf(&b, "  T%d: {when: other%d >= %d}\n", i, i%(n/10), 1+i/100)
		}
	}
	return b.String()
}

// BenchmarkManyRules shows that a step costs by the rules that it can affect: a
// thousand of which as many match as of a hundred. Both take turns in one run.
func BenchmarkManyRules(b *testing.B) {
	b.Run("other events", func(b *testing.B) { benchManyRules(b, false) })
	b.Run("the same count", func(b *testing.B) { benchManyRules(b, true) })
}

func benchManyRules(b *testing.B, same bool) {
	type side struct {
		set  *rule.Set
		p    *profile.Profile
		took time.Duration
	}
	sides := []*side{
		{set: compile(b, manyRules(100, same)), p: profile.New("p")}, {set: compile(b, manyRules(1000, same)), p: profile.New("p")},
	}
	own := []event.Identity{{Namespace: "user_id", Value: "u-1"}}
	n := 0
	for b.Loop() {
		n++
		at := t0.Add(time.Duration(n) * 10 * time.Minute)
		for _, s := range sides {
			e := &event.Event{EventID: fmt.Sprint(n), Type: "link.open", Time: at, ReceivedAt: at, Source: "s", Identities: own}
			began := time.Now()
			apply.Advance(s.set, s.p, at, 0, time.Hour)
			r := apply.Event(s.set, s.p, apply.Input{Event: e, Own: own, Place: at, Fresh: time.Hour, Late: 24 * time.Hour})
			apply.NextDue(s.set, s.p, r.Memo)
			s.took += time.Since(began)
		}
	}
	b.ReportMetric(float64(sides[0].took.Nanoseconds())/float64(b.N), "ns/100rules")
	b.ReportMetric(float64(sides[1].took.Nanoseconds())/float64(b.N), "ns/1000rules")
	b.ReportMetric(float64(sides[1].took)/float64(sides[0].took), "ratio")
}

// BenchmarkSequence is Apply of one event of a customer who has thousands of them a
// day, under sequences: a step costs by what is new, not by what has been.
func BenchmarkSequence(b *testing.B) {
	for _, c := range []struct{ name, also string }{{"plain", ""}, {"correlated", ", same: event.object.id"}} {
		b.Run(c.name, func(b *testing.B) {
			set := compile(b, fmt.Sprintf("measures:\n  left: {sequence: [cart.add, {not: order.pay}], within: 1h, over: 7d%[1]s}\n  bought: {sequence: [page.view, cart.add, order.pay], within: 2h%[1]s}\n"+
				"tags:\n  Left: {when: left >= 3}\n  Bought: {when: bought >= 2}\n", c.also))
			p := profile.New("p-1")
			own := []event.Identity{{Namespace: "user_id", Value: "u-1"}}
			types := []string{"page.view", "cart.add", "page.view", "cart.add", "order.pay"}
			b.ReportAllocs()
			n := 0
			next := func() {
				n++
				at := t0.Add(time.Duration(n) * 20 * time.Second)
				e := &event.Event{
					EventID: fmt.Sprint(n), Type: types[n%len(types)], Time: at, ReceivedAt: at, Source: "s", Identities: own,
					Object: &event.Object{ID: fmt.Sprint("o", n/7)},
				}
				apply.Event(set, p, apply.Input{Event: e, Own: own, Place: at, Fresh: time.Hour, Late: 24 * time.Hour})
			}
			for range 4000 {
				next()
			}
			for b.Loop() {
				next()
			}
		})
	}
}
