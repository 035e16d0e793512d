package ingest

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
	"github.com/tagwire/tagwire/services/collector/ingest/spool"
)

const (
	maxEventBytes = 256 << 10       // of one encoded event, whatever format it came in
	apiWait       = 5 * time.Second // for Kafka; clients repeat after a 503
	callbackWait  = 2 * time.Second // WeCom gives up after 5
	linkWait      = 30 * time.Millisecond
)

// rejection is one refused event in an answer.
type rejection struct {
	Index   int            `json:"index"`
	EventID string         `json:"event_id"`
	Reason  schemas.Reason `json:"reason"`
	Detail  string         `json:"detail"`
}

// verdict is the answer to a request.
type verdict struct {
	Accepted int         `json:"accepted"`
	Rejected []rejection `json:"rejected"`
}

// request is what a refusal is kept with, for `tagwire replay rejected`.
type request struct {
	source   string
	call     string // the path it came by
	received event.Time
}

// take makes records of a request's items and says which are refused. The
// refused ones go to `rejected`.
func (c *Collector) take(ctx context.Context, req request, items []envelope.Item) ([]spool.Record, verdict, error) {
	v := verdict{Rejected: []rejection{}}
	recs := make([]spool.Record, 0, len(items))
	for _, it := range items {
		if it.Refusal == nil {
			c.enrich(it.Event)
			rec, err := c.record(ctx, it.Event)
			var why *envelope.Refusal
			switch {
			case errors.As(err, &why):
				it.Refusal = why
			case err != nil:
				return nil, v, err
			default:
				recs = append(recs, rec)
				continue
			}
		}
		v.Rejected = append(v.Rejected, rejection{it.Index, it.EventID, it.Refusal.Reason, it.Refusal.Detail})
		c.refusals.add(req, it)
	}
	v.Accepted = len(recs)
	return recs, v, nil
}

// record is an event as it lies in `raw`: sealed, under a key that keeps one
// customer's events in order without naming the customer.
func (c *Collector) record(ctx context.Context, e *event.Event) (spool.Record, error) {
	plain, err := e.Encode()
	if err != nil {
		return spool.Record{}, envelope.Refuse(schemas.ReasonWrongType, "the event cannot be written as JSON")
	}
	if len(plain) > maxEventBytes {
		return spool.Record{}, envelope.Refuse(schemas.ReasonTooLarge, "the event has %d bytes; at most %d are taken", len(plain), maxEventBytes)
	}
	sealed, err := c.opt.Keys.SealDay(ctx, e.ReceivedAt, plain)
	if err != nil {
		return spool.Record{}, err
	}
	primary := e.Primary()
	return spool.Record{
		Received: e.ReceivedAt, Partition: event.Partition(primary.String(), c.cfg.RawPartitions),
		Key: []byte(c.opt.Keys.Master().KeyHash(primary)), Value: sealed,
	}, nil
}

// deliver is for senders that repeat: acknowledged by Kafka, or an error.
func (c *Collector) deliver(ctx context.Context, recs []spool.Record) error {
	if len(recs) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, apiWait)
	defer cancel()
	_, err := c.producer.publish(ctx, recs)
	return err
}

// commit is for senders that do not repeat: acknowledged by Kafka, or synced to
// the spool. While something waits there, what comes later goes behind it.
func (c *Collector) commit(ctx context.Context, recs []spool.Record, wait time.Duration) error {
	if len(recs) == 0 {
		return nil
	}
	if c.spool.Empty() {
		pctx, cancel := context.WithTimeout(ctx, wait)
		rest, err := c.producer.publish(pctx, recs)
		cancel()
		if err == nil {
			return nil
		}
		recs = rest
	}
	oldest := recs[0].Received
	for _, r := range recs {
		oldest = min(oldest, r.Received)
	}
	announced, err := c.announce.before(ctx, oldest)
	defer announced()
	if err != nil {
		// Losing the event would be worse than a timer that fires too early.
		c.metrics.unannounced.Inc()
	}
	if err := c.spool.Append(recs); err != nil {
		c.metrics.spoolRefused.Add(float64(len(recs)))
		return err
	}
	c.metrics.spooled.Add(float64(len(recs)))
	return nil
}

// drain sends what is spooled, in order, for as long as ctx lasts.
func (c *Collector) drain(ctx context.Context) error {
	for {
		b, err := c.spool.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			err = c.sendOn(ctx, b)
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			c.opt.Log.Error("spooled events are not sent yet, trying again", zap.Error(err))
			if sleep(ctx, time.Second) != nil {
				return nil
			}
		}
	}
}

func (c *Collector) sendOn(ctx context.Context, b spool.Batch) error {
	if err := c.opt.Stream.PublishAll(ctx, schemas.TopicRaw, byPartition(b.Records)); err != nil {
		return err
	}
	c.producer.succeed()
	if err := c.spool.Done(b); err != nil {
		return err
	}
	c.announce.poke()
	return nil
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
