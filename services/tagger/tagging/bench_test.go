package tagging

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/govalues/decimal"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/apply"
	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/libs/stream"
)

// hundredRules are a hundred tags of five measures.
func hundredRules() string {
	var b strings.Builder
	b.WriteString(`measures:
  近7天打开: {count: [link.open, page.view], within: 7d}
  意向分: {score: {link.open: 5, form.submit: 20, chat.message: 3}, half_life: 3d}
  净消费: {sum: order.pay, of: event.amount}
  订单数: {count: order.pay}
tags:
  常看: {group: 意向, when: 近7天打开 >= 5, lasts: 7d}
  热: {group: 意向, when: 意向分 >= 60}
  会员: {group: 会员, choose: [{tag: 黄金, when: 净消费 >= 2000}, {tag: 普通, when: 净消费 > 0}]}
`)
	for i := 3; i < 100; i++ {
		when := []string{
			fmt.Sprintf("近7天打开 >= %d", 6+i), fmt.Sprintf("意向分 >= %d", 61+i), fmt.Sprintf("净消费 >= %d", 2000+100*i), fmt.Sprintf("订单数 >= %d", 3+i),
		}[i%4]
		fmt.Fprintf(&b, "  标签%d: {group: 组%d, when: %s}\n", i, i%10, when)
	}
	b.WriteString("stages:\n  - {name: 潜在, start: true}\n  - {name: 新, when: 订单数 >= 1}\n")
	return b.String()
}

// benchRecord is the n-th record of a shard: each of a thousand customers in turn.
func benchRecord(b *testing.B, start event.Time, n int) stream.Record {
	at := start.Add(time.Duration(n) * time.Second)
	id := fmt.Sprintf("p06gvqpwpmg00%04d", n%1000)
	own := []event.Identity{{Namespace: "user_id", Value: fmt.Sprint("bench-", n%1000)}}
	e := &event.Event{EventID: fmt.Sprint("together-", n), Time: at, ReceivedAt: at, SentAt: at, Source: "bench", Identities: own, Channel: "抖音"}
	switch n / 1000 % 3 {
	case 0:
		e.Type, e.Object = "page.view", &event.Object{Type: "link", ID: fmt.Sprint("l", n%500), Title: "春季新品资料"}
	case 1:
		e.Type, e.StaffID, e.Text, e.From = "chat.message", fmt.Sprint("staff-", n%30), strings.Repeat("sealed:", 16), "customer"
	default:
		amount, err := decimal.Parse("120.50")
		require.NoError(b, err)
		e.Type, e.Amount, e.Currency = "order.pay", &amount, "CNY"
	}
	r := event.Record{Kind: event.KindEvent, Source: "raw.1/3", Number: int64(n+1) * 16, Place: at, Profile: id, Own: own, Event: e, Raw: fmt.Sprint("raw.1/3/", n)}
	v, err := r.Encode()
	require.NoError(b, err)
	return stream.Record{Offset: int64(n), Time: at.Std(), Key: []byte(id), Value: v}
}

// processor is the time that this program has used, garbage collection included:
// what other programs do beside it does not count.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkRecords is the way of records through a shard but for Kafka and Redis:
// decoded, applied and made into commits of 250 profiles, a hundred rules in
// force; a quarter of the profiles is decoded first.
func BenchmarkRecords(b *testing.B) {
	set, err := rule.Compile(1, map[string]string{"rules.yaml": hundredRules()})
	require.NoError(b, err)
	m, err := newMetrics(prometheus.NewRegistry())
	require.NoError(b, err)
	o := &owner{
		t: &Tagger{metrics: m, Options: Options{Fresh: time.Hour, Late: 24 * time.Hour, Shards: 8, RawPartitions: 8}}, log: zap.NewNop(), set: set,
		cache: newCache(1000), timers: newTimers(nil), out: &publisher{}, pos: shard.Pos{Marks: map[string]int64{}, Next: 1, Out: 1},
	}
	start := event.At(time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC))
	const of = 20_000
	all := make([]stream.Record, of)
	for n := range all {
		all[n] = benchRecord(b, start, n)
	}
	stored := map[string][]byte{}
	b.ReportAllocs()
	n, bytes := 0, 0
	began := processor(b)
	for b.Loop() {
		if n == of {
			b.StopTimer()
			n, o.pos.Marks, o.timers, o.cache, stored = 0, map[string]int64{}, newTimers(nil), newCache(1000), map[string][]byte{}
			b.StartTimer()
		}
		recs := all[n : n+250]
		n += 250
		took, decoded := o.cut(recs)
		require.Equal(b, 250, took)
		bt := &batch{next: o.pos, last: map[string]int64{}}
		bt.next.Marks = cloneMarks(o.pos.Marks)
		for i, r := range decoded {
			_, ok := o.cache.get(r.Profile)
			if v := stored[r.Profile]; !ok || i%4 == 0 && v != nil {
				h := &held{p: profile.New(r.Profile)}
				if v != nil {
					h.p, err = profile.Decode(v)
					require.NoError(b, err)
					h.counts = h.p.CountKeys(o.set.Dimensions)
				}
				o.cache.put(h)
			}
			require.NoError(b, o.one(b.Context(), bt, recs[i], r))
		}
		sb, err := o.build(bt)
		require.NoError(b, err)
		for _, w := range sb.Profiles {
			stored[w.ID] = w.State
			bytes += len(stored[w.ID])
		}
		for _, e := range sb.Out {
			bytes += len(e)
		}
		o.pos = bt.next
	}
	b.ReportMetric(float64((processor(b)-began).Microseconds())/float64(b.N)/250, "cpu-µs/event")
	b.ReportMetric(float64(bytes)/float64(b.N)/250, "B/event")
}

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
