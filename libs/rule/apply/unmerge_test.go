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
		before := len(w.TagStates())
		w, res := apply.Unmerge(s, w, &event.Event{EventID: "u1"}, u)
		require.Len(t, res.Changes, before, "every tag leaves")
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
			res := apply.Merge(s, p, own, u.MergeID(p.ID))
			require.True(t, res.Changed)
			for _, c := range res.Changes {
				require.NotEqual(t, event.OpMerged, c.Op)
				require.Contains(t, []string{apply.ReasonUnmerge, apply.ReasonExpiry}, c.Reason)
			}
			require.True(t, apply.Merge(s, p, own, u.MergeID(p.ID)).Duplicate)
			require.Empty(t, p.Absorbed)
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
		into, own := w.Left(slices.Concat(ids[:1], u.Moved))
		require.Equal(t, "p2", into)
		require.Equal(t, u.Moved, own)
		into, _ = w.Left(ids[:1])
		require.Empty(t, into)
	})
}
