package stream_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/stream/streamtest"
	"github.com/tagwire/tagwire/schemas"
)

func messages(values ...string) []stream.Message {
	out := make([]stream.Message, len(values))
	for i, v := range values {
		out[i] = stream.Message{Key: []byte("k"), Value: []byte(v)}
	}
	return out
}

// logOf are the values of a partition of `raw`, cut to their beginnings.
func logOf(t *testing.T, k *streamtest.Kafka, partition int) (out []string) {
	t.Helper()
	ranges, err := k.Ranges(t.Context(), schemas.TopicRaw, streamtest.Raw)
	require.NoError(t, err)
	for at := ranges[partition].First; at < ranges[partition].End; {
		b, err := k.Fetch(t.Context(), schemas.TopicRaw, partition, at, time.Second)
		require.NoError(t, err)
		for _, r := range b.Records {
			out = append(out, string(r.Value[:min(len(r.Value), 4)]))
		}
		at = b.Next
	}
	return out
}

// refuseProduce answers the produce requests that are named, counted from 1, with
// an error and appends nothing; it gives the count.
func refuseProduce(k *streamtest.Kafka, code int16, refuse func(n int64) bool) *atomic.Int64 {
	var count atomic.Int64
	k.Cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		k.Cluster.KeepControl()
		if !refuse(count.Add(1)) {
			return nil, nil, false
		}
		asked, _ := req.(*kmsg.ProduceRequest)
		res := kmsg.NewPtrProduceResponse()
		res.Version = req.GetVersion()
		for _, one := range asked.Topics {
			topic := kmsg.NewProduceResponseTopic()
			topic.Topic = one.Topic
			for _, p := range one.Partitions {
				part := kmsg.NewProduceResponseTopicPartition()
				part.Partition, part.ErrorCode = p.Partition, code
				topic.Partitions = append(topic.Partitions, part)
			}
			res.Topics = append(res.Topics, topic)
		}
		return res, nil, true
	})
	return &count
}

// The same records again until they are acknowledged, and nothing behind them
// before.
func TestPublishRepeatsARequestInItsPlace(t *testing.T) {
	k := streamtest.StartKafka(t)
	large := func(name string) stream.Message {
		return stream.Message{Value: append([]byte(name), bytes.Repeat([]byte{'x'}, 600<<10)...)}
	}
	count := refuseProduce(k, kerr.NotEnoughReplicas.Code, func(n int64) bool { return n == 2 || n == 3 })
	base, err := k.Publish(t.Context(), schemas.TopicRaw, 1, []stream.Message{large("one-"), large("two-"), large("thr-")})
	require.NoError(t, err)
	require.EqualValues(t, 2, base, "that of the last request's first message")
	require.Equal(t, []string{"one-", "two-", "thr-"}, logOf(t, k, 1))
	require.EqualValues(t, 5, count.Load(), "each that does not fit with another is a request of its own")
	require.Empty(t, logOf(t, k, 0))
}

func TestPublishEnds(t *testing.T) {
	k := streamtest.StartKafka(t)
	_, err := k.Publish(t.Context(), schemas.TopicRaw, 0, nil)
	require.NoError(t, err, "nothing to do")

	refuse := int64(1)
	count := refuseProduce(k, kerr.MessageTooLarge.Code, func(n int64) bool { return n == refuse })
	_, err = k.Publish(t.Context(), schemas.TopicRaw, 0, messages("a"))
	require.ErrorIs(t, err, kafka.MessageSizeTooLarge)
	require.EqualValues(t, 1, count.Load(), "what can never succeed is not repeated")

	ctx, cancel := context.WithCancel(t.Context())
	_ = refuseProduce(k, kerr.NotEnoughReplicas.Code, func(n int64) bool {
		if n == 2 {
			cancel()
		}
		return true
	})
	_, err = k.Publish(ctx, schemas.TopicRaw, 0, messages("a"))
	require.Error(t, err)
	require.ErrorContains(t, err, "publish to raw.1/0", "it names the partition")
	require.ErrorIs(t, ctx.Err(), context.Canceled)
	require.Empty(t, logOf(t, k, 0))
}

// deaf loses one answer: the connection breaks when it comes.
type deaf struct {
	net.Conn
	lose *atomic.Bool
}

func (d *deaf) Read(b []byte) (int, error) {
	n, err := d.Conn.Read(b)
	if err == nil && d.lose.CompareAndSwap(true, false) {
		_ = d.Close() // it is given up
		return 0, syscall.ECONNRESET
	}
	return n, err
}

// A request whose answer is lost may have been appended: it is sent again all the
// same, in the same order. Consumers drop the second by their high marks.
func TestPublishAfterALostAnswerAppendsTwice(t *testing.T) {
	k := streamtest.StartKafka(t)
	var lose atomic.Bool
	c, err := stream.New(stream.Config{Brokers: k.Brokers, Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &deaf{conn, &lose}, nil
	}}, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(c.Close)
	_, err = c.Publish(t.Context(), schemas.TopicRaw, 0, messages("0"))
	require.NoError(t, err)

	var requests atomic.Int64
	k.Cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		k.Cluster.KeepControl()
		if requests.Add(1) == 1 {
			lose.Store(true) // the next thing that this client hears is this answer
		}
		return nil, nil, false
	})
	base, err := c.Publish(t.Context(), schemas.TopicRaw, 0, messages("1", "2"))
	require.NoError(t, err)
	require.EqualValues(t, 2, requests.Load())
	require.EqualValues(t, 3, base)
	require.Equal(t, []string{"0", "1", "2", "1", "2"}, logOf(t, k, 0))
}

func TestPublishAllKeepsTheOrderOfEachPartition(t *testing.T) {
	k := streamtest.StartKafka(t)
	_ = refuseProduce(k, kerr.NotEnoughReplicas.Code, func(n int64) bool { return n == 1 })
	want := map[int][]string{}
	all := map[int][]stream.Message{}
	for p := range streamtest.Raw {
		for i := range 50 {
			want[p] = append(want[p], fmt.Sprintf("%d.%d", p, i))
		}
		all[p] = messages(want[p]...)
	}
	require.NoError(t, k.PublishAll(t.Context(), schemas.TopicRaw, all))
	require.NoError(t, k.PublishAll(t.Context(), schemas.TopicRaw, map[int][]stream.Message{1: messages("end")}))
	want[1] = append(want[1], "end")
	for p := range streamtest.Raw {
		require.Equal(t, want[p], logOf(t, k, p))
	}
}
