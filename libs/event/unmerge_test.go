package event_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
)

func TestOnlyWhatTheConsoleAsksAndTheResolverDecidesPartsACustomer(t *testing.T) {
	e := &event.Event{
		EventID: "u", Type: event.TypeUnmerge, Source: event.SourceConsole,
		Properties: event.Fields{"profile": "n", "identities": []any{"user_id:b", 7.0, "nothing", "user_id:b"}},
	}
	require.Equal(t, &event.Unmerge{EventID: "u", Into: "n", Moved: []event.Identity{{Namespace: "user_id", Value: "b"}}}, e.Unmerge())
	forged := *e
	forged.Source = "web"
	require.Nil(t, forged.Unmerge())
	undecided := *e
	undecided.Properties = event.Fields{"identities": []any{"user_id:b"}}
	require.Nil(t, undecided.Unmerge())
}

func TestALifeIsPartedByItsUnmerges(t *testing.T) {
	b := event.Identity{Namespace: "user_id", Value: "b"}
	of := func(id string, n int64, own event.Identity) event.Arrival {
		a := arrival("a", id, 0, n, event.Time(10*n+10))
		a.Own, a.Event.Identities = []event.Identity{own}, []event.Identity{own}
		return a
	}
	a := event.Identity{Namespace: "user_id", Value: "a"}
	cut := arrival("a", "u", 0, 3, 40)
	cut.Own = nil
	cut.Event.Type, cut.Event.Source, cut.Event.Properties = event.TypeUnmerge, event.SourceConsole, event.Fields{"profile": "n", "identities": []any{"user_id:b"}}
	shared := of("5", 5, a)
	shared.Event.Identities = append(shared.Event.Identities, b) // both at once, later: it came as a's
	l := event.Life{Profile: "a", Arrivals: event.InOrder([]event.Arrival{of("0", 0, a), of("1", 1, b), of("2", 2, a), cut, of("4", 4, b), shared})}
	own, _ := l.Of("a", 39)
	require.Equal(t, []string{"0", "1", "2", "u", "4", "5"}, ids(own), "they were one")
	own, _ = l.Of("a", 40)
	require.Equal(t, []string{"0", "2", "u", "5"}, ids(own))
	past, place, ok := l.Before(cut.Event.Unmerge())
	require.True(t, ok)
	require.EqualValues(t, 40, place)
	require.Equal(t, []string{"0", "1", "2"}, ids(past))
	_, _, ok = l.Before(&event.Unmerge{EventID: "another"})
	require.False(t, ok)
}
