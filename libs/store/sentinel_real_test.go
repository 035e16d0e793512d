//go:build real

package store_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/parts/partstest"
	"github.com/tagwire/tagwire/libs/store"
)

// Sentinels have users of their own; the database is the same on whoever is the
// master.
func TestConnectBySentinelFollowsTheMaster(t *testing.T) {
	s := partstest.StartSentinel(t)
	cfg := s.Store()
	cfg.Database = 3
	without := cfg
	without.SentinelPassword = "wrong"
	stranger, err := store.Connect(without)
	require.NoError(t, err)
	require.Error(t, stranger.Ping(t.Context()).Err(), "the Sentinel knows its own users only")
	require.NoError(t, stranger.Close())
	rdb, err := store.Connect(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = rdb.Close() })
	require.Eventually(t, func() bool {
		_, err := store.Confirmed(t.Context(), rdb, 1, store.Call{Script: setScript, Keys: []string{"k"}, Args: []any{"before"}})
		return err == nil
	}, 30*time.Second, 50*time.Millisecond)
	before, err := store.Run(t.Context(), rdb, "k")
	require.NoError(t, err)
	still, err := store.Run(t.Context(), rdb, "k")
	require.NoError(t, err)
	require.True(t, store.Unbroken(before, still))
	require.NoError(t, s.Master.Kill())
	require.Eventually(t, func() bool { return rdb.Set(t.Context(), "after", "1", 0).Err() == nil }, 60*time.Second, 100*time.Millisecond)
	after, err := store.Run(t.Context(), rdb, "k")
	require.NoError(t, err)
	assert.False(t, store.Unbroken(before, after), "a fail-over is another life")
	assert.Equal(t, "before", rdb.Get(t.Context(), "k").Val())
	c := s.Replica.Client()
	t.Cleanup(func() { _ = c.Close() })
	assert.Zero(t, c.Exists(t.Context(), "k").Val(), "database 0 is another")
	_, err = c.Pipelined(t.Context(), func(p redis.Pipeliner) error {
		p.Select(t.Context(), 3)
		p.Get(t.Context(), "after")
		return nil
	})
	require.NoError(t, err, "the replica is the master now, and has database 3")
}
