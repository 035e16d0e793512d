package resolve

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/rawplan"
)

var (
	testLimits = Limits{Phones: 2, Devices: 3}
	phone      = event.Identity{Namespace: "phone", Value: "hash"}
	mail       = event.Identity{Namespace: "email", Value: "hash"}
)

func person(n int) event.Identity {
	return event.Identity{Namespace: "wecom.corp", Value: fmt.Sprint(n)}
}

func testRouter(known map[event.Identity]string, people rawplan.People) *router {
	r := &router{partition: 2, known: known, people: rawplan.People{}, limits: testLimits, memory: newMemory()}
	for id, who := range people {
		r.people[id] = slices.Clone(who)
	}
	return r
}

func with(ids ...event.Identity) *event.Event { return &event.Event{Identities: ids} }

// steps routes events one after the other.
func steps(r *router, events ...[]event.Identity) []entry {
	out := make([]entry, len(events))
	for i, ids := range events {
		out[i] = r.route(&event.Event{ReceivedAt: event.Time(1000 + i)}, int64(i), ids)
	}
	return out
}

func TestAPhoneOfTwoPeopleLinksAndTheThirdMakesItShared(t *testing.T) {
	r := testRouter(map[event.Identity]string{}, nil)
	got := steps(r,
		[]event.Identity{person(1), phone},
		[]event.Identity{person(2), phone},
		[]event.Identity{phone, mail}, // nobody else is named: by the phone it is the first one's
		[]event.Identity{person(3), phone},
		[]event.Identity{phone, union},
		[]event.Identity{phone},
		[]event.Identity{person(1), phone},
	)
	first, second, third := got[0].Profile, got[1].Profile, got[3].Profile
	require.Equal(t, []event.Link{event.LinkOf(first, second)}, got[1].Requests, "two people are within the limit")
	require.Equal(t, first, got[2].Profile)
	require.Equal(t, first, r.known[mail], "it still joins")

	require.NotEqual(t, first, third)
	require.Empty(t, got[3].Requests, "the third makes it shared and is not asked to join")
	require.Equal(t, []event.Identity{person(3)}, got[3].Own)
	require.NotContains(t, []string{first, second, third}, got[4].Profile, "whom it stands beside is somebody else")
	require.Empty(t, got[4].Requests)
	require.Equal(t, []event.Identity{union}, got[4].Own)
	require.Equal(t, first, got[5].Profile, "alone it is whose it was first")
	require.Equal(t, []event.Identity{phone}, got[5].Own)
	require.Empty(t, got[5].Requests)
	require.Equal(t, first, got[6].Profile)
	require.Equal(t, []event.Identity{person(1), phone}, got[6].Own)

	require.Equal(t, []rawplan.Seen{{Identity: phone, With: person(1)}, {Identity: phone, With: person(2)}, {Identity: phone, With: person(3)}}, r.seen)
	for _, l := range r.links {
		require.True(t, l.Identity != phone || l.Profile == first, "it is linked once: %v", l)
	}
}

func TestADeviceTakesThreePeople(t *testing.T) {
	r := testRouter(map[event.Identity]string{}, nil)
	var events [][]event.Identity
	for n := range 6 {
		events = append(events, []event.Identity{anon, person(n)})
	}
	for n, en := range steps(r, events...) {
		require.Equal(t, n == 1 || n == 2, len(en.Requests) == 1, "person %d", n)
	}
	require.Len(t, r.people[anon], 4, "of a shared one no more is kept")
	require.Len(t, r.seen, 4)
}

// TestALoweredLimitIsTold: what was seen with too many before the limit was lowered
// is told of by the next event that brings it beside another, once.
func TestALoweredLimitIsTold(t *testing.T) {
	people := rawplan.People{phone: {person(1), person(2), person(3)}, anon: {person(1), person(2), person(3)}}
	r := testRouter(map[event.Identity]string{phone: "p-1", anon: "p-1", person(1): "p-1"}, people)
	steps(r,
		[]event.Identity{person(1), anon}, // three people, as the limit has it
		[]event.Identity{person(9), phone},
		[]event.Identity{person(1), phone},
	)
	require.Equal(t, []rawplan.Seen{{Identity: phone, With: person(1)}}, r.seen, "noting it again brings it up and adds nobody")
	require.Len(t, r.people[phone], 3)

	r = testRouter(map[event.Identity]string{phone: "p-1"}, people)
	steps(r, []event.Identity{phone, mail})
	require.Equal(t, []rawplan.Seen{{Identity: phone, With: person(1)}}, r.seen, "whatever stands beside it")
}

func TestOnlySharedValuesJoinNobodyToEachOther(t *testing.T) {
	people := rawplan.People{anon: {person(1), person(2), person(3), person(4)}, phone: {person(1), person(5), person(6)}}
	r := testRouter(map[event.Identity]string{anon: "p-1", phone: "p-2"}, people)
	en := steps(r, []event.Identity{anon, phone})[0]
	require.Equal(t, "p-2", en.Profile, "the stronger names the profile")
	require.Equal(t, []event.Identity{phone}, en.Own)
	require.Empty(t, en.Requests)

	r = testRouter(map[event.Identity]string{phone: "p-2"}, people)
	en = steps(r, []event.Identity{anon, phone})[0]
	require.Equal(t, "p-2", en.Profile)
	require.Empty(t, r.links, "a shared value that is nobody's is not given away")

	r = testRouter(map[event.Identity]string{}, people)
	got := steps(r, []event.Identity{anon}, []event.Identity{anon})
	require.Equal(t, got[0].Profile, got[1].Profile, "one that is nobody's names one profile from then on")
}

func TestWhoeverNamesAProfileIsNotSeenWithItsDevice(t *testing.T) {
	r := testRouter(map[event.Identity]string{}, nil)
	steps(r, []event.Identity{{Namespace: DirectNamespace, Value: "p-3"}, anon, person(1)})
	require.Empty(t, r.seen)
}

// Whatever order the events come in, and over however many resolvers that know
// of each other only what they stored before a batch, a value is shared in the
// end if it was seen with more people than its limit, and what each profile is
// told of is the same.
func TestSharedIsFreeOfOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		values := []event.Identity{phone, anon}
		type meeting struct{ value, who event.Identity }
		meetings := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) meeting {
			return meeting{rapid.SampledFrom(values).Draw(rt, "value"), person(rapid.IntRange(1, 6).Draw(rt, "who"))}
		}), 1, 25).Draw(rt, "meetings")
		distinct := map[meeting]bool{}
		for _, m := range meetings {
			distinct[m] = true
		}
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "order"), 1))
		rnd.Shuffle(len(meetings), func(i, j int) { meetings[i], meetings[j] = meetings[j], meetings[i] })

		stored := map[event.Identity]map[event.Identity]bool{phone: {}, anon: {}} // as Redis has them
		routers := []*router{testRouter(map[event.Identity]string{}, nil), testRouter(map[event.Identity]string{}, nil)}
		for i, m := range meetings {
			r := routers[rnd.IntN(2)]
			r.route(&event.Event{ReceivedAt: event.Time(i)}, int64(i), []event.Identity{m.value, m.who})
			if rnd.IntN(3) == 0 || i == len(meetings)-1 { // both store, the next batch reads
				for _, r := range routers {
					for _, s := range r.seen {
						stored[s.Identity][s.With] = true
					}
					r.seen = nil
				}
				for _, r := range routers {
					for id, who := range stored {
						r.people[id] = slices.Collect(maps.Keys(who))
					}
				}
			}
		}
		for _, v := range values {
			people := 0
			for m := range distinct {
				if m.value == v {
					people++
				}
			}
			who := slices.Collect(maps.Keys(stored[v]))
			require.Equal(rt, people > testLimits.of(v), testLimits.shared(v, who), "%s of %d people", v, people)
			if people <= testLimits.of(v) {
				require.Len(rt, who, people)
			}
		}
	})
}

func TestPeopleAreAskedForWhereTheyMatter(t *testing.T) {
	ids, limited := wanted([]opened{
		{ids: []event.Identity{anon}}, {ids: []event.Identity{phone}}, {}, {ids: []event.Identity{anon, user}}, {ids: []event.Identity{user, anon}},
	})
	require.Equal(t, []event.Identity{anon, phone, user}, ids, "each once")
	require.Equal(t, []event.Identity{anon}, limited)
}

func TestEachProfileLearnsOfTheOthers(t *testing.T) {
	known := map[event.Identity]string{phone: "p-1", person(1): "p-1", person(2): "p-3", person(3): "p-2"}
	require.Equal(t, []event.Shared{
		{Profile: "p-1", Identity: phone, With: []string{"p-2", "p-3"}},
		{Profile: "p-2", Identity: phone, With: []string{"p-1", "p-3"}},
		{Profile: "p-3", Identity: phone, With: []string{"p-1", "p-2"}},
	}, tell(phone, []event.Identity{phone, person(1), person(2), person(3), person(4)}, known))
}
