package profile_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
)

func TestAWishThatHistoryDoesNotTellOfHoldsForBoth(t *testing.T) {
	wish := func(props event.Fields) []event.Arrival {
		return []event.Arrival{
			{Record: event.Record{Event: &event.Event{EventID: "1", Type: "open"}}},
			{Record: event.Record{Event: &event.Event{EventID: "2", Type: event.TypeConsent, Properties: props}}},
		}
	}
	both := profile.Wish{Refused: true, Suppressed: true}
	require.Equal(t, both, both.Unexplained(nil), "nothing is known of it")
	require.Equal(t, both, both.Unexplained(wish(event.Fields{"profiling": "granted", "suppressed": false})), "that is no refusal")
	require.Equal(t, profile.Wish{Suppressed: true}, both.Unexplained(wish(event.Fields{"profiling": "refused"})))
	require.Equal(t, profile.Wish{}, both.Unexplained(wish(event.Fields{"profiling": "refused", "suppressed": true})))
	require.Equal(t, profile.Wish{}, profile.Wish{}.Unexplained(nil))
	p := profile.New("p-1")
	p.Heed(profile.Wish{})
	require.False(t, p.Refused || p.Suppressed)
	p.Heed(both)
	require.True(t, p.Refused && p.Suppressed)
}

// What is held and awaited is stored, and what was before, until the past is there.
func TestWhoWaitsIsStoredWhole(t *testing.T) {
	p := profile.New("p-1")
	p.AddIdentity(event.Identity{Namespace: "user_id", Value: "a"})
	p.Refused, p.Stage, p.FirstSeen = true, "new", 5
	p.Tags = map[string]*profile.Tag{"A": {Since: 3, Rule: "A"}}
	first, second := &event.Unmerge{EventID: "u1", Into: "p-2"}, &event.Unmerge{EventID: "u2", Into: "p-3"}
	q := p.Began(first, 7)
	require.True(t, q.Hold(profile.Held{Offset: 9, Record: []byte("r")}))
	state, err := q.Encode()
	require.NoError(t, err)
	again, err := profile.Decode(state)
	require.NoError(t, err)
	require.Equal(t, q.Held, again.Held)
	require.Equal(t, profile.Former{Wish: profile.Wish{Refused: true}, Tags: p.Tags, Stage: "new"}, again.Was)
	require.True(t, again.PartedBy(first))
	require.False(t, again.HasPast(first))
	require.False(t, again.Counted())

	once := again.Began(second, 8) // before the first past has come
	require.Equal(t, again.Was, once.Was, "what was told last was before both")
	require.Empty(t, once.Held, "it is in the past that comes")
	require.True(t, once.HasPast(first), "it is not taken any more")
	require.True(t, once.PartedBy(second))
	require.True(t, once.Refuses("p-2") && once.Refuses("p-3"))
}
