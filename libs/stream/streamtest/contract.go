package streamtest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

// patience is for what takes a moment; it is long because a machine may be busy.
const patience = 2 * time.Minute

// contract is one run of Contract.
type contract struct {
	cfg stream.Config
	c   *stream.Client
}

// Contract is what a Kafka must do for the log to be exact: order and
// acknowledgement, positions, long polls, owners by generations, and the text kept
// with an offset. It makes topics of its own, so the Kafka may be shared.
func Contract(t *testing.T, cfg stream.Config) {
	t.Helper()
	k := &contract{cfg: cfg}
	k.c = k.connect(t)
	t.Run("topics are made once and never changed", k.topics)
	t.Run("records come as they were published", k.order)
	t.Run("large publishes are cut, what is too large is refused", k.large)
	t.Run("a fetch at the end waits for what comes", k.longPoll)
	t.Run("an offset outside the log is told", k.gone)
	t.Run("a fetch begins within a batch", k.within)
	t.Run("an appender gathers and tells each", k.appender)
	t.Run("keys and deletions pass a compacted topic", k.compacted)
	t.Run("marks outside any membership keep their text", k.notes)
	t.Run("partitions are handed over", k.handOver)
	t.Run("a member that is cut off is replaced", k.cutOff)
}

func (k *contract) connect(t *testing.T) *stream.Client {
	t.Helper()
	c, err := stream.New(k.cfg, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// topic makes one for a test.
func (k *contract) topic(t *testing.T, partitions int) string {
	t.Helper()
	return k.make(t, schemas.Topic{Partitions: partitions, Retention: time.Hour, MaxMessages: 2 << 20})
}

func (k *contract) make(t *testing.T, topic schemas.Topic) string {
	t.Helper()
	_, name, _ := strings.Cut(t.Name(), "/")
	topic.Name = fmt.Sprintf("%s.%d", strings.Map(plain, name), time.Now().UnixNano())
	require.NoError(t, k.c.EnsureTopics(t.Context(), []schemas.Topic{topic}))
	require.Eventually(t, func() bool { // a new topic's partitions have no leader for a moment
		_, err := k.c.Ranges(t.Context(), topic.Name, topic.Partitions)
		return err == nil
	}, patience, 10*time.Millisecond)
	return topic.Name
}

func plain(r rune) rune {
	if r >= 'a' && r <= 'z' {
		return r
	}
	return '-'
}

func values(records []stream.Record) (out []string) {
	for _, r := range records {
		out = append(out, string(r.Value[:min(len(r.Value), 8)]))
	}
	return out
}

// all reads a partition from a position to its end.
func (k *contract) all(t *testing.T, topic string, partition int) (out []stream.Record) {
	t.Helper()
	ranges, err := k.c.Ranges(t.Context(), topic, partition+1)
	require.NoError(t, err)
	for at := ranges[partition].First; at < ranges[partition].End; {
		b, err := k.c.Fetch(t.Context(), topic, partition, at, time.Second)
		require.NoError(t, err)
		require.Greater(t, b.Next, at, "a fetch below the end moves on")
		out, at = append(out, b.Records...), b.Next
	}
	return out
}

func (k *contract) publish(t *testing.T, topic string, values ...string) int64 {
	t.Helper()
	var list []stream.Message
	for _, v := range values {
		list = append(list, stream.Message{Key: []byte("k"), Value: []byte(v)})
	}
	base, err := k.c.Publish(t.Context(), topic, 0, list)
	require.NoError(t, err)
	return base
}

func (k *contract) topics(t *testing.T) {
	one := schemas.Topic{Name: k.topic(t, 3), Partitions: 3, Retention: time.Hour, MaxMessages: 2 << 20}
	require.NoError(t, k.c.EnsureTopics(t.Context(), []schemas.Topic{one}), "a second start")
	n, err := k.c.Partitions(t.Context(), one.Name)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	one.Partitions = 4
	require.ErrorContains(t, k.c.EnsureTopics(t.Context(), []schemas.Topic{one}), "never changed")
	_, err = k.c.Partitions(t.Context(), "none")
	require.ErrorIs(t, err, kafka.UnknownTopicOrPartition)
}

func (k *contract) order(t *testing.T) {
	topic := k.topic(t, 2)
	began := time.Now()
	require.EqualValues(t, 0, k.publish(t, topic, "0", "1", "2"))
	require.EqualValues(t, 3, k.publish(t, topic, "3"), "the offset of the first of a request")
	_, err := k.c.Publish(t.Context(), topic, 1, []stream.Message{
		{Key: []byte("k"), Value: []byte("v"), Headers: []kafka.Header{{Key: "kind", Value: []byte("event")}}}, {Key: []byte("gone")}, {Value: []byte{}},
	})
	require.NoError(t, err)
	records := k.all(t, topic, 0)
	require.Equal(t, []string{"0", "1", "2", "3"}, values(records))
	for n, r := range records {
		require.EqualValues(t, n, r.Offset)
		require.WithinRange(t, r.Time, began.Add(-time.Second), time.Now().Add(time.Second), "the time of appending")
	}
	other := k.all(t, topic, 1)
	require.Len(t, other, 3)
	require.Equal(t, "k v kind event", fmt.Sprintf("%s %s %s %s", other[0].Key, other[0].Value, other[0].Headers[0].Key, other[0].Headers[0].Value))
	require.Nil(t, other[1].Value, "a deletion")
	require.NotNil(t, other[2].Value, "an empty value is none")
}

func (k *contract) large(t *testing.T) {
	topic := k.topic(t, 1)
	message := func(name string, size int) stream.Message {
		return stream.Message{Value: append([]byte(name), bytes.Repeat([]byte{'x'}, size)...)}
	}
	_, err := k.c.Publish(t.Context(), topic, 0, []stream.Message{message("one-----", 900<<10), message("two-----", 900<<10), message("three---", 1<<20)})
	require.NoError(t, err)
	require.Equal(t, []string{"one-----", "two-----", "three---"}, values(k.all(t, topic, 0)))
	_, err = k.c.Publish(t.Context(), topic, 0, []stream.Message{message("too much", 3<<20)})
	require.ErrorIs(t, err, kafka.MessageSizeTooLarge, "and is not sent for ever")
}

func (k *contract) longPoll(t *testing.T) {
	topic := k.topic(t, 1)
	k.publish(t, topic, "0")
	began := time.Now()
	b, err := k.c.Fetch(t.Context(), topic, 0, 1, 300*time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, stream.Batch{Next: 1, End: 1}, b)
	require.Greater(t, time.Since(began), 200*time.Millisecond, "it waits")
	got := make(chan stream.Batch, 1)
	go func() {
		b, err := k.c.Fetch(t.Context(), topic, 0, 1, patience)
		if err != nil {
			t.Errorf("fetch: %v", err)
		}
		got <- b
	}()
	k.publish(t, topic, "1")
	select {
	case b := <-got:
		require.Equal(t, []string{"1"}, values(b.Records))
	case <-time.After(patience / 2):
		t.Error("what came did not end the wait")
	}
}

func (k *contract) gone(t *testing.T) {
	topic := k.topic(t, 1)
	k.publish(t, topic, "0", "1")
	for _, offset := range []int64{3, 1000} {
		_, err := k.c.Fetch(t.Context(), topic, 0, offset, 10*time.Millisecond)
		require.ErrorIs(t, err, stream.ErrOffsetGone)
		ended := k.c.Follow(t.Context(), stream.Position{Topic: topic, Offset: offset}, func(stream.Batch) error { return nil })
		require.ErrorIs(t, ended, stream.ErrOffsetGone, "and ends whoever follows")
	}
}

func (k *contract) within(t *testing.T) {
	topic := k.topic(t, 1)
	k.publish(t, topic, "0", "1", "2", "3")
	b, err := k.c.Fetch(t.Context(), topic, 0, 2, time.Second)
	require.NoError(t, err)
	require.Equal(t, []string{"2", "3"}, values(b.Records), "what stands in the same batch before it is left out")
	require.EqualValues(t, 4, b.Next)
	require.EqualValues(t, 4, b.End)
}

func (k *contract) appender(t *testing.T) {
	topic := k.topic(t, 2)
	a := k.c.NewAppender(topic, patience)
	err := a.WriteMessages(t.Context(), kafka.Message{Value: []byte("good")}, kafka.Message{Partition: 99, Value: []byte("no such partition")})
	var each kafka.WriteErrors
	require.ErrorAs(t, err, &each)
	require.NoError(t, each[0])
	require.Error(t, each[1])
	require.NoError(t, a.Close())
	require.Equal(t, []string{"good"}, values(k.all(t, topic, 0)))
}

func (k *contract) compacted(t *testing.T) {
	topic := k.make(t, schemas.Topic{Partitions: 1, Compacted: true, MaxMessages: 2 << 20})
	for n := range 3 {
		_, err := k.c.Publish(t.Context(), topic, 0, []stream.Message{{Key: []byte("a"), Value: fmt.Append(nil, n)}, {Key: []byte("b"), Value: fmt.Append(nil, n)}})
		require.NoError(t, err)
	}
	_, err := k.c.Publish(t.Context(), topic, 0, []stream.Message{{Key: []byte("b")}})
	require.NoError(t, err)
	newest := map[string]string{}
	for _, r := range k.all(t, topic, 0) {
		newest[string(r.Key)] = string(r.Value)
	}
	require.Equal(t, map[string]string{"a": "2", "b": ""}, newest)
}
