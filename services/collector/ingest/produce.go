package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/semaphore"

	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest/spool"
)

// Errors of producing; all mean: try again later.
var (
	errAway = errors.New("kafka does not acknowledge")
	errBusy = errors.New("too much is waiting for kafka")
	errSlow = errors.New("kafka has not answered in time")
)

const (
	inFlightBytes = 64 << 20               // what may wait for Kafka in memory
	produceWait   = 6 * time.Second        // after which a request without an answer has failed
	retryAfter    = 500 * time.Millisecond // how long Kafka is taken to be away after a failure
)

// producer appends records to `raw` and says when they are acknowledged.
type producer struct {
	writer    *stream.Appender
	room      *semaphore.Weighted
	waiting   sync.WaitGroup
	mu        sync.Mutex // orders closing after the last begin
	closed    bool
	awayUntil atomic.Int64 // unix nanoseconds; 0: it is there
	metrics   *metrics
}

func newProducer(s *stream.Client, m *metrics) *producer {
	return &producer{writer: s.NewAppender(schemas.TopicRaw, produceWait), room: semaphore.NewWeighted(inFlightBytes), metrics: m}
}

func (p *producer) away() bool {
	until := p.awayUntil.Load()
	return until != 0 && time.Now().UnixNano() < until
}

func (p *producer) fail()    { p.awayUntil.Store(time.Now().Add(retryAfter).UnixNano()) }
func (p *producer) succeed() { p.awayUntil.Store(0) }

// publish returns nil when all records are acknowledged, else those that are
// not known to be. After a failure it does not try again for a moment: a Kafka
// that is away must not fill memory with waiters.
func (p *producer) publish(ctx context.Context, recs []spool.Record) ([]spool.Record, error) {
	if p.away() {
		return recs, errAway
	}
	msgs, size := messages(recs)
	if !p.room.TryAcquire(size) {
		return recs, errBusy
	}
	if !p.begin() {
		p.room.Release(size)
		return recs, errAway
	}
	done := make(chan error, 1)
	start := time.Now()
	go func() {
		defer p.waiting.Done()
		// Not the caller's context: who stops waiting does not take back what the
		// writer holds, and its room is given back when the writer lets go.
		err := p.writer.WriteMessages(context.Background(), msgs...)
		p.room.Release(size)
		p.metrics.produce.Observe(time.Since(start).Seconds())
		if err != nil {
			p.fail()
		} else {
			p.succeed()
		}
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil {
			return nil, nil
		}
		return unacknowledged(recs, err), fmt.Errorf("produce to %s: %w", schemas.TopicRaw, err)
	case <-ctx.Done():
		return recs, errSlow
	}
}

func (p *producer) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.waiting.Add(1)
	return true
}

func messages(recs []spool.Record) ([]kafka.Message, int64) {
	msgs := make([]kafka.Message, len(recs))
	var size int64
	for i, r := range recs {
		msgs[i] = kafka.Message{Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: eventHeaders()}
		size += int64(len(r.Key) + len(r.Value) + 256)
	}
	return msgs, min(size, inFlightBytes)
}

func eventHeaders() []kafka.Header { return []kafka.Header{{Key: "kind", Value: []byte("event")}} }

// unacknowledged leaves out the records whose own partition did acknowledge.
func unacknowledged(recs []spool.Record, err error) []spool.Record {
	var each kafka.WriteErrors
	if !errors.As(err, &each) || len(each) != len(recs) {
		return recs
	}
	var rest []spool.Record
	for i, e := range each {
		if e != nil {
			rest = append(rest, recs[i])
		}
	}
	return rest
}

// close waits for what the writer holds.
func (p *producer) close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := p.writer.Close()
	p.waiting.Wait()
	if err != nil && !errors.Is(err, io.ErrClosedPipe) {
		return fmt.Errorf("close the writer of %s: %w", schemas.TopicRaw, err)
	}
	return nil
}
