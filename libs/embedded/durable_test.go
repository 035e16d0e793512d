package embedded

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
)

// disk is a sync that ends when told to.
type disk struct {
	mu     sync.Mutex
	rounds []touched
	let    chan error
}

func (d *disk) sync(t touched) error {
	d.mu.Lock()
	d.rounds = append(d.rounds, t)
	d.mu.Unlock()
	return <-d.let
}

func (d *disk) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.rounds)
}

func TestAnAnswerWaitsUntilWhatItTellsOfIsOnDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{let: make(chan error)}
		g := newGroupCommit(d.sync, func(error) { t.Error("failed") })
		require.NoError(t, g.answer(nil), "nothing is being written: nothing to wait for")
		assert.Zero(t, d.count())

		w := &writing{partitions: []string{"raw-0"}}
		g.begin(w)
		var order []string
		var mu sync.Mutex
		var all sync.WaitGroup
		say := func(name string, own *writing) {
			all.Go(func() {
				assert.NoError(t, g.answer(own))
				mu.Lock()
				order = append(order, name)
				mu.Unlock()
			})
		}
		say("produce", w)
		synctest.Wait()
		say("a fetch that may have read it", nil)
		say("another", nil)
		synctest.Wait()
		assert.Empty(t, order, "the disk is not done")
		assert.Equal(t, 1, d.count())
		d.let <- nil
		synctest.Wait()
		assert.Equal(t, []string{"produce"}, order, "the others came after the round had begun")
		assert.Equal(t, 2, d.count(), "one more round for both")
		d.let <- nil
		all.Wait()
		assert.Len(t, order, 3)
		assert.Contains(t, d.rounds[0].partitions, "raw-0")
		require.NoError(t, g.answer(nil))
		assert.Equal(t, 2, d.count(), "all is on disk")
	})
}

func TestNoAnswerIsGivenAfterADiskHasFailed(t *testing.T) {
	broken := errors.New("input/output error")
	var told []error
	g := newGroupCommit(func(touched) error { return broken }, func(err error) { told = append(told, err) })
	w := &writing{state: true}
	g.begin(w)
	require.ErrorIs(t, g.answer(w), broken)
	require.ErrorIs(t, g.answer(nil), broken, "what is read may not be on disk")
	assert.Len(t, told, 1)
}

func TestARequestOfAClosedConnectionIsStillSynced(t *testing.T) {
	var rounds []touched
	g := newGroupCommit(func(t touched) error { rounds = append(rounds, t); return nil }, nil)
	w := &writing{partitions: []string{"raw-0"}}
	g.begin(w)
	g.abandon(w)
	for range orphanRounds + 5 {
		require.NoError(t, g.answer(nil))
	}
	assert.Len(t, rounds, orphanRounds, "and not for ever")
	assert.Contains(t, rounds[0].partitions, "raw-0")
}

func TestRequestsThatWriteAreKnown(t *testing.T) {
	l := durableListener{partition: func(topic string, n int32) string { return topic + "/" + string(rune('0'+n)) }}
	produce := kmsg.NewPtrProduceRequest()
	produce.Acks = -1
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic = "events"
	for _, n := range []int32{3, 5} {
		p := kmsg.NewProduceRequestTopicPartition()
		p.Partition, p.Records = n, []byte("…")
		topic.Partitions = append(topic.Partitions, p)
	}
	produce.Topics = append(produce.Topics, topic)
	for _, version := range []int16{3, 7, 9, 12} {
		produce.SetVersion(version)
		assert.Equal(t, &writing{partitions: []string{"events/3", "events/5"}}, l.writes(frame(produce)[4:]), "version %d", version)
	}
	produce.SetVersion(13)
	assert.True(t, l.writes(frame(produce)[4:]).everything, "topics are named by ids there")
	assert.True(t, l.writes([]byte{0, 0, 0, 3, 1}).everything, "a request that is cut off")
	assert.Equal(t, &writing{state: true}, l.writes(frame(kmsg.NewPtrOffsetCommitRequest())[4:]))
	assert.True(t, l.writes(frame(kmsg.NewPtrCreateTopicsRequest())[4:]).everything)
	assert.Nil(t, l.writes(frame(kmsg.NewPtrFetchRequest())[4:]))
}

// frame is a request as it goes over the wire.
func frame(r kmsg.Request) []byte {
	b := kmsg.NewRequestFormatter(kmsg.FormatterClientID("test")).AppendRequest(nil, r, 77)
	return b
}

func TestAConnectionHandsRequestsOnAndHoldsTheirAnswersBack(t *testing.T) {
	near, far := net.Pipe()
	synced := make(chan touched, 1)
	g := newGroupCommit(func(t touched) error { synced <- t; return nil }, nil)
	c := &durableConn{Conn: near, open: map[int32]*writing{}, listener: durableListener{commit: g}}
	request := frame(kmsg.NewPtrOffsetCommitRequest())
	go func() { _, _ = far.Write(request) }()
	got := make([]byte, 0, len(request))
	for part := make([]byte, 5); len(got) < len(request); {
		n, err := c.Read(part)
		require.NoError(t, err)
		got = append(got, part[:n]...)
	}
	assert.Equal(t, request, got)

	answer := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 4), 77)
	go func() { _, _ = c.Write(answer) }()
	back := make([]byte, len(answer))
	_, err := far.Read(back)
	require.NoError(t, err)
	assert.Equal(t, answer, back)
	assert.True(t, (<-synced).state)
	require.NoError(t, c.Close())
	_, err = c.Write(nil)
	require.Error(t, err)
}

// Requests without an answer are synced with those of others, and take no more room the more there are.
func TestRequestsWithoutAnAnswerAreKeptTogether(t *testing.T) {
	var rounds []touched
	g := newGroupCommit(func(t touched) error { rounds = append(rounds, t); return nil }, nil)
	near, far := net.Pipe()
	c := &durableConn{Conn: near, open: map[int32]*writing{}, listener: durableListener{commit: g, partition: func(topic string, n int32) string {
		return topic + "/" + string(rune('0'+n))
	}}}
	for i := range 200 {
		produce := kmsg.NewPtrProduceRequest()
		produce.SetVersion(7)
		produce.Acks = 0
		topic, p := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
		topic.Topic, p.Partition = "events", int32(i%3)
		topic.Partitions = append(topic.Partitions, p)
		produce.Topics = append(produce.Topics, topic)
		request := frame(produce)
		go func() { _, _ = far.Write(request) }()
		_, err := io.ReadFull(c, make([]byte, len(request)))
		require.NoError(t, err)
	}
	assert.Len(t, g.under, 1)
	assert.Empty(t, c.open)
	require.NoError(t, g.answer(nil))
	assert.Equal(t, map[string]struct{}{"events/0": {}, "events/1": {}, "events/2": {}}, rounds[0].partitions)
	require.NoError(t, c.Close())
	for range orphanRounds {
		require.NoError(t, g.answer(nil))
	}
	assert.Empty(t, g.under)
}

// The broker itself: what cannot be brought to disk is neither acknowledged nor shown, and ends the part.
func TestTheBrokerAcknowledgesNothingThatIsNotOnDisk(t *testing.T) {
	parts, err := Start(t.Context(), Options{Dir: t.TempDir(), Log: zap.NewNop(), Kafka: true, KafkaAddr: "127.0.0.1:0"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, parts.Close(context.WithoutCancel(t.Context()))) })
	c := kafkaClient(t, parts)
	createTopic(t, c, "raw", nil)
	g := parts.broker.commits
	swap := func(with func(touched) error) (former func(touched) error) {
		g.mu.Lock()
		defer g.mu.Unlock()
		former, g.sync = g.sync, with
		return former
	}
	var seen []touched
	real := swap(nil)
	swap(func(t touched) error { seen = append(seen, t); return real(t) })
	put(t, c, "raw", "a=1")
	part := partitionDir(parts.broker.dir, "raw", 0)
	require.NotEmpty(t, seen, "an acknowledgement waits for the disk")
	require.Contains(t, seen[0].partitions, part)

	swap(func(touched) error { return errors.New("input/output error") })
	_, err = c.Produce(t.Context(), &kafka.ProduceRequest{
		Topic: "raw", RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(kafka.Record{Value: kafka.NewBytes([]byte("2"))}),
	})
	require.Error(t, err)
	_, err = c.Fetch(t.Context(), &kafka.FetchRequest{Topic: "raw", MinBytes: 1, MaxBytes: 1 << 20, MaxWait: time.Millisecond})
	require.Error(t, err)
	require.ErrorIs(t, <-parts.Failed(), ErrPartDied)
}

func TestOnlySegmentsThatHaveGrownAreSynced(t *testing.T) {
	dir := t.TempDir()
	part := filepath.Join(dir, "partitions", "raw-0")
	require.NoError(t, os.MkdirAll(part, 0o700))
	write := func(name, text string) {
		f, err := os.OpenFile(filepath.Join(part, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		require.NoError(t, err)
		_, err = f.WriteString(text)
		require.NoError(t, errors.Join(err, f.Close()))
	}
	f := newLogFiles(dir)
	grown := func() []string {
		names, err := f.segments(part)
		require.NoError(t, err)
		return names
	}
	write("0.dat", "one")
	write("0.idx", "one")
	assert.Equal(t, []string{part, filepath.Join(part, "0.dat")}, grown(), "a new name must last as well")
	assert.Empty(t, grown())
	write("0.dat", "two")
	write("9.dat", "three")
	assert.ElementsMatch(t, []string{part, filepath.Join(part, "0.dat"), filepath.Join(part, "9.dat")}, grown(), "the end of the old and the begin of the new")
	require.NoError(t, os.Remove(filepath.Join(part, "0.dat")))
	assert.Empty(t, grown(), "retention")

	names, err := f.segments(filepath.Join(dir, "partitions", "none-0"))
	require.NoError(t, err, "a topic that is not there")
	assert.Empty(t, names)
	require.NoError(t, f.sync(touched{partitions: map[string]struct{}{}, state: true, everything: true}))
	require.Error(t, syncFile(string([]byte{0})))
}
