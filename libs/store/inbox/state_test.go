package inbox

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/event"
)

func fresh() *Entry {
	e := NewEntry(&event.Alert{AlertID: "4f9a01bc77", RaisedAt: 1000, StaffID: "zhang"}, Keep{}.Defaults())
	e.Deliveries = []Delivery{{Channel: "r/a", Target: "t1", State: Planned}, {Channel: "r/b", Target: "t2", State: Dead}}
	return e
}

func TestWhatAnActionDoes(t *testing.T) {
	keep := Keep{}.Defaults()
	// f does the actions, one after the other, and compares the state after the last.
	f := func(name string, want State, fails error, acts ...event.AlertAction) *Entry {
		t.Helper()
		e := fresh()
		var err error
		for i := range acts {
			require.NoError(t, err, name)
			acts[i].EventID, acts[i].At = fmt.Sprintf("e%d", i), event.Time(2000+i)
			_, err = e.Act(&acts[i], keep)
		}
		require.ErrorIs(t, err, fails, name)
		require.Equal(t, want, e.State, name)
		return e
	}
	claim := event.AlertAction{Verb: "claim", By: "zhang"}
	ack := event.AlertAction{Verb: "ack", By: "li"}
	f("claimed", Claimed, nil, claim)
	f("claimed by the same again", Claimed, nil, claim, claim)
	f("claimed by another", Claimed, ErrTransition, claim, event.AlertAction{Verb: "claim", By: "li"})
	e := f("acked", Acked, nil, ack)
	require.Equal(t, "li", e.ClaimedBy)
	require.EqualValues(t, 2000, e.ClosedAt)
	require.Equal(t, e.ClosedAt.Add(keep.Closed), e.LeavesAt)
	f("acked twice", Acked, ErrTransition, ack, ack)
	f("claimed after the end", Acked, ErrTransition, ack, claim)
	e = f("dismissed", Dismissed, nil, event.AlertAction{Verb: "dismiss", By: "li", Text: "不是客户"})
	require.Equal(t, "不是客户", e.Reason)
	f("snoozed", Snoozed, nil, event.AlertAction{Verb: "snooze", Until: 9000})
	f("snoozed into the past", Open, ErrArgument, event.AlertAction{Verb: "snooze", Until: 1500})
	e = f("handed over", Open, nil, claim, event.AlertAction{Verb: "handover", To: "wang"})
	require.Equal(t, "wang", e.StaffID)
	require.Empty(t, e.ClaimedBy)
	f("handed to nobody", Open, ErrArgument, event.AlertAction{Verb: "handover"})
	e = f("outcome ends it", Acked, nil, event.AlertAction{Verb: "outcome", Text: "成交"})
	require.Equal(t, "成交", e.Outcome)
	f("outcome after a dismissal", Dismissed, nil, event.AlertAction{Verb: "dismiss"}, event.AlertAction{Verb: "outcome", Text: "误报"})
	f("nonsense", Open, ErrVerb, event.AlertAction{Verb: "explode"})
	e = f("seen", Open, nil, event.AlertAction{Verb: "seen", By: "li"}, event.AlertAction{Verb: "seen", By: "zhang"})
	require.Equal(t, "li", e.SeenBy, "the first who saw it")
	e = f("sent again", Open, nil, event.AlertAction{Verb: "resend"})
	require.Equal(t, []DeliveryState{Planned, Planned}, []DeliveryState{e.Deliveries[0].State, e.Deliveries[1].State})
	require.Equal(t, []int{0, 1}, []int{e.Deliveries[0].Round, e.Deliveries[1].Round}, "one that waits is not doubled")
}

func TestTimeEndsSnoozesAndAlerts(t *testing.T) {
	keep := Keep{Open: time.Hour}.Defaults()
	e := NewEntry(&event.Alert{AlertID: "a", RaisedAt: 1000}, keep)
	require.False(t, e.Pass(1000, keep))
	_, err := e.Act(&event.AlertAction{Verb: "claim", By: "li", At: 1500, EventID: "c"}, keep)
	require.NoError(t, err)
	_, err = e.Act(&event.AlertAction{Verb: "snooze", At: 2000, Until: 5000, EventID: "s"}, keep)
	require.NoError(t, err)
	require.False(t, e.Pass(4999, keep))
	require.True(t, e.Pass(5000, keep))
	require.Equal(t, Claimed, e.State, "who had it has it again")
	require.False(t, e.Pass(5000, keep), "once")
	late := e.ExpiresAt + 70_000
	require.True(t, e.Pass(late, keep))
	require.Equal(t, Expired, e.State)
	require.Equal(t, e.ExpiresAt, e.ClosedAt, "it expired when it was due, whenever that was noticed")
}

// An alert that nobody takes up is escalated when it is due, once; one that somebody
// has, or has put off, is not.
func TestNobodyTakesItUp(t *testing.T) {
	keep := Keep{Open: time.Hour}.Defaults()
	fresh := func() *Entry {
		return NewEntry(&event.Alert{AlertID: "a", RaisedAt: 1000, To: "owner", EscalateAt: 5000, EscalateTo: "leader"}, keep)
	}
	e := fresh()
	require.Equal(t, map[string]event.Time{"time:a": 5000}, e.dues())
	require.False(t, e.Pass(4999, keep))
	require.True(t, e.Pass(9000, keep))
	require.Equal(t, event.Time(5000), e.EscalatedAt, "when it was due, whenever that was noticed")
	require.Equal(t, []any{Open, "leader"}, []any{e.State, e.To})
	require.Equal(t, map[string]event.Time{"time:a": e.ExpiresAt}, e.dues())
	require.False(t, e.Pass(9000, keep), "once")

	claimed := fresh()
	_, err := claimed.Act(&event.AlertAction{Verb: "claim", By: "li", At: 1500, EventID: "c"}, keep)
	require.NoError(t, err)
	require.False(t, claimed.Pass(9000, keep))

	later := fresh()
	_, err = later.Act(&event.AlertAction{Verb: "snooze", At: 2000, Until: 8000, EventID: "s"}, keep)
	require.NoError(t, err)
	require.False(t, later.Pass(6000, keep), "somebody has seen to it")
	require.True(t, later.Pass(8000, keep))
	require.Equal(t, Open, later.State)
	require.True(t, later.Pass(8000, keep), "and did not take it up afterwards")
	require.Equal(t, "leader", later.To)
}

// Any run of actions, each given once or more in any order of repeats, leaves
// what the first giving of each left; closed stays closed; indexes name the state.
func TestActionsGivenTwiceChangeNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		keep := Keep{}.Defaults()
		verbs := rapid.SliceOfN(rapid.SampledFrom(Verbs()), 1, 12).Draw(rt, "verbs")
		once, twice := fresh(), fresh()
		for n, verb := range verbs {
			a := &event.AlertAction{
				Verb: verb, By: rapid.SampledFrom([]string{"li", "zhang", "r/a"}).Draw(rt, "by"), At: event.Time(2000 + n),
				EventID: fmt.Sprintf("e%d", n), Until: event.Time(3000 + n), To: "wang", Text: "0",
			}
			was := once.State
			changed, err := once.Act(a, keep)
			if err != nil || verb == VerbSeen || verb == VerbDelivered {
				require.False(rt, changed)
			}
			if was.Closed() {
				require.Equal(rt, was, once.State)
			}
			_, _ = twice.Act(a, keep)
			before := twice.Clone()
			changed, err = twice.Act(a, keep)
			if verb != VerbDelivered { // which changes nothing by what it says
				require.ErrorIs(rt, err, ErrRepeated)
			}
			require.False(rt, changed)
			require.Equal(rt, before, twice)
			require.Contains(rt, once.indexes(), indexName(once.State, nil))
		}
		require.Equal(rt, once, twice)
	})
}

func TestResumeIDs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 64).Draw(rt, "partitions")
		v := make(vector, n)
		for p := range v {
			v[p] = streamID{rapid.Uint64().Draw(rt, "ms"), rapid.Uint64().Draw(rt, "seq")}
		}
		got, err := parseVector(v.String(), n)
		require.NoError(rt, err)
		require.Equal(rt, v, got)
		_, err = parseVector(v.String(), n+1)
		require.ErrorIs(rt, err, ErrID)
	})
}

func FuzzResumeID(f *testing.F) {
	f.Add(vector{{1763800000000, 3}, {0, 0}}.String())
	f.Add("")
	f.Add("AQI")
	f.Add("AQL___________8B")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := parseVector(s, 2)
		if err != nil {
			require.ErrorIs(t, err, ErrID)
			return
		}
		again, err := parseVector(v.String(), 2)
		require.NoError(t, err)
		require.Equal(t, v, again)
	})
}
