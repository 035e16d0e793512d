package tagging

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

// countRules are versions of rules under which tags are counted by other
// dimensions, and tags stand in other groups.
func countRules(t require.TestingT) map[int64]*rule.Set {
	const tags = `
measures: {opens: {count: link.open}}
tags:
  热: {group: %s, when: opens >= 2}
  买: {group: %s, event: order.pay, lasts: 30d}
  成都: {group: 地区, when: 'trait.city == "成都"'}
`
	sets := map[int64]*rule.Set{}
	for v, text := range map[int64]string{
		1: fmt.Sprintf(tags, "意向", "意向"),
		2: fmt.Sprintf(tags, "意向", "意向") + "groups: {意向: {count_by: [channel, store, staff, city]}, 地区: {count_by: city}}\n",
		3: fmt.Sprintf(tags, "会员", "会员") + "groups: {意向: {count_by: city}, 会员: {count_by: [store]}}\n",
	} {
		set, err := rule.Compile(v, map[string]string{"r.yaml": text})
		require.NoError(t, err)
		sets[v] = set
	}
	return sets
}

// desk is an owner without Kafka and Redis: what it commits is kept in maps.
type desk struct {
	t      *rapid.T
	o      *owner
	sets   map[int64]*rule.Set
	stored map[string][]byte
	counts map[string]int64
	queue  []*event.Record // from the outbox to itself
	number int64
}

func newDesk(t *rapid.T) *desk {
	m, err := newMetrics(prometheus.NewRegistry())
	require.NoError(t, err)
	sets := countRules(t)
	return &desk{t: t, sets: sets, stored: map[string][]byte{}, counts: map[string]int64{}, o: &owner{
		t: &Tagger{
			metrics: m, rules: &ruleCache{sets: sets}, Options: Options{Fresh: time.Hour, Late: 24 * time.Hour, Shards: 1, RawPartitions: 1},
		},
		log: zap.NewNop(), set: sets[1], cache: newCache(100), timers: newTimers(nil), out: &publisher{},
		pos: shard.Pos{Marks: map[string]int64{}, Next: 1, Out: 1, Rules: 1},
	}}
}

// commit makes one commit and compares the counts with a recount.
func (d *desk) commit(do func(bt *batch)) {
	bt := &batch{next: d.o.pos, last: map[string]int64{}}
	bt.next.Marks = cloneMarks(d.o.pos.Marks)
	do(bt)
	sb, err := d.o.build(bt)
	require.NoError(d.t, err)
	for _, w := range sb.Profiles {
		d.stored[w.ID] = w.State
	}
	for field, n := range sb.Counts {
		if d.counts[field] += n; d.counts[field] == 0 {
			delete(d.counts, field)
		}
	}
	for _, e := range bt.entries {
		if e.Topic == schemas.TopicEvents {
			r, err := event.DecodeRecord(e.Value)
			require.NoError(d.t, err)
			d.queue = append(d.queue, r)
		}
	}
	d.o.pos = bt.next
	d.o.pos.Commit++
	require.Equal(d.t, d.recount(), d.counts)
}

func (d *desk) load(id string) {
	if _, ok := d.o.cache.get(id); !ok && id != "" {
		h, err := d.o.hold(id, d.stored[id])
		require.NoError(d.t, err)
		d.o.cache.put(h)
	}
}

func (d *desk) record(r *event.Record) {
	d.number++
	d.load(r.Profile)
	for _, l := range r.Links {
		d.load(l.Younger)
	}
	d.commit(func(bt *batch) {
		require.NoError(d.t, d.o.one(d.t.Context(), bt, stream.Record{Offset: d.number}, r))
	})
}

// recount reads the stored profiles as a person would count them.
func (d *desk) recount() map[string]int64 {
	out := map[string]int64{}
	for _, b := range d.stored {
		p, err := profile.Decode(b)
		require.NoError(d.t, err)
		if p.Winner != "" || p.Suppressed || p.Internal || p.FirstSeen == 0 {
			continue
		}
		named := slices.ContainsFunc(p.Identities, func(i event.Identity) bool { return i.Namespace != "anonymous_id" })
		in := func(dimension, value, tag string) {
			if !named {
				dimension += ".anonymous"
			}
			out[fmt.Sprintf("[%q,%q,%q]", tag, dimension, value)]++
		}
		for tag, held := range p.Tags {
			all(out, tag, named)
			for _, by := range d.sets[p.Rules].Dimensions[held.Group] {
				switch by {
				case "channel":
					for _, v := range p.Channels {
						in(by, v, tag)
					}
				case "store":
					for _, v := range p.Stores {
						in(by, v, tag)
					}
				case "staff":
					for _, v := range p.Staff() {
						in(by, v, tag)
					}
				case "city":
					if v, ok := p.Traits["city"].Value.(string); ok {
						in(by, v, tag)
					}
				}
			}
		}
		all(out, "", named)
		if p.Stale {
			out[`["","stale","true"]`]++
		}
	}
	return out
}

func all(out map[string]int64, tag string, known bool) {
	if known {
		out[fmt.Sprintf("[%q]", tag)]++
	} else {
		out[fmt.Sprintf("[%q,%q,%q]", tag, "population", "anonymous")]++
	}
}

// sweep is what the sweep does to the whole shard.
func (d *desk) sweep() {
	ids := slices.Sorted(maps.Keys(d.stored))
	for _, id := range ids {
		d.load(id)
	}
	d.commit(func(bt *batch) {
		for _, id := range ids {
			h, _ := d.o.cache.get(id)
			d.o.renew(bt, h)
		}
	})
	for _, b := range d.stored {
		p, err := profile.Decode(b)
		require.NoError(d.t, err)
		require.Equal(d.t, d.o.set.Version, p.Rules, "the sweep reaches everybody, also those whose tags stay")
	}
}

// After every commit the counts are those of a recount, whatever moves a profile
// between them: tags, stores, staff, cities, becoming known, merges, refusals,
// and rules that count by other dimensions.
func TestCountsAreThoseOfARecount(t *testing.T) {
	start := event.At(time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC))
	rapid.Check(t, func(t *rapid.T) {
		d := newDesk(t)
		ids := make([]string, 4)
		for i := range ids {
			ids[i] = event.ProfileID(start.Add(time.Duration(i)*time.Second), 0, int64(i), 0)
		}
		pick := rapid.SampledFrom(ids)
		for n := range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch id := pick.Draw(t, "who"); rapid.SampledFrom([]string{"event", "event", "event", "event", "rules", "sweep", "link", "forget"}).Draw(t, "what") {
			case "event":
				e := drawEvent(t, start, n)
				d.record(&event.Record{Kind: event.KindEvent, Source: "raw.1/0", Number: int64(n + 1), Place: e.ReceivedAt, Profile: id, Own: e.Identities, Event: e})
			case "rules":
				v := rapid.Int64Range(1, 3).Draw(t, "version")
				d.o.pos.Rules = 0 // any version may follow any other here
				d.record(&event.Record{Kind: event.KindControl, Control: &event.Control{Name: "rules", Version: v}})
			case "sweep":
				d.sweep()
			case "link":
				if other := pick.Draw(t, "other"); other != id {
					l := event.LinkOf(id, other)
					d.record(&event.Record{Kind: event.KindLink, Profile: l.Younger, Links: []event.Link{l}})
				}
			case "forget": // the owner restarts, or the profile left the cache
				d.o.cache.clear()
			}
			for range 100 {
				if len(d.queue) == 0 {
					break
				}
				next := d.queue[0]
				d.queue = d.queue[1:]
				d.record(next)
			}
		}
		d.sweep()
	})
}

func drawEvent(t *rapid.T, start event.Time, n int) *event.Event {
	one := func(what string, of ...string) string { return rapid.SampledFrom(of).Draw(t, what) }
	at := start.Add(time.Duration(n+1) * time.Hour)
	e := &event.Event{
		EventID: fmt.Sprint("e", n), Source: "s", Time: at, ReceivedAt: at,
		Type:    one("type", "link.open", "link.open", "order.pay", "contact.add", "contact.delete_by_staff", "tag.add", "tag.remove", "consent.set"),
		Channel: one("channel", "", "抖音", `"微"信`), StoreID: one("store", "", "s1", "s2"), StaffID: one("staff", "", "li", "wu"),
	}
	e.Identities = []event.Identity{{Namespace: one("namespace", "anonymous_id", "anonymous_id", "phone"), Value: fmt.Sprint(n)}}
	if city := one("city", "", "成都", "上海"); city != "" {
		e.Traits = event.Fields{"city": city}
	}
	switch e.Type {
	case "tag.add", "tag.remove":
		e.Properties = event.Fields{"tag": one("tag", "热", "手工"), "group": one("group", "", "意向")}
	case "consent.set":
		e.Properties = event.Fields{"suppressed": rapid.Bool().Draw(t, "suppressed"), "profiling": one("profiling", "granted", "granted", "refused")}
	}
	return e
}
