package resolve

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/rawplan"
	"github.com/tagwire/tagwire/libs/stream"
)

var (
	user  = event.Identity{Namespace: "user_id", Value: "u"}
	union = event.Identity{Namespace: "unionid", Value: "w"}
	anon  = event.Identity{Namespace: "anonymous_id", Value: "a"}
)

// A decision that Redis has lost is repeated as it was, for each kind of event:
// the same profile, and an identity that did not name it starts the same other
// one, with the same request that the two become one.
func TestFollowRepeatsWhatRouteDecided(t *testing.T) {
	four := rawplan.People{anon: {person(1), person(2), person(3), person(4)}}
	for name, c := range map[string]struct {
		known map[event.Identity]string
		ids   []event.Identity
		seen  rawplan.People
	}{
		"nobody is known":                     {ids: []event.Identity{anon}},
		"one of two unique is known":          {known: map[event.Identity]string{user: "p-old"}, ids: []event.Identity{user, union}},
		"the weaker of two is known":          {known: map[event.Identity]string{anon: "p-old"}, ids: []event.Identity{anon, user}},
		"both are known, as two":              {known: map[event.Identity]string{user: "p-1", union: "p-2"}, ids: []event.Identity{user, union}},
		"a profile is named in so many":       {ids: []event.Identity{{Namespace: DirectNamespace, Value: "p-3"}, anon}},
		"a shared device beside a stranger":   {map[event.Identity]string{anon: "p-old"}, []event.Identity{anon, union}, four},
		"a shared device beside a new user":   {map[event.Identity]string{anon: "p-old"}, []event.Identity{anon, user}, four},
		"a shared device of the same profile": {map[event.Identity]string{anon: "p-old", user: "p-old"}, []event.Identity{anon, user}, four},
		"a shared device alone":               {map[event.Identity]string{anon: "p-old"}, []event.Identity{anon}, four},
		"a shared device alone, of nobody":    {nil, []event.Identity{anon}, four},
	} {
		e := &event.Event{ReceivedAt: 1000}
		first := testRouter(copied(c.known), c.seen)
		decided := first.route(e, 7, c.ids)
		again := testRouter(copied(c.known), c.seen)
		for _, id := range decided.Own { // what stands in `events` is claimed first
			again.known[id] = decided.Profile
		}
		repeated := again.follow(decided.Profile, e, 7, c.ids)
		require.Equal(t, decided, repeated, name)
		require.ElementsMatch(t, lost(first.links, decided), again.links, name)
		require.Equal(t, first.seen, again.seen, name)
	}
}

// lost are the links of a plan that no event shows.
func lost(links []rawplan.Link, en entry) []rawplan.Link {
	var out []rawplan.Link
	for _, l := range links {
		if l.Profile != en.Profile {
			out = append(out, l)
		}
	}
	return out
}

func copied(known map[event.Identity]string) map[event.Identity]string {
	out := map[event.Identity]string{}
	maps.Copy(out, known)
	return out
}

// What is found is what this raw partition has published, and of all partitions
// the newest profile of each identity.
func TestFoundTakesOver(t *testing.T) {
	f := newFound(testLimits)
	newest := map[event.Identity]time.Time{}
	take := func(r event.Record, shard int, at time.Time) {
		b, err := r.Encode()
		require.NoError(t, err)
		f.take(stream.Record{Time: at, Value: b}, shard, "raw.1/2", newest)
	}
	now := time.Now()
	take(event.Record{Kind: event.KindEvent, Source: "raw.1/2", Number: 9 * perOffset, Profile: "p-1", Own: []event.Identity{user}, Event: with(user, anon)}, 4, now)
	take(event.Record{Kind: event.KindEvent, Source: "raw.1/3", Number: 50 * perOffset, Profile: "p-2", Own: []event.Identity{anon}, Event: with(anon, person(1))}, 5, now)
	take(event.Record{Kind: event.KindEvent, Source: "raw.1/3", Number: 40 * perOffset, Profile: "p-0", Own: []event.Identity{anon}}, 6, now.Add(-time.Second))
	take(event.Record{Kind: event.KindLink, Source: "raw.1/2", Number: 10*perOffset + numberLinks}, 4, now)
	take(event.Record{Kind: event.KindEvent, Source: "raw.1/3", Number: 60 * perOffset, Profile: "p-7", Event: with(anon, person(2))}, 7, now)
	take(event.Record{Kind: event.KindShared, Source: "raw.1/2", Number: 8*perOffset + numberShared}, 4, now)
	f.take(stream.Record{Value: []byte("no record")}, 4, "raw.1/2", newest)

	require.EqualValues(t, 11, f.next, "behind the last of this partition")
	require.Equal(t, map[event.Identity]string{user: "p-1", anon: "p-2"}, f.links)
	require.Equal(t, []rawplan.Seen{{Identity: anon, With: user}, {Identity: anon, With: person(1)}}, f.seen, "not of an event that names a profile by its id")
	profile, ok := f.profile(9)
	require.True(t, ok)
	require.Equal(t, "p-1", profile)
	_, ok = f.profile(10)
	require.False(t, ok, "a link alone decides nothing")
	require.True(t, f.has(&event.Record{Kind: event.KindEvent, Number: 9 * perOffset}, 4))
	require.False(t, f.has(&event.Record{Kind: event.KindEvent, Number: 9 * perOffset}, 5), "it went to another shard")
	require.False(t, f.has(&event.Record{Kind: event.KindLink, Number: 10*perOffset + numberLinks}, 4), "links are asked again")
	require.False(t, f.has(&event.Record{Kind: event.KindShared, Number: 8*perOffset + numberShared}, 4), "what is shared is told again")
	var none *found
	_, ok = none.profile(9)
	require.False(t, ok)
}
