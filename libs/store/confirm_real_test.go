//go:build real

package store_test

import (
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/parts/partstest"
	"github.com/tagwire/tagwire/libs/store"
)

var setScript = redis.NewScript(`redis.call('SET', KEYS[1], ARGV[1]) return 'ok'`)

// A write counts only when a replica has it: one that is frozen or was never
// there makes it unconfirmed, and it is done all the same.
func TestConfirmedWaitsForReplicas(t *testing.T) {
	master := partstest.StartRedis(t, partstest.RedisOptions{})
	host, port, err := net.SplitHostPort(master.Addr)
	require.NoError(t, err)
	rdb, err := store.Connect(master.Store())
	require.NoError(t, err)
	t.Cleanup(func() { _ = rdb.Close() })
	set := func(replicas int, value string) error {
		answer, err := store.Confirmed(t.Context(), rdb, replicas, store.Call{Script: setScript, Keys: []string{"k"}, Args: []any{value}})
		if err == nil {
			assert.Equal(t, "ok", answer)
		}
		return err
	}
	require.NoError(t, set(0, "alone"))
	require.ErrorIs(t, set(1, "nobody follows"), store.ErrUnconfirmed)
	assert.Equal(t, "nobody follows", rdb.Get(t.Context(), "k").Val(), "it is done; only the confirmation is missing")

	settings := []string{"replicaof " + host + " " + port}
	if master.Password != "" {
		settings = append(settings, "masterauth "+master.Password)
	}
	replica := partstest.StartRedis(t, partstest.RedisOptions{Settings: settings})
	require.Eventually(t, func() bool { return set(1, "both") == nil }, 30*time.Second, 50*time.Millisecond)
	c := replica.Client()
	t.Cleanup(func() { _ = c.Close() })
	assert.Equal(t, "both", c.Get(t.Context(), "k").Val())

	require.NoError(t, rdb.ScriptFlush(t.Context()).Err())
	require.NoError(t, set(1, "a script that is loaded again"))

	require.NoError(t, replica.Pause())
	require.ErrorIs(t, set(1, "frozen"), store.ErrUnconfirmed)
	require.NoError(t, replica.Resume())
	require.Eventually(t, func() bool { return set(1, "awake") == nil }, 30*time.Second, 50*time.Millisecond)
}

// On a Cluster the node of the key is asked, and its replica.
func TestConfirmedOnACluster(t *testing.T) {
	c := partstest.StartRedisCluster(t, partstest.RedisOptions{})
	rdb, err := store.Connect(c.Store())
	require.NoError(t, err)
	t.Cleanup(func() { _ = rdb.Close() })
	for _, key := range []string{"tw:{1.0}:pos", "tw:{1.1}:pos", "tw:{1.2}:pos", "tw:{1.5}:pos"} {
		answer, err := store.Confirmed(t.Context(), rdb, 1, store.Call{Script: setScript, Keys: []string{key}, Args: []any{"v"}})
		require.NoError(t, err)
		assert.Equal(t, "ok", answer)
		assert.Equal(t, "v", rdb.Get(t.Context(), key).Val())
	}
}
