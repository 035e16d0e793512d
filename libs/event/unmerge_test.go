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
	past, place, ok := l.Before(cut.Event.Unmerge(), "a", nil)
	require.True(t, ok)
	require.EqualValues(t, 40, place)
	require.Equal(t, []string{"0", "1", "2"}, ids(past))
	past, _, _ = l.Before(cut.Event.Unmerge(), "a", func(e *event.Event) bool { return e.EventID == "4" })
	require.Equal(t, []string{"0", "1", "2", "4"}, ids(past), "what had been applied was before, wherever it stands")
	_, _, ok = l.Before(&event.Unmerge{EventID: "another"}, "a", nil)
	require.False(t, ok)
}

// A refusal is heeded for whoever of the two may have meant it.
func TestARefusalHoldsForWhoeverMayHaveMeantIt(t *testing.T) {
	a, b := event.Identity{Namespace: "user_id", Value: "a"}, event.Identity{Namespace: "openid.x", Value: "b"}
	phone := event.Identity{Namespace: "phone", Value: "p"}
	wish := func(id string, props event.Fields, own ...event.Identity) event.Arrival {
		return event.Arrival{Record: event.Record{Own: own, Event: &event.Event{EventID: id, Type: event.TypeConsent, Identities: own, Properties: props}}}
	}
	refused, granted := event.Fields{"profiling": "refused"}, event.Fields{"profiling": "granted"}
	u := &event.Unmerge{EventID: "u", Into: "n", Moved: []event.Identity{b}}
	for name, c := range map[string]struct {
		all         []event.Arrival
		stays, left []string // ids, + for a copy
	}{
		"one's own":                     {[]event.Arrival{wish("1", refused, b), wish("2", refused, a)}, []string{"2"}, []string{"1"}},
		"of the customer as a whole":    {[]event.Arrival{wish("1", refused)}, []string{"1"}, []string{"+1"}},
		"undone for the whole":          {[]event.Arrival{wish("1", refused), wish("2", granted)}, []string{"1", "2"}, nil},
		"undone by one":                 {[]event.Arrival{wish("1", refused), wish("2", granted, a)}, []string{"1", "2"}, []string{"+1"}},
		"a grant for the whole":         {[]event.Arrival{wish("1", refused, b), wish("2", granted)}, []string{"2"}, []string{"1"}},
		"of whoever has the phone":      {[]event.Arrival{wish("1", refused, phone)}, []string{"1"}, nil},
		"of the surest":                 {[]event.Arrival{wish("1", refused, phone, b)}, nil, []string{"1"}},
		"of one who is surely the user": {[]event.Arrival{wish("1", refused, b, a)}, []string{"1"}, nil},
		"the newest of each":            {[]event.Arrival{wish("1", event.Fields{"profiling": "refused", "suppressed": true}), wish("2", granted)}, []string{"1", "2"}, []string{"+1"}},
	} {
		stays, left, at := u.Part(c.all, len(c.all))
		require.Equal(t, len(stays), at, name)
		shown := func(some []event.Arrival) (out []string) {
			for _, s := range some {
				id := s.Event.EventID
				for _, o := range c.all {
					if id == event.DeriveID(event.TypeUnmerge, "u", o.Event.EventID) {
						require.Empty(t, s.Own)
						require.Empty(t, s.Event.Identities)
						id = "+" + o.Event.EventID
					}
				}
				out = append(out, id)
			}
			return out
		}
		require.Equal(t, c.stays, shown(stays), name)
		require.Equal(t, c.left, shown(left), name)
	}
	_, left, _ := u.Part([]event.Arrival{wish("1", event.Fields{"profiling": "refused", "suppressed": true}), wish("2", granted)}, 2)
	require.Equal(t, event.Fields{"suppressed": true}, left[0].Event.Properties, "what was undone is not copied")
}

func TestOnlyTheConsoleBeginsAPartedProfile(t *testing.T) {
	e := &event.Event{EventID: "s", Type: event.TypeSplit, Source: event.SourceConsole, Properties: event.Fields{"from": "p", "profile": "n", "unmerge": "u"}}
	require.Equal(t, &event.Split{From: "p", Unmerge: event.Unmerge{EventID: "u", Into: "n"}}, e.Split())
	e.Source = "web"
	require.Nil(t, e.Split())
}
