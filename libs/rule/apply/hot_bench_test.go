package apply_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/apply"
)

// BenchmarkHotCustomer is Apply of one event of a customer who has thousands of them a
// day, under one measure of each kind.
func BenchmarkHotCustomer(b *testing.B) {
	for _, c := range []struct{ name, measure, when string }{
		{"count", "{count: pay, within: 7d}", "m >= 900"},
		{"count per day", "{count: pay, per: day}", "m >= 900"},
		{"count between", "{count: pay, between: [1h, 3h]}", "m >= 900"},
		{"sum", "{sum: pay, of: event.amount, within: 7d}", "m >= 90000"},
		{"sum per day", "{sum: pay, of: event.amount, per: day}", "m >= 90000"},
		{"avg", "{avg: pay, of: event.amount, within: 7d}", "m >= 51"},
		{"max", "{max: pay, of: event.amount, within: 7d}", "m >= 99"},
		{"distinct", "{distinct: pay, of: event.channel, within: 7d}", "len(m) >= 900"},
		{"top", "{top: pay, of: event.channel, within: 7d}", `m == "c7"`},
		{"last", "{last: pay, of: event.channel, within: 7d}", `m == "c7"`},
		{"score", "{score: {pay: 1}, half_life: 3d}", "m >= 900"},
		{"time_since", "{time_since: pay}", `m >= "1h"`},
	} {
		b.Run(c.name, func(b *testing.B) {
			set := compile(b, "measures:\n  m: "+c.measure+"\ntags:\n  T: {when: '"+c.when+"'}\n")
			p := profile.New("p-1")
			own := []event.Identity{{Namespace: "user_id", Value: "u-1"}}
			b.ReportAllocs()
			n := 0
			next := func() {
				n++
				at := t0.Add(time.Duration(n) * 20 * time.Second)
				e := &event.Event{
					EventID: fmt.Sprint(n), Type: "pay", Time: at, ReceivedAt: at, Source: "s", Identities: own,
					Amount: money(fmt.Sprint(n%100 + 1)), Channel: fmt.Sprint("c", n*7919%1500),
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
