package embedded

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
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
	g.abandon(map[int32]*writing{1: w})
	for range orphanRounds + 5 {
		require.NoError(t, g.answer(nil))
	}
	assert.Len(t, rounds, orphanRounds, "and not for ever")
	assert.Contains(t, rounds[0].partitions, "raw-0")
}

func TestRequestsThatWriteAreKnown(t *testing.T) {
	l := durableListener{partition: func(topic string, n int32) string { return topic + "/" + string(rune('0'+n)) }}
	produce := kmsg.NewPtrProduceRequest()
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
