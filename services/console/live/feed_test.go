package live_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/services/console/consoletest"
	"github.com/tagwire/tagwire/services/console/live"
	"github.com/tagwire/tagwire/services/console/ruleset"
	"github.com/tagwire/tagwire/services/console/shards"
)

func TestFeedReadsOnlyWhileSomebodyListensAndDropsForTheSlow(t *testing.T) {
	w := consoletest.Start(t)
	w.Roles()
	f, err := live.NewFeed(live.FeedOptions{
		Stream: w.Kafka.Client, Shards: consoletest.Shards, RawPartitions: consoletest.Raw, Log: zap.NewNop(), Registerer: prometheus.NewRegistry(),
	})
	require.NoError(t, err)
	w.Go(f.Run)
	following := func() bool {
		select {
		case <-f.Following():
			return true
		default:
			return false
		}
	}
	require.False(t, following())
	slow := f.Subscribe("")
	quick := f.Subscribe("test")
	<-f.Following()
	const n = 700 // more than a listener's room
	for i := range n {
		w.Send(consoletest.Event(fmt.Sprint("e", i), "page.view", fmt.Sprint("u", i%7)))
		select {
		case <-quick.C:
		default:
		}
	}
	require.Eventually(t, func() bool { return slow.Dropped() > 0 || len(slow.C) == cap(slow.C) }, 20*time.Second, 10*time.Millisecond)
	require.Eventually(t, func() bool { return int64(len(slow.C))+slow.Dropped() == n }, 20*time.Second, 10*time.Millisecond)
	require.EqualValues(t, n-cap(slow.C), slow.Dropped())
	slow.Close()
	quick.Close()
	require.Eventually(t, func() bool { return !following() }, 10*time.Second, 10*time.Millisecond)
}

func TestBoardReadsAShardOnlyWhenItHasMoved(t *testing.T) {
	w := consoletest.Start(t)
	set := shards.New(w.Redis, consoletest.Generation, consoletest.Shards)
	b := live.NewBoard(set, ruleset.New(w.Defs), zap.NewNop())
	empty, err := b.Now(t.Context())
	require.NoError(t, err)
	require.Zero(t, empty.AsOf)
	stop := w.Tagger()
	w.Resolver()
	w.Send(consoletest.Event("e1", "page.view", "u1"))
	require.Eventually(t, func() bool {
		v, err := b.Now(t.Context())
		return err == nil && v.Population.Known == 1 && v.AsOf != 0
	}, 10*time.Second, 10*time.Millisecond)
	stop()
	before, err := b.Now(t.Context())
	require.NoError(t, err)
	again, err := b.Now(t.Context())
	require.NoError(t, err)
	require.Same(t, before, again, "nothing has moved")

	// A count that changes without a commit is none of the board's: it is not read.
	for s := range consoletest.Shards {
		require.NoError(t, w.Redis.HSet(t.Context(), fmt.Sprintf("tw:{1.%d}:counts", s), `["x"]`, 9).Err())
	}
	again, err = b.Now(t.Context())
	require.NoError(t, err)
	require.Same(t, before, again)
}
