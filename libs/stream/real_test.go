//go:build real

package stream_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/parts/partstest"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/stream/streamtest"
	"github.com/tagwire/tagwire/schemas"
)

func TestContractOnApacheKafka(t *testing.T) {
	k := partstest.StartKafka(t, partstest.KafkaOptions{Secure: true})
	streamtest.Contract(t, k.Stream())
	c := client(t, k)
	t.Run("topics are made as the catalogue says", func(t *testing.T) { settings(t, k, c) })
	t.Run("a reader passes what compaction took", func(t *testing.T) { compaction(t, k, c) })
	t.Run("what was acknowledged survives a kill", func(t *testing.T) { outage(t, c, k.Nodes[0], true) })
}

// Of three brokers, whichever dies or freezes, the log goes on.
func TestThreeBrokersOfWhichOneIsLost(t *testing.T) {
	k := partstest.StartKafka(t, partstest.KafkaOptions{Brokers: 3})
	outage(t, client(t, k), k.Nodes[1], false)
}

func client(t *testing.T, k *partstest.Kafka) *stream.Client {
	t.Helper()
	c, err := stream.New(k.Stream(), zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// admin asks a cluster what the product does not.
func admin(k *partstest.Kafka) *kafka.Client {
	cfg := k.Stream()
	return &kafka.Client{Addr: kafka.TCP(cfg.Brokers...), Transport: &kafka.Transport{TLS: cfg.TLS, SASL: cfg.SASL}, Timeout: 10 * time.Second}
}

func settings(t *testing.T, k *partstest.Kafka, c *stream.Client) {
	require.NoError(t, c.EnsureTopics(t.Context(), schemas.Topics(4, 2)))
	want := map[string]map[string]string{
		schemas.TopicRaw:  {"cleanup.policy": "delete", "retention.ms": fmt.Sprint(schemas.Retention.Milliseconds()), "message.timestamp.type": "LogAppendTime"},
		schemas.TopicDefs: {"cleanup.policy": "compact", "message.timestamp.type": "LogAppendTime"},
	}
	for topic, entries := range want {
		res, err := admin(k).DescribeConfigs(t.Context(), &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic}}})
		require.NoError(t, err)
		got := map[string]string{}
		for _, e := range res.Resources[0].ConfigEntries {
			if _, ok := entries[e.ConfigName]; ok {
				got[e.ConfigName] = e.ConfigValue
			}
		}
		require.Equal(t, entries, got, topic)
	}
}

// compaction waits until the broker's cleaner has been at work, and reads.
func compaction(t *testing.T, k *partstest.Kafka, c *stream.Client) {
	const topic = "cleaned"
	require.NoError(t, c.EnsureTopics(t.Context(), []schemas.Topic{{Name: topic, Partitions: 1, Compacted: true, MaxMessages: 1 << 20}}))
	alter := []kafka.IncrementalAlterConfigsRequestConfig{}
	for name, value := range map[string]string{"segment.ms": "100", "min.cleanable.dirty.ratio": "0.01", "delete.retention.ms": "0"} {
		alter = append(alter, kafka.IncrementalAlterConfigsRequestConfig{Name: name, Value: value, ConfigOperation: kafka.ConfigOperationSet})
	}
	_, err := admin(k).IncrementalAlterConfigs(t.Context(), &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, Configs: alter}}})
	require.NoError(t, err)
	n := 0
	var left []stream.Record
	require.Eventually(t, func() bool {
		n++
		_, err := c.Publish(t.Context(), topic, 0, []stream.Message{{Key: []byte("a"), Value: fmt.Append(nil, n)}, {Key: []byte("b"), Value: fmt.Append(nil, n)}})
		require.NoError(t, err)
		left = nil
		ranges, err := c.Ranges(t.Context(), topic, 1)
		require.NoError(t, err)
		for at := ranges[0].First; at < ranges[0].End; {
			b, err := c.Fetch(t.Context(), topic, 0, at, time.Second)
			require.NoError(t, err)
			require.Greater(t, b.Next, at, "a fetch below the end moves on")
			left, at = append(left, b.Records...), b.Next
		}
		return len(left) < n
	}, 3*time.Minute, 150*time.Millisecond)
	for _, r := range left[len(left)-2:] {
		require.Equal(t, fmt.Sprint(n), string(r.Value), "the newest of a key stays")
	}
}

const lanes = 2

// publisher numbers its records and counts those acknowledged.
type publisher struct {
	topic string
	acked [lanes]atomic.Int64
	work  sync.WaitGroup
	stop  context.CancelFunc
}

func publish(t *testing.T, c *stream.Client, topic string) *publisher {
	t.Helper()
	require.NoError(t, c.EnsureTopics(t.Context(), []schemas.Topic{{Name: topic, Partitions: lanes, Retention: time.Hour, MaxMessages: 1 << 20}}))
	p := &publisher{topic: topic}
	var ctx context.Context
	ctx, p.stop = context.WithCancel(t.Context())
	for lane := range lanes {
		p.work.Go(func() {
			for ctx.Err() == nil {
				_, err := c.Publish(ctx, topic, lane, []stream.Message{{Value: fmt.Append(nil, p.acked[lane].Load())}})
				if err == nil {
					p.acked[lane].Add(1)
				} else if ctx.Err() == nil {
					t.Errorf("publish: %v", err)
					return
				}
			}
		})
	}
	return p
}

// grows waits until more is acknowledged in every partition.
func (p *publisher) grows(t *testing.T) {
	t.Helper()
	for lane := range lanes {
		least := p.acked[lane].Load() + 20
		require.Eventually(t, func() bool { return p.acked[lane].Load() >= least }, 3*time.Minute, 10*time.Millisecond, "%s/%d", p.topic, lane)
	}
}

// outage publishes numbers while a broker is killed and comes back, and is frozen
// and wakes. All that was acknowledged is there, in order; some may stand twice.
// Alone says that there is no other broker.
func outage(t *testing.T, c *stream.Client, n *partstest.Process, alone bool) {
	p := publish(t, c, "outage")
	for _, blow := range []struct{ strike, undo func() error }{
		{n.Kill, func() error { return n.Start(t.Context()) }},
		{n.Pause, n.Resume},
	} {
		p.grows(t)
		began := time.Now()
		require.NoError(t, blow.strike())
		if !alone {
			p.grows(t)
			t.Logf("the others went on within %s", time.Since(began))
		}
		require.NoError(t, blow.undo())
	}
	p.grows(t)
	p.stop()
	p.work.Wait()
	for lane := range lanes {
		next := int64(0)
		err := c.Follow(t.Context(), stream.Position{Topic: p.topic, Partition: lane}, func(b stream.Batch) error {
			for _, r := range b.Records {
				i, err := strconv.ParseInt(string(r.Value), 10, 64)
				require.NoError(t, err)
				require.LessOrEqual(t, i, next, "record %d of %s/%d is missing", next, p.topic, lane)
				next = max(next, i+1)
			}
			if b.Next >= b.End {
				return errEnough
			}
			return nil
		})
		require.ErrorIs(t, err, errEnough)
		require.GreaterOrEqual(t, next, p.acked[lane].Load())
	}
}
