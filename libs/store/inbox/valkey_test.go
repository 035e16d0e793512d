package inbox_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/libs/store/storetest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// engines runs a test on the stand-in and on the real engine, each empty.
func engines(t *testing.T, test func(t *testing.T, rdb redis.UniversalClient)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) { test(t, storetest.Mini(t)) })
	t.Run("valkey", func(t *testing.T) {
		p := embeddedtest.Start(t, embeddedtest.Redis)
		rdb := redis.NewClient(&redis.Options{Addr: p.RedisAddr, Password: p.RedisPassword, DisableIdentity: true})
		t.Cleanup(func() { _ = rdb.Close() })
		require.NoError(t, rdb.FlushAll(t.Context()).Err())
		test(t, rdb)
	})
}

func TestPaceIsASlidingWindow(t *testing.T) {
	engines(t, func(t *testing.T, rdb redis.UniversalClient) {
		p := inbox.Pace{Redis: rdb, Most: 3, Window: time.Hour}
		for range 3 {
			wait, err := p.Take(t.Context(), "a")
			require.NoError(t, err)
			require.Zero(t, wait)
		}
		wait, err := p.Take(t.Context(), "a")
		require.NoError(t, err)
		require.Greater(t, wait, 50*time.Minute, "until the first of the three is an hour old")
		require.LessOrEqual(t, wait, time.Hour)
		wait, err = p.Take(t.Context(), "b")
		require.NoError(t, err)
		require.Zero(t, wait, "another name has turns of its own")
		short := inbox.Pace{Redis: rdb, Most: 1, Window: 20 * time.Millisecond}
		_, err = short.Take(t.Context(), "c")
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			wait, err := short.Take(t.Context(), "c")
			return err == nil && wait == 0
		}, 10*time.Second, 5*time.Millisecond, "turns come back")
	})
}
