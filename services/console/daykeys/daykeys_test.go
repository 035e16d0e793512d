package daykeys_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/console/consoletest"
	"github.com/tagwire/tagwire/services/console/daykeys"
	"github.com/tagwire/tagwire/services/console/shards"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

func TestDaysRunOutByTheStreamTimeOfTheSlowestShard(t *testing.T) {
	w := consoletest.Start(t)
	k := daykeys.New(w.Keys, shards.New(w.Redis, consoletest.Generation, consoletest.Shards), schemas.Retention, zap.NewNop())
	noon := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	destroyed := func() int {
		t.Helper()
		n, err := k.Once(t.Context())
		require.NoError(t, err)
		return n
	}
	sealed := make([][]byte, 3)
	for i := range sealed {
		var err error
		sealed[i], err = w.Keys.SealDay(t.Context(), event.At(noon.AddDate(0, 0, i)), []byte("raw"))
		require.NoError(t, err)
	}
	readable := func() (out []bool) {
		t.Helper()
		for _, b := range sealed {
			_, err := w.Keys.OpenDay(t.Context(), b)
			if err != nil {
				require.ErrorIs(t, err, seal.ErrErased)
			}
			out = append(out, err == nil)
		}
		return out
	}

	require.Zero(t, destroyed(), "before any shard has begun")
	w.Tick(event.At(noon.Add(schemas.Retention)))
	require.Zero(t, destroyed(), "events of that noon may be read until the day has passed")
	w.Tick(event.At(noon.Add(schemas.Retention + 24*time.Hour)))
	longer := daykeys.New(w.Keys, shards.New(w.Redis, consoletest.Generation, consoletest.Shards), 30*24*time.Hour, zap.NewNop())
	n, err := longer.Once(t.Context())
	require.NoError(t, err)
	require.Zero(t, n, "raw is kept for longer here")
	require.Equal(t, 1, destroyed())
	require.Equal(t, []bool{false, true, true}, readable())

	// One shard has begun again and not caught up: its events wait.
	w.Tick(event.At(noon.Add(schemas.Retention + 96*time.Hour)))
	late := w.Shard(1)
	pos, err := late.Read(t.Context())
	require.NoError(t, err)
	require.NoError(t, w.Redis.HSet(t.Context(), late.PosKey(), "stream", int64(event.At(noon))).Err())
	require.Zero(t, destroyed())
	require.NoError(t, w.Redis.HDel(t.Context(), late.PosKey(), "commit", "stream").Err())
	require.Zero(t, destroyed())
	require.Equal(t, []bool{false, true, true}, readable())
	require.NoError(t, w.Redis.HSet(t.Context(), late.PosKey(), "commit", pos.Commit, "stream", int64(pos.Stream)).Err())
	require.Equal(t, 2, destroyed())
	require.Equal(t, []bool{false, false, false}, readable())
	require.Zero(t, destroyed())
}
