package tagging

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/applytest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/apply"
	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

// mesh are the owners of all shards without Kafka and Redis: each record of a
// source reaches a shard in the source's order, but whose turn is next is drawn.
// Owners are cut off before they have committed, and records come again.
type mesh struct {
	rnd     *rand.Rand
	owners  []*owner
	stored  []map[string][]byte // committed profiles by shard
	counts  map[string]int64    // as committed, of all shards
	changes map[string]event.Change
	alerts  map[string]event.Alert
	calm    bool // nothing is cut off and nothing comes twice
	queues  []*queue
	ids     map[event.Identity]string // as a resolver would find them
	offset  int64
}

// queue is what one source has for one shard.
type queue struct {
	source  string
	shard   int
	waiting [][]byte
	been    [][]byte
}

func newMesh(set *rule.Set, seed uint64, shards int) (*mesh, error) {
	x := &mesh{
		rnd: rand.New(rand.NewPCG(seed, 1)), counts: map[string]int64{}, changes: map[string]event.Change{},
		alerts: map[string]event.Alert{}, ids: map[event.Identity]string{},
	}
	m, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		return nil, err
	}
	t := &Tagger{metrics: m, Options: Options{Fresh: time.Hour, Late: 24 * time.Hour, Shards: shards, RawPartitions: 3}}
	for n := range shards {
		x.owners = append(x.owners, &owner{
			t: t, number: n, log: zap.NewNop(), set: set, cache: newCache(1000), timers: newTimers(nil), out: &publisher{},
			pos: shard.Pos{Marks: map[string]int64{}, Next: 1, Out: 1},
		})
		x.stored = append(x.stored, map[string][]byte{})
	}
	return x, nil
}

func (x *mesh) put(source string, to int, record []byte) {
	i := slices.IndexFunc(x.queues, func(q *queue) bool { return q.source == source && q.shard == to })
	if i < 0 {
		i = len(x.queues)
		x.queues = append(x.queues, &queue{source: source, shard: to})
	}
	x.queues[i].waiting = append(x.queues[i].waiting, record)
}

func (x *mesh) send(r event.Record) error {
	b, err := r.Encode()
	if err == nil {
		x.put(r.Source, event.Shard(r.Profile, len(x.owners)), b)
	}
	return err
}

// step delivers one record; false: none waits.
func (x *mesh) step(ctx context.Context) (bool, error) {
	var some []*queue
	for _, q := range x.queues {
		if len(q.waiting) > 0 {
			some = append(some, q)
		}
	}
	if len(some) == 0 {
		return false, nil
	}
	q := some[x.rnd.IntN(len(some))]
	if !x.calm && len(q.been) > 0 && x.rnd.IntN(5) == 0 { // a publisher that was not answered sends all again
		for _, b := range q.been[x.rnd.IntN(len(q.been)):] {
			if err := x.deliver(ctx, q.shard, b); err != nil {
				return false, err
			}
		}
	}
	b := q.waiting[0]
	q.waiting, q.been = q.waiting[1:], append(q.been, b)
	return true, x.deliver(ctx, q.shard, b)
}

func (x *mesh) deliver(ctx context.Context, to int, b []byte) error {
	o := x.owners[to]
	x.offset++
	if !x.calm && x.rnd.IntN(6) == 0 { // cut off before the commit
		if _, err := x.apply(ctx, o, b); err != nil {
			return err
		}
		o.cache.clear()
	}
	bt, err := x.apply(ctx, o, b)
	if err != nil {
		return err
	}
	sb, err := o.build(bt)
	if err != nil {
		return err
	}
	for _, w := range sb.Profiles {
		x.stored[to][w.ID] = w.State
	}
	for name, n := range sb.Counts {
		x.counts[name] += n
	}
	for _, c := range sb.Timers {
		o.timers.set(c.Profile, c.New)
	}
	for _, c := range bt.changes {
		x.changes[c.ChangeID] = c
	}
	for _, a := range bt.alerts {
		x.alerts[a.AlertID] = a
	}
	o.pos = bt.next
	o.pos.Commit++
	for _, r := range bt.repoint {
		for _, id := range r.ids {
			if x.ids[id] == r.from {
				x.ids[id] = r.to
			}
		}
	}
	for _, e := range bt.entries {
		if e.Topic == schemas.TopicEvents {
			x.put(fmt.Sprint("out/", to), e.Partition, e.Value)
		}
	}
	return nil
}

func (x *mesh) apply(ctx context.Context, o *owner, b []byte) (*batch, error) {
	r, err := event.DecodeRecord(b)
	if err != nil {
		return nil, err
	}
	ids := []string{r.Profile}
	for _, l := range r.Links {
		ids = append(ids, l.Younger)
	}
	for _, s := range r.Shared {
		ids = append(ids, s.Profile)
	}
	for _, id := range ids {
		if _, ok := o.cache.get(id); ok {
			continue
		}
		h := &held{p: profile.New(id)}
		h.p.Rules = o.set.Version
		if state, ok := x.stored[o.number][id]; ok {
			if h.p, err = profile.Decode(state); err != nil {
				return nil, err
			}
			h.counts = h.p.CountKeys(o.set.Dimensions)
		}
		o.cache.put(h)
	}
	bt := &batch{next: o.pos, last: map[string]int64{}}
	bt.next.Marks = cloneMarks(o.pos.Marks)
	return bt, o.one(ctx, bt, stream.Record{Offset: x.offset, Value: b}, r)
}

func (x *mesh) profiles(t require.TestingT) map[string]*profile.Profile {
	out := map[string]*profile.Profile{}
	for _, some := range x.stored {
		for id, state := range some {
			p, err := profile.Decode(state)
			require.NoError(t, err)
			out[id] = p
		}
	}
	return out
}

// person is a customer who is met as several profiles.
type person struct {
	ids     []event.Identity
	started []string // the profiles by age, one for each identity
	history applytest.History
}

const meshImport = "history"

// story is what the resolvers have to say: events of each person under each of
// his identities, and links by which all of them hang together.
func story(rnd *rand.Rand, from event.Time, people int) ([]person, [][2]int, []applytest.Fact) {
	var who []person
	var links [][2]int
	var facts []applytest.Fact
	for n := range people {
		k := 2 + rnd.IntN(5)
		p := person{history: applytest.Random(rnd, from, k)}
		for i := range k {
			p.ids = append(p.ids, event.Identity{Namespace: []string{"user_id", "wecom.c", "unionid", "email", "anonymous_id", "buyer.m"}[i], Value: fmt.Sprint(n)})
			p.started = append(p.started, event.ProfileID(from, 1, int64(100*n+i), 0))
		}
		rnd.Shuffle(k, func(i, j int) { p.ids[i], p.ids[j] = p.ids[j], p.ids[i] })
		order := rnd.Perm(k)
		for i := 1; i < k; i++ { // a tree, and then some
			links = append(links, [2]int{100*n + order[i], 100*n + order[rnd.IntN(i)]})
		}
		for range rnd.IntN(4) {
			links = append(links, [2]int{100*n + rnd.IntN(k), 100*n + rnd.IntN(k)})
		}
		for i := range p.history {
			p.history[i].ID = fmt.Sprint("c", n, "-", i)
			f := p.history[i]
			f.Who += 100 * n
			facts = append(facts, f)
		}
		who = append(who, p)
	}
	return who, links, facts
}

// raw are the records of the resolvers, made when their turn comes: whom an
// identity belongs to then says where they go.
func (x *mesh) raw(who []person, links [][2]int, facts []applytest.Fact, at event.Time) []func() error {
	numbers := map[string]int64{}
	record := func(kind event.Kind) event.Record {
		source := fmt.Sprint("raw.1/", x.rnd.IntN(3))
		numbers[source]++
		return event.Record{Kind: kind, Source: source, Number: numbers[source], Place: at}
	}
	identity := func(n int) event.Identity { return who[n/100].ids[n%100] }
	var out []func() error
	for _, f := range facts {
		out = append(out, func() error {
			r := record(event.KindEvent)
			r.Event, r.Own = f.Event(), []event.Identity{identity(f.Who)}
			r.Event.Identities, r.Event.Backfill, r.Event.Import = r.Own, true, meshImport // time does not pass of itself
			r.Profile, r.Place = x.ids[r.Own[0]], f.At
			return x.send(r)
		})
	}
	for _, l := range links {
		out = append(out, func() error {
			r := record(event.KindLink)
			a, b := x.ids[identity(l[0])], x.ids[identity(l[1])]
			if a == b {
				return nil
			}
			r.Links = []event.Link{event.LinkOf(a, b)}
			r.Profile = r.Links[0].Younger
			return x.send(r)
		})
	}
	for _, p := range who { // some value of each is found to be shared meanwhile
		out = append(out, func() error {
			r := record(event.KindShared)
			r.Profile = x.ids[p.ids[len(p.ids)-1]]
			r.Shared = []event.Shared{{Profile: r.Profile, Identity: sharedDevice, Since: at, With: []string{"p-elsewhere"}}}
			return x.send(r)
		})
	}
	x.rnd.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

var sharedDevice = event.Identity{Namespace: "anonymous_id", Value: "kiosk"}

// Whatever order links, offers, verdicts, hand-overs and stragglers come in,
// however often, and wherever owners are cut off: each customer is one profile in
// the end, the oldest, with all facts once (mechanics: merges).
func TestMergesEndInTheOldestUnderAnyInterleaving(t *testing.T) {
	set, err := rule.Compile(1, map[string]string{"rules.yaml": applytest.Rules})
	require.NoError(t, err)
	rapid.Check(t, func(rt *rapid.T) {
		now := event.At(time.Now())
		from := now.Add(-40 * time.Hour)
		x, err := newMesh(set, rapid.Uint64().Draw(rt, "interleaving"), rapid.IntRange(1, 8).Draw(rt, "shards"))
		require.NoError(rt, err)
		who, links, facts := story(rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "story"), 1)), from, 2)
		for _, p := range who {
			for i, id := range p.ids {
				x.ids[id] = p.started[i]
			}
		}
		todo := x.raw(who, links, facts, from)
		for more, steps := true, 0; more || len(todo) > 0; steps++ {
			require.Less(rt, steps, 10_000, "it does not come to rest")
			if len(todo) > 0 && x.rnd.IntN(3) == 0 {
				require.NoError(rt, todo[0]())
				todo = todo[1:]
			}
			more, err = x.step(rt.Context())
			require.NoError(rt, err)
		}
		all := x.profiles(rt)
		recount := map[string]int64{}
		for _, p := range all {
			profile.CountDelta(nil, p.CountKeys(set.Dimensions), recount)
		}
		maps.DeleteFunc(x.counts, func(_ string, n int64) bool { return n == 0 })
		require.Equal(rt, recount, x.counts)
		for _, p := range who {
			requireMerged(rt, x, all, set, p, now)
		}
	})
}

func requireMerged(t *rapid.T, x *mesh, all map[string]*profile.Profile, set *rule.Set, p person, now event.Time) {
	winner := all[p.started[0]]
	require.NotNil(t, winner)
	require.Empty(t, winner.Winner, "the oldest wins")
	require.Equal(t, p.started[1:], winner.Absorbed)
	for _, id := range p.started[1:] {
		next := all[id]
		for hops := 0; next.Winner != ""; hops++ {
			require.Less(t, hops, len(p.started), "forwarding marks lead somewhere")
			next = all[next.Winner]
		}
		require.Equal(t, winner.ID, next.ID)
	}
	require.Nil(t, winner.Merging)
	require.Empty(t, winner.Promised)
	require.Empty(t, winner.Waiting)
	require.Empty(t, winner.Parts)
	want := map[event.Identity]bool{}
	for _, f := range p.history {
		want[p.ids[f.Who]] = true
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(want)), winner.Identities)

	require.Len(t, winner.Conflicts, 1, "it went after its profile")
	require.Equal(t, profile.Conflict{Kind: profile.ConflictShared, Identity: sharedDevice, Since: now.Add(-40 * time.Hour), With: []string{"p-elsewhere"}}, winner.Conflicts[0])
	told := 0
	for _, c := range x.changes {
		if c.Op == event.OpShared && slices.Contains(p.started, c.Profile) {
			require.Equal(t, sharedDevice.String(), c.Other)
			told++
		}
	}
	require.Equal(t, 1, told, "one change says so")

	apply.Advance(set, winner, now, now, time.Hour)
	winner.Clock = max(winner.Clock, now)
	var held []string
	for _, tag := range winner.TagStates() {
		held = append(held, tag.Tag)
	}
	require.Equal(t, p.history.Tags(now), held)
	require.Equal(t, p.history.Stage(now), winner.Stage)
	m, _ := set.Measure("orders")
	require.Equal(t, fmt.Sprint(p.history.Count(now, 0, applytest.Typed("pay"))), m.Value(winner, now).String())
}
