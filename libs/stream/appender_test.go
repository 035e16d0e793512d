package stream_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tagwire/tagwire/libs/stream/streamtest"
	"github.com/tagwire/tagwire/schemas"
)

// While a request is on its way, what comes waits together: many callers, few
// requests, and each caller's records once and in its order.
func TestAppenderGathersWhileARequestIsOnItsWay(t *testing.T) {
	k := streamtest.StartKafka(t)
	var requests atomic.Int64
	first, held := make(chan struct{}), make(chan struct{})
	k.Cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		k.Cluster.KeepControl()
		if requests.Add(1) == 1 {
			k.Cluster.SleepControl(func() { close(first); <-held })
		}
		return nil, nil, false
	})
	a := k.NewAppender(schemas.TopicRaw, 10*time.Second)
	const callers, each = 50, 4
	var wait sync.WaitGroup
	errs := make(chan error, callers)
	send := func(c int) {
		for i := range each / 2 {
			errs <- a.WriteMessages(t.Context(),
				kafka.Message{Value: fmt.Appendf(nil, "%d %d", c, 2*i)}, kafka.Message{Value: fmt.Appendf(nil, "%d %d", c, 2*i+1)})
		}
	}
	wait.Go(func() { send(0) })
	<-first
	for c := 1; c < callers; c++ {
		wait.Go(func() { send(c) })
	}
	go func() {
		for range callers * each / 2 {
			if err := <-errs; err != nil {
				t.Errorf("write: %v", err)
			}
		}
	}()
	close(held)
	wait.Wait()
	require.NoError(t, a.Close())
	require.Less(t, requests.Load(), int64(callers*each/2), "fewer requests than calls")

	b, err := k.Fetch(t.Context(), schemas.TopicRaw, 0, 0, time.Second)
	require.NoError(t, err)
	require.Len(t, b.Records, callers*each)
	next := map[int]int{}
	for _, r := range b.Records {
		var c, i int
		_, err := fmt.Sscanf(string(r.Value), "%d %d", &c, &i)
		require.NoError(t, err)
		require.Equal(t, next[c], i, "records of caller %d", c)
		next[c]++
	}
}

// Each message has a verdict of its own, and what was refused is not repeated.
func TestAppenderTellsWhichMessagesFailed(t *testing.T) {
	k := streamtest.StartKafka(t)
	a := k.NewAppender(schemas.TopicRaw, 10*time.Second)
	err := a.WriteMessages(t.Context(), kafka.Message{Partition: 1, Value: []byte("good")}, kafka.Message{Partition: 99, Value: []byte("no such partition")})
	var each kafka.WriteErrors
	require.ErrorAs(t, err, &each)
	require.Len(t, each, 2)
	require.NoError(t, each[0])
	require.Error(t, each[1])
	require.NoError(t, a.WriteMessages(t.Context(), kafka.Message{Partition: 1, Value: []byte("after")}))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = a.WriteMessages(ctx, kafka.Message{Partition: 1, Value: []byte("left")})
	if err != nil {
		require.ErrorIs(t, err, context.Canceled)
	}
	require.NoError(t, a.Close(), "waits for what is on its way")
	b, err := k.Fetch(t.Context(), schemas.TopicRaw, 1, 0, time.Second)
	require.NoError(t, err)
	require.Len(t, b.Records, 3)
	require.ErrorIs(t, a.WriteMessages(t.Context(), kafka.Message{Value: []byte("late")}), io.ErrClosedPipe)
}
