package rawplan_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/rawplan"
	"github.com/tagwire/tagwire/libs/store/storetest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

const number = 2

// took is a partition's memory with an owner.
func took(t *testing.T, rdb redis.UniversalClient) (*rawplan.Partition, rawplan.Pos) {
	t.Helper()
	p := rawplan.New(rdb, number)
	pos, err := p.TakeOver(t.Context())
	require.NoError(t, err)
	return p, pos
}

// next is the plan behind a position.
func next(pos rawplan.Pos, plan string) rawplan.Pos {
	pos.From, pos.Done = pos.Offset, pos.Offset
	pos.Offset += 10
	pos.Plan, pos.Dictionaries = []byte(plan), "3,4"
	return pos
}

func read(t *testing.T, p *rawplan.Partition) rawplan.Pos {
	t.Helper()
	pos, err := p.Read(t.Context())
	require.NoError(t, err)
	return pos
}

func TestPlanIsFoundAgain(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, rdb redis.UniversalClient) {
		p, pos := took(t, rdb)
		require.False(t, pos.Exists, "an epoch alone is no plan")
		require.EqualValues(t, 1, pos.Epoch)
		plan := next(pos, "a plan \x00\xff")
		require.NoError(t, p.Store(t.Context(), plan))
		plan.Number, plan.Exists = 1, true
		require.Equal(t, plan, read(t, p))

		require.NoError(t, p.Done(t.Context(), plan.Epoch, plan.Offset))
		plan.Done = plan.Offset
		require.Equal(t, plan, read(t, p), "nothing else is touched")
		require.True(t, plan.Names(4))
		for _, version := range []int64{0, 34, 5} {
			require.False(t, plan.Names(version))
		}
		require.False(t, rawplan.Pos{}.Names(0))

		_, again := took(t, rdb)
		plan.Epoch++
		require.Equal(t, plan, again, "the next owner finds it")
	})
}

// A former owner, woken up, can neither store nor note anything.
func TestFormerOwnerIsRefused(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, rdb redis.UniversalClient) {
		p, former := took(t, rdb)
		require.NoError(t, p.Store(t.Context(), next(former, "one")))
		former = read(t, p)

		heir, present := took(t, rdb)
		require.Equal(t, former.Epoch+1, present.Epoch)
		require.ErrorIs(t, p.Store(t.Context(), next(former, "two")), rawplan.ErrNotOwner)
		require.ErrorIs(t, p.Done(t.Context(), former.Epoch, 99), rawplan.ErrNotOwner)
		require.Equal(t, present, read(t, p))

		require.NoError(t, heir.Store(t.Context(), next(present, "two")))
		require.NoError(t, heir.Done(t.Context(), present.Epoch, 20))
		require.EqualValues(t, 20, read(t, p).Done)

		// Redis loses all: the epoch begins again, and nobody of before owns it.
		require.NoError(t, rdb.FlushAll(t.Context()).Err())
		require.ErrorIs(t, heir.Store(t.Context(), next(present, "three")), rawplan.ErrNotOwner)
		require.ErrorIs(t, heir.Done(t.Context(), present.Epoch, 30), rawplan.ErrNotOwner)
		require.Equal(t, rawplan.Pos{Plan: []byte{}}, read(t, p), "nothing comes back by a note")
	})
}

func TestStoreIsCompareAndSet(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, rdb redis.UniversalClient) {
		p, pos := took(t, rdb)
		first := next(pos, "one")
		require.NoError(t, p.Store(t.Context(), first))
		stands := read(t, p)
		require.ErrorIs(t, p.Store(t.Context(), first), rawplan.ErrBehind, "the same again, as go-redis sends it after a lost reply")
		early := next(stands, "three")
		early.Number++
		require.ErrorIs(t, p.Store(t.Context(), early), rawplan.ErrBehind, "one that leaves one out")
		require.Equal(t, stands, read(t, p))
		require.NoError(t, p.Store(t.Context(), next(stands, "two")))
		require.EqualValues(t, 2, read(t, p).Number)
	})
}

func TestPartitionsAreApart(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, rdb redis.UniversalClient) {
		p, pos := took(t, rdb)
		require.NoError(t, p.Store(t.Context(), next(pos, "one")))
		require.False(t, read(t, rawplan.New(rdb, number+1)).Exists)
	})
}

func id(namespace string, n int) event.Identity {
	return event.Identity{Namespace: namespace, Value: fmt.Sprint(n)}
}

func TestClaimTellsWhatAnotherHas(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, rdb redis.UniversalClient) {
		ids := rawplan.NewIdentities(rdb)
		claim := func(links ...rawplan.Link) []rawplan.Link {
			t.Helper()
			lost, err := ids.Claim(t.Context(), links)
			require.NoError(t, err)
			return lost
		}
		require.Empty(t, claim())
		mine := []rawplan.Link{{Identity: id("user_id", 1), Profile: "pA"}, {Identity: id("phone", 1), Profile: "pA"}}
		require.Empty(t, claim(mine...))
		require.Empty(t, claim(mine...), "again after a crash: ours already")
		require.Equal(t, []rawplan.Link{{Identity: id("phone", 1), Profile: "pA"}},
			claim(rawplan.Link{Identity: id("phone", 1), Profile: "pB"}, rawplan.Link{Identity: id("email", 1), Profile: "pB"}),
			"with the profile that has it")

		found, err := ids.Lookup(t.Context(), []event.Identity{id("user_id", 1), id("phone", 1), id("email", 1), id("user_id", 2)})
		require.NoError(t, err)
		require.Equal(t, map[event.Identity]string{id("user_id", 1): "pA", id("phone", 1): "pA", id("email", 1): "pB"}, found)
		found, err = ids.Lookup(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, found)
	})
}

// Whatever order they come in, each identity goes to one profile, and everybody
// else is told to which.
func TestClaimsAtOnceAgree(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, rdb redis.UniversalClient) {
		const claimants, each = 8, 50
		lost := make([]map[event.Identity]string, claimants)
		errs := make([]error, claimants)
		var all sync.WaitGroup
		for c := range claimants {
			links := make([]rawplan.Link, each)
			for n := range links {
				links[n] = rawplan.Link{Identity: id("user_id", n), Profile: fmt.Sprint("p", c)}
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
			found, err := rawplan.NewIdentities(rdb).Lookup(t.Context(), []event.Identity{id("user_id", n)})
			require.NoError(t, err)
			for c := range claimants {
				require.NoError(t, errs[c])
				has := found[id("user_id", n)]
				if own := fmt.Sprint("p", c); own == has {
					require.NotContains(t, lost[c], id("user_id", n))
				} else {
					require.Equal(t, has, lost[c][id("user_id", n)], "claimant %d of %d", c, n)
				}
			}
		}
	})
}

// Only what still points to the loser moves.
func TestRepointMovesTheLosersIdentities(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, rdb redis.UniversalClient) {
		ids := rawplan.NewIdentities(rdb)
		_, err := ids.Claim(t.Context(), []rawplan.Link{{Identity: id("user_id", 1), Profile: "loser"}, {Identity: id("user_id", 2), Profile: "third"}})
		require.NoError(t, err)
		all := []event.Identity{id("user_id", 1), id("user_id", 2), id("user_id", 3)}
		for range 2 { // again after a crash
			require.NoError(t, ids.Repoint(t.Context(), all, "loser", "winner"))
		}
		found, err := ids.Lookup(t.Context(), all)
		require.NoError(t, err)
		require.Equal(t, map[event.Identity]string{id("user_id", 1): "winner", id("user_id", 2): "third"}, found)
	})
}
