package apply_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/applytest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/apply"
)

// Two who were one customer for a while, and events on both sides before, during
// and after: in the end each is what it would be had they never met.
func TestAnUnmergeGivesTwoWhoNeverMet(t *testing.T) {
	s := compile(t, applytest.Rules)
	ids := []event.Identity{{Namespace: "user_id", Value: "a"}, {Namespace: "openid.x", Value: "b"}}
	u := &event.Unmerge{EventID: "u1", Into: "p2", Moved: ids[1:]}
	rapid.Check(t, func(t *rapid.T) {
		h := applytest.Draw(t, t0, 2)
		log := arrivals(h)
		cut := rapid.IntRange(0, len(log)).Draw(t, "unmerge")
		w, n := profile.New("p1"), profile.New("p2")
		var past []event.Arrival
		var place event.Time
		take := func(p *profile.Profile, f applytest.Fact) {
			e := f.Event()
			e.Identities = ids[f.Who : f.Who+1]
			apply.Advance(s, p, f.Received, 0, time.Hour)
			apply.Event(s, p, apply.Input{Event: e, Own: e.Identities, Place: f.Received, Fresh: time.Hour, Late: 24 * time.Hour})
			past = append(past, event.Arrival{Record: event.Record{Place: f.Received, Event: e, Own: e.Identities}})
			place = max(place, f.Received)
		}
		end := t0
		for _, f := range h {
			end = max(end, f.Received)
		}
		for _, f := range log[:cut] {
			take(w, f)
		}
		stays, left := apply.Part(s, "p1", u, slices.Clone(past), place)
		held := map[string]map[string]bool{"p1": {}, "p2": {}} // what has been told
		for _, tag := range w.TagStates() {
			held["p1"][tag.Tag] = true
		}
		stage := w.Stage
		w = w.Began(u, place)
		n.Await(u.MergeID(n.ID))
		for i, p := range []*profile.Profile{w, n} {
			own := []*profile.Profile{stays, left}[i]
			require.Zero(t, apply.NextDue(s, p, nil), "nothing is judged while it waits")
			require.Empty(t, p.CountKeys(s.Dimensions))
			_, ok := p.Release("another")
			require.False(t, ok)
			_, ok = p.Release(u.MergeID(p.ID))
			require.True(t, ok)
			apply.Advance(s, own, max(p.Clock, own.Clock), 0, 0)
			res := apply.Return(s, p, own, u.MergeID(p.ID))
			require.True(t, res.Changed)
			for _, c := range res.Changes {
				require.Contains(t, []string{apply.ReasonUnmerge, apply.ReasonExpiry}, c.Reason)
				switch c.Op {
				case event.OpEntered:
					require.Equal(t, []string{stage, ""}[i], c.FromStage)
					require.Equal(t, p.Stage, c.Stage)
					require.NotEqual(t, c.FromStage, c.Stage)
				case event.OpApplied:
					require.False(t, held[p.ID][c.Tag], "nothing is told anew: %+v", c)
					held[p.ID][c.Tag] = true
				case event.OpRemoved, event.OpExpired:
					require.True(t, held[p.ID][c.Tag], "%+v", c)
					delete(held[p.ID], c.Tag)
				default:
					require.Equal(t, event.OpRenewed, c.Op)
				}
			}
			require.Len(t, p.TagStates(), len(held[p.ID]), "what has been told is what is held")
			require.True(t, apply.Return(s, p, own, u.MergeID(p.ID)).Duplicate)
			require.Empty(t, p.Absorbed)
			require.Empty(t, p.Was.Tags)
		}
		for _, f := range log[cut:] { // what was held, and what comes after it
			take([]*profile.Profile{w, n}[f.Who], f)
		}
		for who, p := range []*profile.Profile{w, n} {
			var own applytest.History
			for _, f := range h {
				if f.Who == who {
					own = append(own, f)
				}
			}
			if len(own) > 0 {
				require.Equal(t, ids[who:who+1], p.Identities)
				compare(t, s, p, own, end)
			}
		}
		require.True(t, w.Refuses("p2"))
		into, own := w.Left(u.Moved)
		require.Equal(t, "p2", into)
		require.Equal(t, u.Moved, own)
		into, own = w.Left(slices.Concat(u.Moved, ids[:1]))
		require.Empty(t, into, "the surest stays")
		require.Equal(t, ids[:1], own)
	})
}

// A stage that is reached only by way of another is what the way was, not what it
// looks like from the end.
func TestAStageThatHasAWayIsKeptOverAnUnmerge(t *testing.T) {
	s := compile(t, "measures: {n: {count: a}}\nstages:\n  - {name: start, start: true}\n  - {name: mid, when: n == 2}\n  - {name: end, when: n >= 3, from: [mid]}\n")
	a, b := event.Identity{Namespace: "user_id", Value: "a"}, event.Identity{Namespace: "openid.x", Value: "b"}
	u := &event.Unmerge{EventID: "u", Into: "p2", Moved: []event.Identity{b}}
	w := profile.New("p1")
	var past []event.Arrival
	for n, id := range []event.Identity{a, b, a, a, b} {
		e := &event.Event{EventID: string(rune('0' + n)), Type: "a", Time: t0.Add(time.Duration(n) * time.Minute), Source: "s", Identities: []event.Identity{id}}
		e.ReceivedAt = e.Time
		apply.Event(s, w, apply.Input{Event: e, Own: e.Identities, Place: e.Time})
		past = append(past, event.Arrival{Record: event.Record{Place: e.Time, Event: e, Own: e.Identities}})
	}
	require.Equal(t, "end", w.Stage)
	stays, left := apply.Part(s, "p1", u, past, t0.Add(time.Hour))
	w = w.Began(u, t0.Add(time.Hour))
	w.Release(u.MergeID("p1"))
	res := apply.Return(s, w, stays, u.MergeID("p1"))
	require.Equal(t, "end", w.Stage)
	require.Equal(t, t0.Add(3*time.Minute), w.StageSince)
	require.Empty(t, res.Changes, "nothing is told that has not changed")
	n := profile.New("p2")
	n.FirstSeen = t0.Add(time.Hour)
	res = apply.Return(s, n, left, u.MergeID("p2"))
	require.Equal(t, "mid", n.Stage)
	require.Len(t, res.Changes, 1)
	require.Equal(t, t0.Add(time.Hour), res.Changes[0].At, "it is told when it is so")
}

// Who becomes one with a customer who has refused is profiled no more either.
func TestAMergeWithARefuserForgets(t *testing.T) {
	s := compile(t, "measures: {n: {count: a}}\ntags: {A: {when: n >= 1}, B: {event: b}, M: {when: n >= 9}}\n")
	at := func(id, typ string, props event.Fields) apply.Input {
		e := &event.Event{EventID: id, Type: typ, Time: t0, ReceivedAt: t0, Source: "s", Properties: props}
		return apply.Input{Event: e, Place: t0}
	}
	w, l := profile.New("p1"), profile.New("p2")
	apply.Event(s, w, at("1", "a", nil))
	apply.Event(s, l, at("2", "b", nil))
	apply.Event(s, l, at("3", event.TypeConsent, event.Fields{"profiling": "refused"}))
	apply.Event(s, l, at("4", "b", nil))
	other := profile.New("p0")
	apply.Event(s, other, at("5", "b", nil))
	apply.Event(s, other, at("6", "tag.add", event.Fields{"tag": "M"}))
	res := apply.Merge(s, w, l, "m1")
	require.True(t, w.Refused)
	require.Empty(t, w.Tags)
	require.Empty(t, w.Folds)
	require.Len(t, res.Changes, 2)
	require.Equal(t, []event.Op{event.OpMerged, event.OpRemoved}, []event.Op{res.Changes[0].Op, res.Changes[1].Op})
	res = apply.Merge(s, w, other, "m2")
	require.Empty(t, w.Folds)
	require.Equal(t, []string{"M"}, held(w), "what people decided stays, as ever")
	require.Len(t, res.Changes, 2, "of what is forgotten at once nobody is told: %+v", res.Changes)
	require.Equal(t, "M", res.Changes[1].Tag)
}
