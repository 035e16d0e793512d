package tagging

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/applytest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/apply"
)

// parting is two people whom a mistake has made one profile, w, and who are parted
// at some moment: a becomes one with an older profile of hers (c) and b with one of
// his (d). All of them may refuse to be profiled, or staff for w as a whole.
type parting struct {
	*mesh
	set       *rule.Set
	unmerge   *event.Unmerge
	w, into   string
	older     [2]string
	ids       []event.Identity // a, b, c, d: who = index % 2
	history   [2]applytest.History
	todo      []func() error
	numbers   map[string]int64
	sent      map[uint64]*event.Record
	refusals  map[uint64]int  // event → who; whole
	past      map[uint64]bool // what w had applied when it was parted
	told      map[string]bool // changes and alerts by then
	moved     bool
	announced bool
	misled    bool
	now       event.Time
}

const whole = -1

// spot raises an alert for each open, as it arrives.
const spot = "tags: {spot: {event: open, alert: {each: match}}}"

func newParting(t *rapid.T, set *rule.Set) *parting {
	x, err := newMesh(set, rapid.Uint64().Draw(t, "interleaving"), rapid.IntRange(1, 8).Draw(t, "shards"))
	require.NoError(t, err)
	now := event.At(time.Now())
	from := now.Add(-22 * time.Hour)
	p := &parting{
		mesh: x, set: set, now: now, numbers: map[string]int64{}, sent: map[uint64]*event.Record{}, refusals: map[uint64]int{},
		w: profileNo(50), into: profileNo(90), older: [2]string{profileNo(10), profileNo(5)},
		ids: []event.Identity{{Namespace: "user_id", Value: "a"}, {Namespace: "openid.x", Value: "b"}, {Namespace: "unionid", Value: "c"}, {Namespace: "buyer.m", Value: "d"}},
	}
	p.unmerge = &event.Unmerge{EventID: "u", Into: p.into, Moved: p.ids[1:2]}
	x.ids[p.ids[0]], x.ids[p.ids[1]], x.ids[p.ids[2]], x.ids[p.ids[3]] = p.w, p.w, p.older[0], p.older[1]
	rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "story"), 1))
	for i, f := range applytest.Random(rnd, from, 4) {
		f.ID = fmt.Sprint("f", i)
		p.history[f.Who%2] = append(p.history[f.Who%2], f)
		p.todo = append(p.todo, func() error { return p.event(f.Event(), f.Who) })
	}
	for n := range rapid.IntRange(0, 2).Draw(t, "refusals") {
		who := rapid.IntRange(whole, 3).Draw(t, "by")
		at := from.Add(time.Duration(rnd.IntN(20*60)) * time.Minute)
		e := &event.Event{EventID: fmt.Sprint("refusal", n), Type: event.TypeConsent, Source: "s", Time: at, ReceivedAt: at, Properties: event.Fields{"profiling": "refused"}}
		p.todo = append(p.todo, func() error {
			p.refusals[profile.IDHash(e.Source, e.EventID)] = who
			return p.event(e, who)
		})
	}
	p.todo = append(p.todo, func() error { return p.link(0, 2) }, p.ask, p.ask)
	rnd.Shuffle(len(p.todo), func(i, j int) { p.todo[i], p.todo[j] = p.todo[j], p.todo[i] })
	return p
}

// profileNo is the same in each run, so that a failed one can be repeated.
func profileNo(n int64) string { return event.ProfileID(1e12, 1, n, 0) }

func (p *parting) record(kind event.Kind) event.Record {
	source := fmt.Sprint("raw.1/", p.rnd.IntN(3))
	return p.numbered(source, kind)
}

func (p *parting) numbered(source string, kind event.Kind) event.Record {
	p.numbers[source]++
	return event.Record{Kind: kind, Source: source, Number: p.numbers[source]}
}

// event sends what somebody did; what is done to the whole addresses w by its name.
func (p *parting) event(e *event.Event, who int) error {
	r := p.record(event.KindEvent)
	r.Event, r.Place, r.Profile = e, e.ReceivedAt, p.w
	if who != whole {
		r.Own = p.ids[who : who+1]
		e.Identities, r.Profile = r.Own, p.mesh.ids[r.Own[0]]
	}
	p.sent[profile.IDHash(e.Source, e.EventID)] = &r
	return p.send(r)
}

func (p *parting) link(a, b int) error {
	x, y := p.mesh.ids[p.ids[a]], p.mesh.ids[p.ids[b]]
	r := p.record(event.KindLink)
	r.Links = []event.Link{event.LinkOf(x, y)}
	r.Profile = r.Links[0].Younger
	return p.send(r)
}

// ask sends the unmerge and the beginning of the profile that it makes, as a
// resolver does; asked again, nothing is left to be moved.
func (p *parting) ask() error {
	u := p.numbered("raw.1/0", event.KindEvent)
	e := &event.Event{EventID: p.unmerge.EventID, Type: event.TypeUnmerge, Source: event.SourceConsole, Time: p.now, ReceivedAt: p.now, Properties: event.Fields{}}
	u.Profile, u.Place, u.Event = p.w, p.now, e
	if p.announced {
		return p.send(u)
	}
	p.announced = true
	e.Properties = event.Fields{"profile": p.into, "identities": []any{p.ids[1].String()}}
	s := p.numbered("raw.1/0", event.KindEvent)
	s.Profile, s.Place, s.Own = p.into, p.now, p.unmerge.Moved
	s.Event = &event.Event{
		EventID: "split", Type: event.TypeSplit, Source: event.SourceConsole, Time: p.now, ReceivedAt: p.now, Identities: s.Own,
		Properties: event.Fields{"from": p.w, "profile": p.into, "unmerge": p.unmerge.EventID},
	}
	if err := p.send(u); err != nil {
		return err
	}
	return p.send(s)
}

func (p *parting) find(t require.TestingT, id string) *profile.Profile {
	state, ok := p.stored[event.Shard(id, len(p.owners))][id]
	if !ok {
		return nil
	}
	got, err := profile.Decode(state)
	require.NoError(t, err)
	return got
}

func (p *parting) merged(t require.TestingT, id, into string) bool {
	q := p.find(t, id)
	return q != nil && q.Winner == into
}

// parted is who was parted, once it has been.
func (p *parting) parted(t require.TestingT) *profile.Profile {
	for _, id := range []string{p.w, p.older[0]} {
		if q := p.find(t, id); q != nil && q.PartedBy(p.unmerge) {
			return q
		}
	}
	return nil
}

// watch does what follows from where the shards are: the resolver moves the
// identity, more links are found, and the pasts are written, more than once.
func (p *parting) watch(t require.TestingT) {
	if q := p.find(t, p.into); !p.moved && q != nil && q.Refuses(p.w) { // its beginning stands in the log
		p.mesh.ids[p.ids[1]], p.moved = p.into, true
		p.todo = append(p.todo, func() error { return p.link(1, 3) }, func() error { return p.link(0, 1) })
	}
	if !p.misled && p.merged(t, p.w, p.older[0]) && p.merged(t, p.into, p.older[1]) { // the old mistake, under other names
		p.misled = true
		p.todo = append(p.todo, func() error { return p.link(0, 1) }, func() error { return p.link(2, 3) })
	}
	here := p.parted(t)
	if here == nil || p.rnd.IntN(8) != 0 {
		return
	}
	if there := p.find(t, p.into); here.HasPast(p.unmerge) && there != nil && there.HasPast(p.unmerge) && p.rnd.IntN(4) != 0 {
		return
	}
	var arrivals []event.Arrival
	for hash := range p.past {
		if r := p.sent[hash]; r != nil {
			arrivals = append(arrivals, event.Arrival{Record: *r})
		}
	}
	slices.SortFunc(arrivals, func(a, b event.Arrival) int {
		return cmp.Or(cmp.Compare(a.Place, b.Place), strings.Compare(a.Event.EventID, b.Event.EventID))
	})
	stays, left := apply.Part(p.set, here.ID, p.unmerge, arrivals, p.now)
	for _, q := range []*profile.Profile{stays, left} {
		state, err := q.Encode()
		require.NoError(t, err)
		half := len(state) / 2
		for i, part := range [][]byte{state[:half], state[half:]} {
			require.NoError(t, p.send(event.Record{
				Kind: event.KindHandover, Source: "control", Place: p.now, Profile: q.ID, Repair: true,
				Merge: &event.Merge{ID: p.unmerge.MergeID(q.ID), Other: q.ID, Part: i, Parts: 2, State: part},
			}))
		}
	}
}

// Whatever order an unmerge, its pasts, merges and events come in, however often, and
// wherever owners are cut off: the two are two in the end, each as if they had never
// met, counted right; and who had refused is never profiled, not for a moment.
func TestThePartedAreTwoUnderAnyInterleaving(t *testing.T) {
	set, err := rule.Compile(1, map[string]string{"rules.yaml": applytest.Rules, "spot.yaml": spot})
	require.NoError(t, err)
	rapid.Check(t, func(rt *rapid.T) {
		p := newParting(rt, set)
		for more, steps := true, 0; more || len(p.todo) > 0 || !p.complete(rt); steps++ {
			require.Less(rt, steps, 20_000, "it does not come to rest")
			if len(p.todo) > 0 && p.rnd.IntN(3) == 0 {
				next := p.todo[0]
				p.todo = p.todo[1:]
				require.NoError(rt, next())
			}
			more, err = p.step(rt.Context())
			require.NoError(rt, err)
			p.requireSilence(rt)
			p.watch(rt)
		}
		p.requireTwo(rt)
	})
}

func (p *parting) complete(t require.TestingT) bool {
	here, there := p.parted(t), p.find(t, p.into)
	return here != nil && here.HasPast(p.unmerge) && there != nil && there.HasPast(p.unmerge)
}

// requireSilence: who had refused when the two were parted is told of no more, and
// who waits for his past is judged by nothing.
func (p *parting) requireSilence(t require.TestingT) {
	here, there := p.parted(t), p.find(t, p.into)
	for _, q := range []*profile.Profile{here, there} {
		if q != nil && q.Awaits != "" {
			require.Empty(t, q.Tags)
			require.Empty(t, q.Stage)
			require.Empty(t, q.CountKeys(p.set.Dimensions))
			require.Zero(t, apply.NextDue(p.set, q, nil))
		}
	}
	if here == nil {
		return
	}
	if p.past == nil {
		require.False(t, here.HasPast(p.unmerge))
		p.past, p.told = map[uint64]bool{}, map[string]bool{}
		for _, s := range here.Seen {
			p.past[s.Hash] = true
		}
		for id := range p.changes {
			p.told[id] = true
		}
		for id := range p.alerts {
			p.told[id] = true
		}
	}
	silent := map[string]bool{}
	for hash, who := range p.refusals {
		if p.past[hash] {
			silent[here.ID] = silent[here.ID] || who == whole || who%2 == 0
			silent[p.into] = silent[p.into] || who == whole || who%2 == 1
		}
	}
	for id, c := range p.changes {
		if silent[c.Profile] && !p.told[id] {
			require.NotEqual(t, event.OpApplied, c.Op, "%+v", c)
			require.NotEqual(t, event.OpEntered, c.Op, "%+v", c)
		}
	}
	for id, a := range p.alerts {
		require.True(t, p.told[id] || !silent[a.Profile], "%+v", a)
	}
}

func (p *parting) requireTwo(t *rapid.T) {
	require.True(t, p.misled)
	all := p.profiles(t)
	recount := map[string]int64{}
	for _, q := range all {
		profile.CountDelta(nil, q.CountKeys(p.set.Dimensions), recount)
		require.Empty(t, q.Awaits, q.ID)
		require.Empty(t, q.Held, q.ID)
		require.Nil(t, q.Merging, q.ID)
		require.Empty(t, q.Promised, q.ID)
		require.Empty(t, q.Waiting, q.ID)
		require.Empty(t, q.Parts, q.ID)
	}
	maps.DeleteFunc(p.counts, func(_ string, n int64) bool { return n == 0 })
	require.Equal(t, recount, p.counts)
	for side, id := range []string{p.w, p.into} {
		q := all[id]
		for q.Winner != "" {
			q = all[q.Winner]
		}
		require.Equal(t, p.older[side], q.ID, "each is one with the older profile, never with the other")
		require.NotContains(t, q.Identities, p.ids[1-side])
		require.NotContains(t, q.Identities, p.ids[3-side])
		refused := false
		for hash, who := range p.refusals {
			refused = refused || who >= 0 && who%2 == side || who == whole && (side == 0 || p.past[hash])
		}
		require.Equal(t, refused, q.Refused)
		p.requireModel(t, q, p.history[side])
	}
}

func (p *parting) requireModel(t *rapid.T, q *profile.Profile, h applytest.History) {
	if len(h) == 0 {
		return // the model knows nobody who has done nothing
	}
	if q.Refused {
		require.Empty(t, q.Tags)
		require.Empty(t, q.Folds)
		return
	}
	apply.Advance(p.set, q, p.now, p.now, time.Hour)
	q.Clock = max(q.Clock, p.now)
	var held []string
	for _, tag := range q.TagStates() {
		if tag.Tag != "spot" {
			held = append(held, tag.Tag)
		}
	}
	require.Equal(t, h.Tags(p.now), held)
	require.Equal(t, h.Stage(p.now), q.Stage)
	m, _ := p.set.Measure("orders")
	require.Equal(t, fmt.Sprint(h.Count(p.now, 0, applytest.Typed("pay"))), m.Value(q, p.now).String())
	if len(p.refusals) > 0 {
		return
	}
	for _, f := range h { // nothing that came while it waited has been lost
		if f.Type == "open" && f.Received.Sub(f.At) < time.Hour {
			require.True(t, slices.ContainsFunc(slices.Collect(maps.Values(p.alerts)), func(a event.Alert) bool { return a.Cause == f.ID }), "%+v", f)
		}
	}
}
