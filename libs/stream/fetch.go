package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"go.uber.org/zap"
)

// Record is one message read from a partition.
type Record struct {
	Offset  int64
	Time    time.Time // append time
	Key     []byte
	Value   []byte // nil: a tombstone
	Headers []kafka.Header
}

// Batch is what one fetch brought. End is the partition's high watermark; Next
// is where to go on, behind records that compaction or control batches left out.
type Batch struct {
	Records []Record
	Next    int64
	End     int64
}

// Fetch reads from an offset; it waits up to wait for something to come.
// An offset outside the log is ErrOffsetGone.
func (c *Client) Fetch(ctx context.Context, topic string, partition int, offset int64, wait time.Duration) (Batch, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+20*time.Second)
	defer cancel()
	res, err := c.kafka.Fetch(ctx, &kafka.FetchRequest{
		Topic: topic, Partition: partition, Offset: offset, MinBytes: 1, MaxBytes: 4 << 20, MaxWait: wait,
	})
	if err == nil {
		err = res.Error
	}
	if errors.Is(err, kafka.OffsetOutOfRange) {
		return Batch{}, fmt.Errorf("fetch %s/%d at %d: %w", topic, partition, offset, ErrOffsetGone)
	}
	if err != nil {
		return Batch{}, fmt.Errorf("fetch %s/%d at %d: %w", topic, partition, offset, err)
	}
	b := Batch{Next: offset, End: res.HighWatermark}
	for {
		r, err := res.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			if len(b.Records) > 0 { // a batch cut off by MaxBytes: the whole ones are good
				return b, nil
			}
			return b, fmt.Errorf("read %s/%d at %d: %w", topic, partition, offset, err)
		}
		rec, err := readRecord(r)
		if err != nil {
			return b, fmt.Errorf("read %s/%d at %d: %w", topic, partition, r.Offset, err)
		}
		if rec.Offset < offset { // a batch starts before the offset asked for
			continue
		}
		b.Records = append(b.Records, rec)
		b.Next = rec.Offset + 1
	}
}

func readRecord(r *kafka.Record) (Record, error) {
	rec := Record{Offset: r.Offset, Time: r.Time, Headers: r.Headers}
	var err error
	if rec.Key, err = readBytes(r.Key); err != nil {
		return rec, err
	}
	rec.Value, err = readBytes(r.Value)
	return rec, err
}

func readBytes(b kafka.Bytes) ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	defer func() { _ = b.Close() }() // memory only
	return kafka.ReadAll(b)
}

// Read calls fn with each record from at up to, and without, the offset to, which
// the log must have reached.
func (c *Client) Read(ctx context.Context, at Position, to int64, fn func(Record) error) error {
	for at.Offset < to {
		b, err := c.Fetch(ctx, at.Topic, at.Partition, at.Offset, time.Second)
		if err != nil {
			return err
		}
		if b.Next == at.Offset {
			return fmt.Errorf("%s/%d ends at %d, it was to be read up to %d: %w", at.Topic, at.Partition, b.End, to, ErrOffsetGone)
		}
		for _, rec := range b.Records {
			if rec.Offset >= to {
				break
			}
			if err := fn(rec); err != nil {
				return err
			}
		}
		at.Offset = b.Next
	}
	return nil
}

// Follow calls fn with each batch from offset on until ctx ends or fn fails. It
// rides out Kafka's absence; ErrOffsetGone ends it. fn is also called with an
// empty batch after each idle wait, so that it can see the end has been reached.
func (c *Client) Follow(ctx context.Context, at Position, fn func(Batch) error) error {
	backoff := 50 * time.Millisecond
	for {
		b, err := c.Fetch(ctx, at.Topic, at.Partition, at.Offset, 500*time.Millisecond)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrOffsetGone):
			return err
		case err != nil:
			if backoff == maxBackoff {
				c.log.Warn("fetch again", zapTopic(at.Topic), zapPartition(at.Partition), zapErr(err))
			}
			if err := sleep(ctx, backoff); err != nil {
				return err
			}
			backoff = min(2*backoff, maxBackoff)
			continue
		}
		backoff = 50 * time.Millisecond
		if err := fn(b); err != nil {
			return err
		}
		at.Offset = b.Next
	}
}

// Position is a place in the log.
type Position struct {
	Topic     string
	Partition int
	Offset    int64
}

func zapTopic(t string) zap.Field  { return zap.String("topic", t) }
func zapPartition(p int) zap.Field { return zap.Int("partition", p) }
func zapErr(err error) zap.Field   { return zap.Error(err) }
