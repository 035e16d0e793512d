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

// manyRules are n rules of which the same hundred can match what the benchmark
// sends. The others read measures of events that do not come or, where they are
// alike, the same measures with limits that nobody reaches.
func manyRules(n int, alike bool) string {
	var b strings.Builder
	b.WriteString("measures:\n")
	for i := range n / 5 {
		fmt.Fprintf(&b, "  次数%d: {count: type.%d, within: %dd}\n", i, i, 1+i%30)
	}
	b.WriteString("tags:\n")
	for i := range n {
		limit, of := 1+i/20, i%20
		if i >= 100 && alike {
			limit = 900 + i%100
		} else if i >= 100 {
			of = i % (n / 5)
			if of < 20 {
				of += 20
			}
		}
		fmt.Fprintf(&b, "  标签%d: {when: 次数%d >= %d}\n", i, of, limit)
	}
	return b.String()
}

// eventTime is the time of one event with its next due time.
func eventTime(b *testing.B, set *rule.Set, events int) time.Duration {
	b.Helper()
	p := profile.New("p-1")
	own := []event.Identity{{Namespace: "user_id", Value: "u-1"}}
	var took time.Duration
	for n := range events {
		at := t0.Add(time.Duration(n) * 10 * time.Minute)
		e := &event.Event{EventID: fmt.Sprint(n), Type: fmt.Sprintf("type.%d", n%20), Time: at, ReceivedAt: at, Source: "s", Identities: own}
		apply.Advance(set, p, at, 0, time.Hour)
		begun := time.Now()
		res := apply.Event(set, p, apply.Input{Event: e, Own: own, Place: at, Fresh: time.Hour, Late: 24 * time.Hour})
		apply.NextDue(set, p, res.Memo)
		took += time.Since(begun)
	}
	return took / time.Duration(events)
}

// BenchmarkManyRules is what a thousand rules cost beside a hundred, in one run, when
// equally many match.
func BenchmarkManyRules(b *testing.B) {
	hundred := compile(b, manyRules(100, false))
	for name, alike := range map[string]bool{"other": false, "alike": true} {
		thousand := compile(b, manyRules(1000, alike))
		b.Run(name, func(b *testing.B) {
			var few, many time.Duration
			n := 0
			for b.Loop() {
				n++
				few += eventTime(b, hundred, 2000)
				many += eventTime(b, thousand, 2000)
			}
			b.ReportMetric(float64(few.Nanoseconds())/float64(n), "ns/event-100")
			b.ReportMetric(float64(many.Nanoseconds())/float64(n), "ns/event-1000")
			b.ReportMetric(float64(many)/float64(few), "ratio")
		})
	}
}
