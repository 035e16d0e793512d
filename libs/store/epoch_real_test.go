//go:build real

package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/parts/partstest"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/store/rawplan"
)

// A restart is another life of Redis, though nothing is lost, and so is becoming
// the master again without one; epochs only ever rise, also when the hash that
// holds them is set back.
func TestRunAndEpochs(t *testing.T) {
	server := partstest.StartRedis(t, partstest.RedisOptions{})
	rdb, err := store.Connect(server.Store())
	require.NoError(t, err)
	t.Cleanup(func() { _ = rdb.Close() })
	run := func() string {
		r, err := store.Run(t.Context(), rdb, "k")
		require.NoError(t, err)
		return r
	}
	epoch := func() int64 {
		e, err := store.RaiseEpoch(t.Context(), rdb, "k")
		require.NoError(t, err)
		return e
	}
	lives := []string{run()}
	require.True(t, store.Unbroken(lives[0], run()))
	require.False(t, store.Unbroken("", ""), "where Redis does not tell, nothing is known")
	first := epoch()
	last := first
	for range 100 {
		next := epoch()
		require.Greater(t, next, last)
		last = next
	}
	require.NoError(t, rdb.HSet(t.Context(), "k", "epoch", first).Err())
	require.Greater(t, epoch(), last, "set back")

	_, err = rdb.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
		p.Do(t.Context(), "REPLICAOF", "127.0.0.1", "1")
		p.Do(t.Context(), "REPLICAOF", "NO", "ONE")
		return nil
	})
	require.NoError(t, err)
	lives = append(lives, run())
	require.NoError(t, server.Kill())
	require.NoError(t, server.Start(t.Context()))
	require.Eventually(t, func() bool { return rdb.Ping(t.Context()).Err() == nil }, 30*time.Second, 50*time.Millisecond)
	lives = append(lives, run())
	plans := rawplan.New(rdb, 3)
	pos, _, err := plans.TakeOver(t.Context())
	require.NoError(t, err)
	require.NoError(t, plans.Tick(t.Context(), pos))
	require.NoError(t, server.Kill())
	require.NoError(t, server.Start(t.Context()))
	require.Eventually(t, func() bool { return rdb.Ping(t.Context()).Err() == nil }, 30*time.Second, 50*time.Millisecond)
	for name, err := range map[string]error{"Tick": plans.Tick(t.Context(), pos), "Store": plans.Store(t.Context(), pos), "Done": plans.Done(t.Context(), pos)} {
		require.ErrorIs(t, err, store.ErrBehind, "%s: what the last plan claimed may be gone", name)
	}
	for i, a := range lives {
		for _, b := range lives[:i] {
			require.False(t, store.Unbroken(a, b), "%v", lives)
		}
	}
}

// Identities lie on all masters of a Cluster: the fail-over of a node that holds
// nothing of a raw partition is another life for it as well.
func TestLivesOfACluster(t *testing.T) {
	c := partstest.StartRedisCluster(t, partstest.RedisOptions{})
	rdb, err := store.Connect(c.Store())
	require.NoError(t, err)
	t.Cleanup(func() { _ = rdb.Close() })
	plans := rawplan.New(rdb, 1)
	pos, lives, err := plans.TakeOver(t.Context())
	require.NoError(t, err)
	require.NoError(t, plans.Tick(t.Context(), pos))
	again, err := store.Lives(t.Context(), rdb)
	require.NoError(t, err)
	require.True(t, store.Unbroken(lives, again))
	own, err := store.Run(t.Context(), rdb, "tw:raw:{1}")
	require.NoError(t, err)
	require.Contains(t, lives, own)

	mine, err := c.MasterOf(t.Context(), "tw:raw:{1}")
	require.NoError(t, err)
	other := mine
	for n := 0; other == mine; n++ {
		other, err = c.MasterOf(t.Context(), fmt.Sprint(n))
		require.NoError(t, err)
	}
	require.NoError(t, other.Kill())
	require.Eventually(t, func() bool {
		now, err := store.Lives(t.Context(), rdb)
		return err == nil && !store.Unbroken(lives, now)
	}, time.Minute, 100*time.Millisecond)
	require.ErrorIs(t, plans.Tick(t.Context(), pos), store.ErrBehind)
	still, err := store.Run(t.Context(), rdb, "tw:raw:{1}")
	require.NoError(t, err)
	require.Equal(t, own, still, "its own node lives on")
}
