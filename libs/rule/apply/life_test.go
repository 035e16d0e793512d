package apply_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/applytest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/rule/apply"
)

// lived is a history as it stands in the log, one partition per profile.
func lived(h applytest.History, backfill func() bool) []event.Arrival {
	var out []event.Arrival
	for i, f := range arrivals(h) {
		a := event.Arrival{Log: event.Place{Topic: "events", Partition: f.Who, Offset: int64(i)}}
		a.Kind, a.Profile, a.Place, a.Event = event.KindEvent, []string{"p1", "p2", "p3"}[f.Who], f.Received, f.Event()
		if a.Event.Backfill = backfill(); a.Event.Backfill {
			a.Place = f.At
		}
		out = append(out, a)
	}
	return event.InOrder(out)
}

func TestAHistoryUpToAMomentGivesTheModelsState(t *testing.T) {
	s := compile(t, applytest.Rules)
	rapid.Check(t, func(t *rapid.T) {
		h := applytest.Draw(t, t0, 2)
		for i := range h { // some come much too late, or as an import
			if rapid.IntRange(0, 19).Draw(t, "slow") == 0 {
				h[i].Received = h[i].Received.Add(40 * time.Hour)
			}
		}
		all := lived(h, func() bool { return rapid.IntRange(0, 3).Draw(t, "backfill") == 0 })
		first := h[0].At
		for _, f := range h {
			first = min(first, f.At)
		}
		for range 3 {
			moment := first.Add(time.Duration(rapid.IntRange(0, 40*60*60).Draw(t, "second")) * time.Second)
			r := apply.Replay(s, "p1", all, moment)
			require.False(t, r.Profile.Stale)
			compare(t, s, r.Profile, h, moment)
			require.Equal(t, first, r.Profile.FirstSeen)
		}
		require.Zero(t, apply.Replay(s, "p1", all, first-1).Profile.FirstSeen, "nothing had happened")
	})
}

func TestAtIsTheCustomerThatAProfileWasThen(t *testing.T) {
	s := compile(t, shopRules)
	pay := func(profile string, n int, at event.Time) event.Arrival {
		f := applytest.Fact{ID: profile, Type: "order.pay", At: at, Received: at, Amount: 6000}
		a := event.Arrival{Log: event.Place{Topic: "events", Partition: n}}
		a.Profile, a.Place, a.Event, a.Own = profile, at, f.Event(), []event.Identity{{Namespace: "user_id", Value: profile}}
		return a
	}
	l := &event.Life{
		Profile: "a", Joins: []event.Join{{Gone: "b", Winner: "a", At: t0.Add(2 * time.Hour)}},
		Arrivals: event.InOrder([]event.Arrival{pay("a", 0, t0), pay("b", 1, t0.Add(time.Hour))}),
	}
	before := apply.At(s, l, "b", t0.Add(90*time.Minute))
	require.Equal(t, "b", before.Profile.ID)
	require.Equal(t, []string{"普通"}, held(before.Profile))
	require.Equal(t, []string{"普通"}, held(apply.At(s, l, "a", t0.Add(90*time.Minute)).Profile))
	after := apply.At(s, l, "b", t0.Add(2*time.Hour))
	require.Equal(t, "a", after.Profile.ID)
	require.Equal(t, []string{"b"}, after.Profile.Absorbed)
	require.Equal(t, []string{"黄金"}, held(after.Profile))
	require.Len(t, after.Profile.Identities, 2)
	require.False(t, after.Late)
}

func TestWhatPeopleDidAboutAlertsIsNoPartOfALife(t *testing.T) {
	s := compile(t, shopRules)
	var a event.Arrival
	a.Event = &event.Event{EventID: "x", Type: "alert.claim", Time: t0, ReceivedAt: t0, Properties: event.Fields{"alert_id": "al1"}}
	require.Zero(t, apply.Replay(s, "p1", []event.Arrival{a}, t0).Profile.FirstSeen)
}
