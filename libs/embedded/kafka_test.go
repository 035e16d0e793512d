package embedded

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/zap"
)

// kafkaOnly starts a broker on dir; stop ends it.
func kafkaOnly(t *testing.T, dir string) (c *kafka.Client, b *broker, stop func()) {
	t.Helper()
	p, err := Start(t.Context(), Options{Dir: dir, Log: zap.NewNop(), Kafka: true, KafkaAddr: "127.0.0.1:0"})
	require.NoError(t, err)
	stop = func() { require.NoError(t, p.Close(context.WithoutCancel(t.Context()))) }
	t.Cleanup(stop)
	return kafkaClient(t, p), p.broker, stop
}

var compactPolicy = map[string]string{"cleanup.policy": "compact"}

// After a compaction each key has its newest record at its old offset, deleted keys are gone once their time is up, and
// the log goes on where it was.
func TestCompactionKeepsTheNewestOfEachKey(t *testing.T) {
	dir := t.TempDir()
	c, _, stop := kafkaOnly(t, dir)
	createTopic(t, c, "defs", compactPolicy)
	put(t, c, "defs", "a=1", "b=1", "c=1")
	put(t, c, "defs", "a=2")
	put(t, c, "defs", "b=-", "d=1")
	put(t, c, "defs", "e=1")
	all := []string{"0:a=1", "1:b=1", "2:c=1", "3:a=2", "4:b=-", "5:d=1", "6:e=1"}
	require.Equal(t, all, read(t, c, "defs", 0))
	stop()

	kafkaDir := filepath.Join(dir, "kafka")
	require.NoError(t, compactTopics(kafkaDir, time.Now(), zap.NewNop()))
	c, _, stop = kafkaOnly(t, dir)
	assert.Equal(t, []string{"2:c=1", "3:a=2", "4:b=-", "5:d=1", "6:e=1"}, read(t, c, "defs", 0), "a tombstone stays for a day")
	put(t, c, "defs", "f=1")
	stop()

	require.NoError(t, compactTopics(kafkaDir, time.Now().Add(25*time.Hour), zap.NewNop()))
	c, _, stop = kafkaOnly(t, dir)
	want := []string{"2:c=1", "3:a=2", "5:d=1", "6:e=1", "7:f=1"}
	assert.Equal(t, want, read(t, c, "defs", 0))
	stop()

	before, err := os.ReadFile(filepath.Join(kafkaDir, "compaction.json"))
	require.NoError(t, err)
	require.NoError(t, compactTopics(kafkaDir, time.Now().Add(26*time.Hour), zap.NewNop()))
	after, err := os.ReadFile(filepath.Join(kafkaDir, "compaction.json"))
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after), "what has not grown is not read again")
}

// Wherever a compaction is interrupted, the next start finds every key.
func TestInterruptedCompactionLosesNothing(t *testing.T) {
	dir := t.TempDir()
	c, _, stop := kafkaOnly(t, dir)
	createTopic(t, c, "defs", compactPolicy)
	put(t, c, "defs", "a=1")
	put(t, c, "defs", "a=2", "b=1")
	stop()
	kafkaDir := filepath.Join(dir, "kafka")
	part := partitionDir(kafkaDir, "defs", 0)
	work := filepath.Join(kafkaDir, "compacting")

	// While the new folder was being written: half a file in it.
	require.NoError(t, os.MkdirAll(filepath.Join(work, "defs-0"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(work, "defs-0", "1.dat"), []byte("half"), 0o600))
	c, _, stop = kafkaOnly(t, dir)
	// A compacted topic begins with the first batch of which something is left.
	newest := func() []string { first, _ := ends(t, c, "defs"); return read(t, c, "defs", first) }
	assert.Equal(t, []string{"1:a=2", "2:b=1"}, newest())
	stop()

	// Between removing the old folder and putting the new one in place.
	require.NoError(t, os.MkdirAll(work, 0o700))
	require.NoError(t, os.Rename(part, filepath.Join(work, "defs-0"+swapMark)))
	c, _, stop = kafkaOnly(t, dir)
	assert.Equal(t, []string{"1:a=2", "2:b=1"}, newest())
	stop()
	left, err := os.ReadDir(work)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// A log that ends in half an entry is cut, so that what is appended later is found again.
func TestTornOffsetLogIsRepaired(t *testing.T) {
	dir := t.TempDir()
	c, _, stop := kafkaOnly(t, dir)
	createTopic(t, c, "raw.1", nil)
	commit(t, c, "g", "raw.1", 5, "one")
	stop()
	log := filepath.Join(dir, "kafka", "groups.log")
	whole, err := os.ReadFile(log)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(log, append(whole, whole[:len(whole)-3]...), 0o600))

	c, _, stop = kafkaOnly(t, dir)
	commit(t, c, "g", "raw.1", 9, "two")
	stop()
	c, _, _ = kafkaOnly(t, dir)
	offset, metadata := committed(t, c, "g", "raw.1")
	assert.EqualValues(t, 9, offset)
	assert.Equal(t, "two", metadata)
}

// A broker that could not write an offset is opened again on its port, and serves what it had.
func TestBrokerIsReopenedAfterAFailedWriteOfOffsets(t *testing.T) {
	c, b, _ := kafkaOnly(t, t.TempDir())
	createTopic(t, c, "raw.1", nil)
	put(t, c, "raw.1", "a=1")
	first := b.cluster.Load()
	brokerLog{log: zap.NewNop(), torn: b.torn}.Logf(kfake.LogLevelWarn, "persist group entry write: %v", "disk full")
	require.Eventually(t, func() bool { return b.cluster.Load() != first }, patience, 10*time.Millisecond)
	c = kafkaClient(t, &Parts{KafkaBrokers: []string{b.addr}}) // with fresh connections
	assert.Equal(t, []string{"0:a=1"}, read(t, c, "raw.1", 0))
}

// Records go when their segment is closed, old or too much, and every group that follows has consumed them.
func TestRetentionNeverRunsAheadOfConsumers(t *testing.T) {
	dir := t.TempDir()
	c, b, stop := kafkaOnly(t, dir)
	createTopic(t, c, "raw.1", map[string]string{"segment.bytes": "1000", "retention.ms": "604800000", "retention.bytes": "-1"})
	for i := range 40 {
		put(t, c, "raw.1", fmt.Sprintf("k%d=%s", i, strings.Repeat("x", 100)))
	}
	later := time.Now().Add(8 * 24 * time.Hour)
	first := func() int64 { at, _ := ends(t, c, "raw.1"); return at }

	require.NoError(t, b.retain(t.Context(), later))
	assert.Zero(t, first(), "nobody has committed: all is kept")
	commit(t, c, "fast", "raw.1", 40, "")
	commit(t, c, "slow", "raw.1", 12, "")
	require.NoError(t, b.retain(t.Context(), time.Now()))
	assert.Zero(t, first(), "nothing is old")
	require.NoError(t, b.retain(t.Context(), later))
	assert.Greater(t, first(), int64(0))
	assert.LessOrEqual(t, first(), int64(12), "the slow group can go on")
	commit(t, c, "slow", "raw.1", 40, "")
	require.NoError(t, b.retain(t.Context(), later))
	kept := first()
	assert.Greater(t, kept, int64(12))
	assert.Less(t, kept, int64(40), "the last segment stays")

	stop()
	c, _, _ = kafkaOnly(t, dir)
	at, next := ends(t, c, "raw.1")
	assert.Equal(t, kept, at, "the log begins where it did")
	assert.EqualValues(t, 40, next, "offsets go on")
	resp, err := c.Fetch(t.Context(), &kafka.FetchRequest{Topic: "raw.1", Offset: 0, MaxWait: 50 * time.Millisecond, MinBytes: 1, MaxBytes: 1000})
	require.NoError(t, err)
	require.ErrorIs(t, resp.Error, kafka.OffsetOutOfRange)
}

func TestRetentionBySizeAndAge(t *testing.T) {
	now := time.Now()
	parts := []segment{
		{size: 40, written: now.Add(-8 * 24 * time.Hour)},
		{size: 40, written: now.Add(-time.Hour)},
		{size: 40, written: now.Add(-time.Second)},
		{size: 40, written: now.Add(-9 * 24 * time.Hour)},
	}
	with := func(configs map[string]string) int { return expired(parts, topic{Configs: configs}, now) }
	assert.Equal(t, 1, with(nil), "seven days unless the topic says otherwise")
	assert.Equal(t, 0, with(map[string]string{"retention.ms": "-1"}))
	assert.Equal(t, 3, with(map[string]string{"retention.ms": "1", "retention.bytes": "-1"}), "never the segment being written")
	assert.Equal(t, 2, with(map[string]string{"retention.ms": "-1", "retention.bytes": "80"}))
	assert.True(t, topic{Configs: compactPolicy}.compacted())
	assert.False(t, topic{Configs: compactPolicy}.deletes())
}

// A group that is subscribed and has not committed holds all; one that has left without a commit holds nothing.
func TestConsumedIsTheSlowestGroup(t *testing.T) {
	at := func(group string, offset int64) *kfake.GroupInfo {
		return &kfake.GroupInfo{Group: group, Commits: map[string]map[int32]kfake.GroupCommit{"t": {0: {Offset: offset}}}}
	}
	newcomer := &kfake.GroupInfo{Group: "new", Members: []kfake.GroupMember{{SubscribedTopics: []string{"t"}}}}
	floor, holder := consumed([]*kfake.GroupInfo{at("a", 7), at("b", 3), {Group: "gone"}}, "t", 0)
	assert.EqualValues(t, 3, floor)
	assert.Equal(t, "b", holder)
	floor, holder = consumed([]*kfake.GroupInfo{at("a", 7), newcomer}, "t", 0)
	assert.EqualValues(t, -1, floor)
	assert.Equal(t, "new", holder)
	floor, _ = consumed(nil, "t", 0)
	assert.EqualValues(t, -1, floor)
}

// What the package comment says about the time of records, so that a change of kfake is noticed.
func TestRecordsKeepTheProducersTime(t *testing.T) {
	c, _, _ := kafkaOnly(t, t.TempDir())
	createTopic(t, c, "raw.1", map[string]string{"message.timestamp.type": "LogAppendTime"})
	past := time.UnixMilli(1_000_000)
	_, err := c.Produce(t.Context(), &kafka.ProduceRequest{
		Topic: "raw.1", RequiredAcks: kafka.RequireAll,
		Records: kafka.NewRecordReader(kafka.Record{Value: kafka.NewBytes([]byte("v")), Time: past}),
	})
	require.NoError(t, err)
	resp, err := c.Fetch(t.Context(), &kafka.FetchRequest{Topic: "raw.1", MinBytes: 1, MaxBytes: 1000, MaxWait: time.Second})
	require.NoError(t, err)
	r, err := resp.Records.ReadRecord()
	require.NoError(t, err)
	assert.True(t, past.Equal(r.Time), r.Time)
}
