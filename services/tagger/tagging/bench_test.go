package tagging

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/apply"
	"github.com/tagwire/tagwire/libs/store/shard"
)

const benchRules = `
measures:
  打开: {count: link.open, within: 7d}
  意向分: {score: {link.open: 5}, half_life: 3d}
tags:
  常看: {when: 打开 >= 3, lasts: 7d}
`

// BenchmarkBuild makes the commit of 100 profiles with 50 events each.
func BenchmarkBuild(b *testing.B) {
	set, err := rule.Compile(1, map[string]string{"rules.yaml": benchRules})
	require.NoError(b, err)
	m, err := newMetrics(prometheus.NewRegistry())
	require.NoError(b, err)
	o := &owner{
		t: &Tagger{metrics: m}, log: zap.NewNop(), set: set, cache: newCache(1000), timers: newTimers(nil), out: &publisher{},
		pos: shard.Pos{Marks: map[string]int64{}, Next: 1, Out: 1},
	}
	var ids []string
	start := event.At(time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC))
	for i := range 100 {
		p := profile.New(fmt.Sprintf("p-%d", i))
		own := []event.Identity{{Namespace: "user_id", Value: p.ID}}
		for n := range 50 {
			at := start.Add(time.Duration(n) * time.Minute)
			e := &event.Event{EventID: fmt.Sprint(n), Type: "link.open", Time: at, ReceivedAt: at, Source: "s", Identities: own}
			apply.Event(set, p, apply.Input{Event: e, Own: own, Place: at, Fresh: time.Hour, Late: 24 * time.Hour})
		}
		o.cache.put(&held{p: p})
		ids = append(ids, p.ID)
	}
	b.ReportAllocs()
	for b.Loop() {
		bt := &batch{next: o.pos, last: map[string]int64{}, touched: ids}
		if _, err := o.build(bt); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/100, "µs/profile")
}
