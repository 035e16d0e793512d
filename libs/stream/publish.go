package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"
)

// Message is one record to publish.
type Message struct {
	Key     []byte
	Value   []byte
	Headers []kafka.Header
}

const (
	maxRequestBytes = 1 << 20
	maxBackoff      = 2 * time.Second
)

// Publish appends messages to one partition: one request in flight, the same
// records again until acknowledged or ctx ends, nothing behind them before. A
// retried request may append twice: consumers drop the second by their high
// marks. It returns the offset of the first message of the last request.
//
// Two callers must not publish to one partition as the same source at once.
func (c *Client) Publish(ctx context.Context, topic string, partition int, msgs []Message) (int64, error) {
	var base int64
	for len(msgs) > 0 {
		n, size := 0, 0
		for n < len(msgs) && (n == 0 || size+len(msgs[n].Key)+len(msgs[n].Value) < maxRequestBytes) {
			size += len(msgs[n].Key) + len(msgs[n].Value) + 64
			n++
		}
		off, err := c.publishRequest(ctx, topic, partition, msgs[:n])
		if err != nil {
			return 0, err
		}
		base, msgs = off, msgs[n:]
	}
	return base, nil
}

func (c *Client) publishRequest(ctx context.Context, topic string, partition int, msgs []Message) (int64, error) {
	backoff := 50 * time.Millisecond
	for try := 0; ; try++ {
		off, err := c.produceOnce(ctx, topic, partition, msgs)
		if err == nil {
			return off, nil
		}
		if ctx.Err() != nil || permanent(err) {
			return 0, fmt.Errorf("publish to %s/%d: %w", topic, partition, err)
		}
		if try == 0 || backoff == maxBackoff {
			c.log.Warn("publish not acknowledged, sending the same records again", zapTopic(topic), zapPartition(partition), zapErr(err))
		}
		if err := sleep(ctx, backoff); err != nil {
			return 0, fmt.Errorf("publish to %s/%d: %w", topic, partition, err)
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

// ProduceOnce appends messages to one partition by a single request, acks=all.
// An error leaves open whether they were appended.
func (c *Client) produceOnce(ctx context.Context, topic string, partition int, msgs []Message) (int64, error) {
	recs := make([]kafka.Record, len(msgs))
	for i, m := range msgs {
		recs[i] = kafka.Record{Key: kafka.NewBytes(m.Key), Value: kafka.NewBytes(m.Value), Headers: m.Headers}
		if m.Value == nil {
			recs[i].Value = nil // a tombstone
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	res, err := c.kafka.Produce(ctx, &kafka.ProduceRequest{
		Topic: topic, Partition: partition, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(recs...),
	})
	if err != nil {
		return 0, err
	}
	if res.Error != nil {
		return 0, res.Error
	}
	for _, e := range res.RecordErrors {
		return 0, e
	}
	return res.BaseOffset, nil
}

// PublishAll publishes to several partitions of a topic at once.
func (c *Client) PublishAll(ctx context.Context, topic string, byPartition map[int][]Message) error {
	if len(byPartition) == 1 {
		for p, msgs := range byPartition {
			_, err := c.Publish(ctx, topic, p, msgs)
			return err
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	for p, msgs := range byPartition {
		g.Go(func() error {
			_, err := c.Publish(ctx, topic, p, msgs)
			return err
		})
	}
	return g.Wait()
}

// permanent says that the same request can never succeed.
func permanent(err error) bool {
	return errors.Is(err, kafka.MessageSizeTooLarge) || errors.Is(err, kafka.InvalidMessageSize) ||
		errors.Is(err, kafka.TopicAuthorizationFailed) || errors.Is(err, kafka.ClusterAuthorizationFailed)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
