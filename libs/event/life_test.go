package event_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
)

func arrival(profile, id string, partition int, offset int64, place event.Time) event.Arrival {
	return event.Arrival{
		Record: event.Record{
			Kind: event.KindEvent, Profile: profile, Place: place, Event: &event.Event{EventID: id, Source: "web", Time: place},
			Own: []event.Identity{{Namespace: "user_id", Value: profile}},
		},
		Log: event.Place{Topic: "events", Partition: partition, Offset: offset},
	}
}

func ids(list []event.Arrival) []string {
	var out []string
	for _, a := range list {
		out = append(out, a.Event.EventID)
	}
	return out
}

func TestArrivalsAreInTheOrderOfTheLogAndOnce(t *testing.T) {
	got := event.InOrder([]event.Arrival{
		arrival("a", "late", 0, 9, 30), // a place that lies before its predecessor's: the log decides
		arrival("a", "first", 0, 3, 10),
		arrival("a", "second", 0, 7, 40),
		arrival("b", "other", 1, 1, 20),
		arrival("a", "other", 0, 11, 50), // passed on after the merge
	})
	require.Equal(t, []string{"first", "other", "second", "late"}, ids(got))
	require.Equal(t, "b", got[1].Profile)
	require.Empty(t, event.InOrder(nil))
}

func TestALifeIsPartedByTheMergesThatHadHappened(t *testing.T) {
	l := event.Life{
		Profile: "a", Joins: []event.Join{{Gone: "c", Winner: "b", At: 100}, {Gone: "b", Winner: "a", At: 200}},
		Arrivals: event.InOrder([]event.Arrival{arrival("a", "1", 0, 0, 10), arrival("b", "2", 1, 0, 20), arrival("c", "3", 2, 0, 30), arrival("a", "4", 0, 1, 250)}),
	}
	own, absorbed := l.Of("b", 150)
	require.Equal(t, []string{"2", "3"}, ids(own))
	require.Equal(t, []string{"c"}, absorbed)
	own, absorbed = l.Of("a", 150)
	require.Equal(t, []string{"1", "4"}, ids(own), "what comes later is left to the fold")
	require.Empty(t, absorbed)
	own, absorbed = l.Of("a", 200)
	require.Equal(t, []string{"1", "2", "3", "4"}, ids(own))
	require.Equal(t, []string{"b", "c"}, absorbed)
	c := event.Identity{Namespace: "user_id", Value: "c"}
	require.Equal(t, "c", l.Holder(c, 99))
	require.Equal(t, "b", l.Holder(c, 100))
	require.Equal(t, "a", l.Holder(c, 200))
	require.Equal(t, "a", l.Holder(c, 5), "nobody had it")
}
