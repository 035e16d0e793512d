package stream

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
)

// Appender appends the records of many callers to the partitions of one topic,
// acks=all. Each partition has one request in flight; what comes meanwhile goes
// together into the next. So the slower Kafka is, the more a request carries,
// and nobody waits for a timer. kafka-go's Writer closes its batches by time: when
// a request takes longer than that, it queues requests of one record each.
//
// A failed request is not repeated and what waits behind it is still sent: the
// callers are told and decide.
type Appender struct {
	client  *Client
	topic   string
	timeout time.Duration
	mu      sync.Mutex
	lanes   map[int]*lane
	closed  bool
	flights sync.WaitGroup
}

// lane is what waits for one partition.
type lane struct {
	waiting []appendItem
	flying  bool
}

// appending is one caller's records.
type appending struct {
	errs kafka.WriteErrors
	left atomic.Int64
	done chan struct{}
}

type appendItem struct {
	msg  Message
	call *appending
	at   int
}

func (i appendItem) size() int { return len(i.msg.Key) + len(i.msg.Value) + 64 }

// NewAppender makes one for a topic; timeout bounds each request.
func (c *Client) NewAppender(topic string, timeout time.Duration) *Appender {
	return &Appender{client: c, topic: topic, timeout: timeout, lanes: map[int]*lane{}}
}

// WriteMessages returns nil when all are acknowledged, or kafka.WriteErrors with
// one place for each message. When ctx ends before, the records may still be
// appended.
func (a *Appender) WriteMessages(ctx context.Context, msgs ...kafka.Message) error {
	if len(msgs) == 0 {
		return nil
	}
	call := &appending{errs: make(kafka.WriteErrors, len(msgs)), done: make(chan struct{})}
	call.left.Store(int64(len(msgs)))
	if err := a.enqueue(call, msgs); err != nil {
		return err
	}
	select {
	case <-call.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if call.errs.Count() > 0 {
		return call.errs
	}
	return nil
}

func (a *Appender) enqueue(call *appending, msgs []kafka.Message) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return io.ErrClosedPipe
	}
	for i, m := range msgs {
		l := a.lanes[m.Partition]
		if l == nil {
			l = &lane{}
			a.lanes[m.Partition] = l
		}
		l.waiting = append(l.waiting, appendItem{Message{Key: m.Key, Value: m.Value, Headers: m.Headers}, call, i})
	}
	for p, l := range a.lanes {
		if !l.flying && len(l.waiting) > 0 {
			l.flying = true
			a.flights.Go(func() { a.fly(p, l) })
		}
	}
	return nil
}

// fly sends what waits for a partition until nothing does.
func (a *Appender) fly(partition int, l *lane) {
	for {
		items := a.take(l)
		if len(items) == 0 {
			return
		}
		msgs := make([]Message, len(items))
		for i, it := range items {
			msgs[i] = it.msg
		}
		// Not a caller's context: the request is several callers'.
		ctx, cancel := context.WithTimeout(context.Background(), a.timeout)
		_, err := a.client.produceOnce(ctx, a.topic, partition, msgs)
		cancel()
		for _, it := range items {
			it.call.errs[it.at] = err
			if it.call.left.Add(-1) == 0 {
				close(it.call.done)
			}
		}
	}
}

// take is the next request; none ends the flight.
func (a *Appender) take(l *lane) []appendItem {
	a.mu.Lock()
	defer a.mu.Unlock()
	n, size := 0, 0
	for n < len(l.waiting) && (n == 0 || size+l.waiting[n].size() < maxRequestBytes) {
		size += l.waiting[n].size()
		n++
	}
	items := l.waiting[:n:n]
	if l.waiting = l.waiting[n:]; len(l.waiting) == 0 {
		l.waiting = nil // lets the array go
	}
	l.flying = n > 0
	return items
}

// Close refuses what comes from now on and returns when nothing waits any more.
func (a *Appender) Close() error {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.flights.Wait()
	return nil
}
