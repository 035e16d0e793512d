package storetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/store/rawplan"
)

// RawPlan is what a Redis must do for resolvers to be exact: plans by comparison
// of epoch and number, identities claimed once. open gives an empty Redis; the
// clients of one call share it.
func RawPlan(t *testing.T, open Opener) {
	run(t, open, map[string]check{
		"a plan is found again":                         rawplanPlanIsFoundAgain,
		"a former owner is refused":                     rawplanFormerOwnerIsRefused,
		"storing is compare and set":                    rawplanStoreIsCompareAndSet,
		"partitions are apart":                          rawplanPartitionsAreApart,
		"a claim tells what another has":                rawplanClaimTellsWhatAnotherHas,
		"claims at once agree":                          rawplanClaimsAtOnceAgree,
		"who was seen with whom is one set":             rawplanSeenIsOneSet,
		"re-pointing moves the loser's identities only": rawplanRepointMovesTheLosersIdentities,
	})
}

const rawNumber = 2

// tookPartition is a partition's memory with an owner.
func tookPartition(t *testing.T, rdb redis.UniversalClient) (*rawplan.Partition, rawplan.Pos) {
	t.Helper()
	p := rawplan.New(rdb, rawNumber)
	pos, _, err := p.TakeOver(t.Context())
	require.NoError(t, err)
	return p, pos
}

// nextPlan is the plan behind a position.
func nextPlan(pos rawplan.Pos, plan string) rawplan.Pos {
	pos.From, pos.Done = pos.Offset, pos.Offset
	pos.Offset += 10
	pos.Plan, pos.Dictionaries = []byte(plan), "3,4"
	pos.Ends, pos.Run = []int64{5, 0, 7}, "a.b"
	return pos
}

func readPlan(t *testing.T, p *rawplan.Partition) rawplan.Pos {
	t.Helper()
	pos, err := p.Read(t.Context())
	require.NoError(t, err)
	return pos
}

func rawplanPlanIsFoundAgain(t *testing.T, rdb redis.UniversalClient) {
	p, pos := tookPartition(t, rdb)
	require.False(t, pos.Exists, "an epoch alone is no plan")
	require.Positive(t, pos.Epoch)
	plan := nextPlan(pos, "a plan \x00\xff")
	require.NoError(t, p.Tick(t.Context(), plan))
	require.NoError(t, p.Store(t.Context(), plan))
	require.ErrorIs(t, p.Tick(t.Context(), plan), store.ErrBehind)
	plan.Number, plan.Exists = 1, true
	require.NoError(t, p.Tick(t.Context(), plan))
	require.Equal(t, plan, readPlan(t, p))

	plan.Done = plan.Offset
	require.NoError(t, p.Done(t.Context(), plan))
	require.Equal(t, plan, readPlan(t, p), "nothing else is touched")
	require.True(t, plan.Names(4))
	for _, version := range []int64{0, 34, 5} {
		require.False(t, plan.Names(version))
	}
	require.False(t, rawplan.Pos{}.Names(0))

	_, again := tookPartition(t, rdb)
	require.Greater(t, again.Epoch, plan.Epoch)
	plan.Epoch = again.Epoch
	require.Equal(t, plan, again, "the next owner finds it")
}

// A former owner, woken up, can neither store nor note anything.
func rawplanFormerOwnerIsRefused(t *testing.T, rdb redis.UniversalClient) {
	p, former := tookPartition(t, rdb)
	require.NoError(t, p.Store(t.Context(), nextPlan(former, "one")))
	former = readPlan(t, p)

	heir, present := tookPartition(t, rdb)
	require.Greater(t, present.Epoch, former.Epoch)
	require.ErrorIs(t, p.Store(t.Context(), nextPlan(former, "two")), store.ErrNotOwner)
	require.ErrorIs(t, p.Done(t.Context(), former), store.ErrNotOwner)
	require.ErrorIs(t, p.Tick(t.Context(), former), store.ErrNotOwner)
	require.Equal(t, present, readPlan(t, p))

	require.NoError(t, heir.Store(t.Context(), nextPlan(present, "two")))
	present = readPlan(t, p)
	present.Done = 20
	require.NoError(t, heir.Done(t.Context(), present))
	require.EqualValues(t, 20, readPlan(t, p).Done)

	// Redis loses all: nobody of before owns it.
	emptied(t, rdb)
	require.ErrorIs(t, heir.Store(t.Context(), nextPlan(present, "three")), store.ErrNotOwner)
	require.ErrorIs(t, heir.Done(t.Context(), present), store.ErrNotOwner)
	require.Equal(t, rawplan.Pos{Plan: []byte{}}, readPlan(t, p), "nothing comes back by a note")
}

func rawplanStoreIsCompareAndSet(t *testing.T, rdb redis.UniversalClient) {
	p, pos := tookPartition(t, rdb)
	first := nextPlan(pos, "one")
	require.NoError(t, p.Store(t.Context(), first))
	stands := readPlan(t, p)
	require.ErrorIs(t, p.Store(t.Context(), first), store.ErrBehind, "the same again, as go-redis sends it after a lost reply")
	early := nextPlan(stands, "three")
	early.Number++
	require.ErrorIs(t, p.Store(t.Context(), early), store.ErrBehind, "one that leaves one out")
	require.Equal(t, stands, readPlan(t, p))
	require.NoError(t, p.Store(t.Context(), nextPlan(stands, "two")))
	require.EqualValues(t, 2, readPlan(t, p).Number)
}

func rawplanPartitionsAreApart(t *testing.T, rdb redis.UniversalClient) {
	p, pos := tookPartition(t, rdb)
	require.NoError(t, p.Store(t.Context(), nextPlan(pos, "one")))
	require.False(t, readPlan(t, rawplan.New(rdb, rawNumber+1)).Exists)
}

func identity(namespace string, n int) event.Identity {
	return event.Identity{Namespace: namespace, Value: fmt.Sprint(n)}
}

func rawplanClaimTellsWhatAnotherHas(t *testing.T, rdb redis.UniversalClient) {
	ids := rawplan.NewIdentities(rdb)
	claim := func(links ...rawplan.Link) []rawplan.Link {
		t.Helper()
		lost, err := ids.Claim(t.Context(), links)
		require.NoError(t, err)
		return lost
	}
	require.Empty(t, claim())
	mine := []rawplan.Link{{Identity: identity("user_id", 1), Profile: "pA"}, {Identity: identity("phone", 1), Profile: "pA"}}
	require.Empty(t, claim(mine...))
	require.Empty(t, claim(mine...), "again after a crash: ours already")
	require.Equal(t, []rawplan.Link{{Identity: identity("phone", 1), Profile: "pA"}},
		claim(rawplan.Link{Identity: identity("phone", 1), Profile: "pB"}, rawplan.Link{Identity: identity("email", 1), Profile: "pB"}),
		"with the profile that has it")

	found, err := ids.Lookup(t.Context(), []event.Identity{identity("user_id", 1), identity("phone", 1), identity("email", 1), identity("user_id", 2)})
	require.NoError(t, err)
	require.Equal(t, map[event.Identity]string{identity("user_id", 1): "pA", identity("phone", 1): "pA", identity("email", 1): "pB"}, found)
	found, err = ids.Lookup(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, found)
}

// Whatever order they come in, each identity goes to one profile, and everybody
// else is told to which.
func rawplanClaimsAtOnceAgree(t *testing.T, rdb redis.UniversalClient) {
	const claimants, each = 8, 50
	lost := make([]map[event.Identity]string, claimants)
	errs := make([]error, claimants)
	var all sync.WaitGroup
	for c := range claimants {
		links := make([]rawplan.Link, each)
		for n := range links {
			links[n] = rawplan.Link{Identity: identity("user_id", n), Profile: fmt.Sprint("p", c)}
		}
		all.Go(func() {
			var list []rawplan.Link
			list, errs[c] = rawplan.NewIdentities(rdb).Claim(t.Context(), links)
			lost[c] = map[event.Identity]string{}
			for _, l := range list {
				lost[c][l.Identity] = l.Profile
			}
		})
	}
	all.Wait()
	for n := range each {
		found, err := rawplan.NewIdentities(rdb).Lookup(t.Context(), []event.Identity{identity("user_id", n)})
		require.NoError(t, err)
		for c := range claimants {
			require.NoError(t, errs[c])
			has := found[identity("user_id", n)]
			if own := fmt.Sprint("p", c); own == has {
				require.NotContains(t, lost[c], identity("user_id", n))
			} else {
				require.Equal(t, has, lost[c][identity("user_id", n)], "claimant %d of %d", c, n)
			}
		}
	}
}

// Phones and devices are noted with those whom they were seen with, once each,
// however often a plan is carried out and by however many partitions at once.
func rawplanSeenIsOneSet(t *testing.T, rdb redis.UniversalClient) {
	ids := rawplan.NewIdentities(rdb)
	phone, device := identity("phone", 1), identity("anonymous_id", 1)
	lost, people, err := ids.Write(t.Context(), nil, nil)
	require.NoError(t, err)
	require.Empty(t, lost)
	require.Empty(t, people)

	links := []rawplan.Link{{Identity: identity("user_id", 1), Profile: "pA"}, {Identity: phone, Profile: "pA"}}
	seen := []rawplan.Seen{{Identity: phone, With: identity("user_id", 1)}, {Identity: device, With: event.Identity{Namespace: "wecom.c", Value: "d:1"}}}
	for range 2 { // again after a crash
		lost, people, err = ids.Write(t.Context(), links, seen)
		require.NoError(t, err)
		require.Empty(t, lost)
		require.Equal(t, rawplan.People{phone: {identity("user_id", 1)}, device: {event.Identity{Namespace: "wecom.c", Value: "d:1"}}}, people)
	}

	const writers, each = 6, 5
	all := []event.Identity{identity("user_id", 1)}
	errs := make([]error, writers)
	var done sync.WaitGroup
	for w := range writers {
		var some []rawplan.Seen
		for n := range each { // neighbours note some of the same
			some = append(some, rawplan.Seen{Identity: phone, With: identity("wecom.c", w*(each-1)+n)})
		}
		for _, s := range some {
			if !slices.Contains(all, s.With) {
				all = append(all, s.With)
			}
		}
		done.Go(func() {
			var after rawplan.People
			if _, after, errs[w] = rawplan.NewIdentities(rdb).Write(t.Context(), nil, some); errs[w] == nil && len(after[phone]) < each+1 {
				errs[w] = fmt.Errorf("told of %d people only", len(after[phone]))
			}
		})
	}
	done.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	known, people, err := ids.Read(t.Context(), []event.Identity{phone, device}, []event.Identity{phone, identity("phone", 2)})
	require.NoError(t, err)
	require.Equal(t, map[event.Identity]string{phone: "pA"}, known)
	require.Len(t, people, 1, "of whom is asked and who was seen with somebody")
	require.ElementsMatch(t, all, people[phone])
}

// Only what still points to the loser moves.
func rawplanRepointMovesTheLosersIdentities(t *testing.T, rdb redis.UniversalClient) {
	ids := rawplan.NewIdentities(rdb)
	_, err := ids.Claim(t.Context(), []rawplan.Link{{Identity: identity("user_id", 1), Profile: "loser"}, {Identity: identity("user_id", 2), Profile: "third"}})
	require.NoError(t, err)
	all := []event.Identity{identity("user_id", 1), identity("user_id", 2), identity("user_id", 3)}
	for range 2 { // again after a crash
		require.NoError(t, ids.Repoint(t.Context(), all, "loser", "winner"))
	}
	found, err := ids.Lookup(t.Context(), all)
	require.NoError(t, err)
	require.Equal(t, map[event.Identity]string{identity("user_id", 1): "winner", identity("user_id", 2): "third"}, found)
}
