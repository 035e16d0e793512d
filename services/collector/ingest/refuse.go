package ingest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/auth"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
)

const (
	refusedBody   = 64 << 10 // of one refused event, kept
	refusedQueue  = 1024     // waiting to be written: at most 64 MB
	refusedDetail = 300
	anyoneRate    = 20 // requests a second without a right that are kept
)

// Kept is what the sealed body of a record in `rejected` holds: enough to send
// the event again after a fix. Encoded as JSON, sealed with the day's key,
// base64.
type Kept struct {
	Call       string     `json:"call"` // the path it came by
	Source     string     `json:"source,omitempty"`
	ReceivedAt event.Time `json:"received_at"`
	Cut        bool       `json:"cut,omitempty"` // the body was longer
	Body       string     `json:"body"`
}

// refusals writes refused events to `rejected`, beside the answers: it never
// holds one up and never makes one fail.
type refusals struct {
	c      *Collector
	queue  chan refused
	writer *kafka.Writer
	anyone *auth.Limiter // of what comes without a right: it must not fill the topic
}

type refused struct {
	req  request
	item envelope.Item
}

func newRefusals(c *Collector) (*refusals, error) {
	anyone, err := auth.NewLimiter(auth.LimiterOptions{Rate: anyoneRate, Burst: 10 * anyoneRate, MaxKeys: 1, Now: c.opt.Clock})
	if err != nil {
		return nil, err
	}
	byMessage := kafka.BalancerFunc(func(msg kafka.Message, _ ...int) int { return msg.Partition })
	w := c.opt.Stream.NewWriter(schemas.TopicRejected, byMessage)
	w.MaxAttempts = 3
	return &refusals{c: c, queue: make(chan refused, refusedQueue), writer: w, anyone: anyone}, nil
}

// add counts a refusal and queues it. The body is copied: its buffer is the
// request's.
func (r *refusals) add(req request, it envelope.Item) {
	r.c.metrics.rejected.WithLabelValues(string(it.Refusal.Reason)).Inc()
	switch it.Refusal.Reason {
	case schemas.ReasonUnknownKey, schemas.ReasonBadSignature, schemas.ReasonUnknownSource:
		if ok, _ := r.anyone.Allow("", 1); !ok {
			r.c.metrics.unkept.Inc()
			return
		}
	}
	it.Raw = append([]byte(nil), it.Raw[:min(len(it.Raw), refusedBody+1)]...)
	it.Event = nil
	select {
	case r.queue <- refused{req, it}:
	default:
		r.c.metrics.unkept.Inc()
	}
}

func (r *refusals) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case first := <-r.queue:
			r.write(ctx, r.batch(first))
		}
	}
}

func (r *refusals) batch(first refused) []refused {
	all := []refused{first}
	for len(all) < 100 {
		select {
		case next := <-r.queue:
			all = append(all, next)
		default:
			return all
		}
	}
	return all
}

// flush writes what is queued, as far as ctx allows.
func (r *refusals) flush(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case first := <-r.queue:
			r.write(ctx, r.batch(first))
		default:
			return
		}
	}
}

// write tries until it works or the queue needs the room.
func (r *refusals) write(ctx context.Context, all []refused) {
	msgs := make([]kafka.Message, 0, len(all))
	for _, one := range all {
		msg, err := r.message(ctx, one)
		if err != nil {
			r.c.metrics.unkept.Inc()
			r.c.opt.Log.Warn("a refused event is not kept", zap.String("source", one.req.source), zap.Error(err))
			continue
		}
		msgs = append(msgs, msg)
	}
	if len(msgs) == 0 {
		return
	}
	for try := 0; ; try++ {
		err := r.writer.WriteMessages(ctx, msgs...)
		if err == nil {
			return
		}
		if ctx.Err() != nil || len(r.queue) > refusedQueue/2 || try == 60 {
			r.c.metrics.unkept.Add(float64(len(msgs)))
			r.c.opt.Log.Warn("refused events are not kept", zap.Int("events", len(msgs)), zap.Error(err))
			return
		}
		if sleep(ctx, time.Second) != nil {
			continue // counted above
		}
	}
}

func (r *refusals) message(ctx context.Context, one refused) (kafka.Message, error) {
	it := one.item
	kept := Kept{Call: one.req.call, Source: one.req.source, ReceivedAt: one.req.received, Cut: len(it.Raw) > refusedBody}
	kept.Body = strings.ToValidUTF8(string(it.Raw[:min(len(it.Raw), refusedBody)]), "\uFFFD")
	plain, err := json.Marshal(kept)
	if err != nil {
		return kafka.Message{}, err
	}
	sealed, err := r.c.opt.Keys.SealDay(ctx, one.req.received, plain)
	if err != nil {
		return kafka.Message{}, err
	}
	value, err := event.EncodeJSON(event.Rejected{
		At: one.req.received, Stage: "collector", Source: short(one.req.source, 100), EventID: short(it.EventID, 200), Type: short(it.Type, 200),
		Reason: string(it.Refusal.Reason), Detail: short(it.Refusal.Detail, refusedDetail), Body: base64.StdEncoding.EncodeToString(sealed),
	})
	if err != nil {
		return kafka.Message{}, err
	}
	key := event.DeriveID(one.req.source, it.EventID, kept.Body)
	return kafka.Message{Partition: event.Partition(key, r.c.cfg.RawPartitions), Key: []byte(key), Value: value}, nil
}

func (r *refusals) close() error {
	if err := r.writer.Close(); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		return err
	}
	return nil
}

// short cuts a text of the sender.
func short(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }
