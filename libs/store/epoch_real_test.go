//go:build real

package store_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/parts/partstest"
	"github.com/tagwire/tagwire/libs/store"
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
	for i, a := range lives {
		for _, b := range lives[:i] {
			require.False(t, store.Unbroken(a, b), "%v", lives)
		}
	}
}
