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

func TestPaceIsASlidingWindow(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, rdb redis.UniversalClient) {
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
