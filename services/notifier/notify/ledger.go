package notify

import (
	"context"
	"errors"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/notifier/notify/message"
)

// maxError bounds the error that a ledger keeps.
const maxError = 300

// takeReports notes what couriers did, all that wait in one commit.
func (o *owner) takeReports(ctx context.Context, first report) error {
	reports := []report{first}
	for len(reports) < maxReports {
		select {
		case r := <-o.reports:
			reports = append(reports, r)
			continue
		default:
		}
		break
	}
	return o.commit(ctx, func(s *step) error {
		var ids []string
		for _, r := range reports {
			ids = append(ids, r.alertID)
		}
		if err := s.load(ctx, ids); err != nil {
			return err
		}
		for _, r := range reports {
			s.note(r)
		}
		return nil
	})
}

func (s *step) note(r report) {
	free := func() {
		delete(s.o.inflight[r.target], r.alertID)
	}
	var d *inbox.Delivery
	x := s.get(r.alertID)
	if x != nil {
		d = x.after.OnTarget(r.target)
	}
	s.targets[r.target] = true
	if r.start {
		if d == nil || !d.State.Waits() { // it left, or the log told that it was made
			s.done(func() { free(); r.goOn <- nil })
			return
		}
		d.State = inbox.Sending
		d.Tries++
		x.touched = true
		now := x.after.Clone()
		s.done(func() { r.goOn <- now })
		return
	}
	s.done(func() { free(); close(r.noted) })
	if d == nil || !d.State.Waits() {
		return
	}
	x.touched = true
	if r.err == nil {
		s.noteSent(x.after, d, r.at)
	} else {
		s.noteFailed(d, r)
	}
}

// noteSent ends a delivery; the log of alerts is told, for history and for the
// day on which Redis is lost.
func (s *step) noteSent(e *inbox.Entry, d *inbox.Delivery, at event.Time) {
	d.State, d.SentAt, d.NextAt, d.Error = inbox.Sent, at, 0, ""
	id := event.DeriveID("delivered", e.AlertID, d.Channel, strconv.Itoa(d.Round))
	record := event.Alert{
		AlertID: e.AlertID, Profile: e.Profile, Rule: e.Rule, RuleVersion: e.RuleVersion, Severity: e.Severity, StaffID: e.StaffID,
		RaisedAt: e.RaisedAt, Cause: id,
		Action: &event.AlertAction{Verb: inbox.VerbDelivered, By: d.Channel, At: at, EventID: id, Text: strconv.Itoa(d.Round)},
	}
	if b, err := event.EncodeJSON(record); err != nil {
		s.o.log.Error("delivered record cannot be encoded", zap.String("alert", e.AlertID), zap.Error(err))
	} else {
		s.publish(inbox.Outgoing{Topic: schemas.TopicAlerts, Partition: s.o.p, Key: e.Profile, Value: b})
	}
	m, kind, took := s.o.n.metrics, d.Kind, at.Sub(d.PlannedAt).Seconds()
	s.done(func() {
		m.delivery(kind, "sent")
		m.sent.WithLabelValues(m.kind(kind)).Observe(took)
	})
}

func (s *step) noteFailed(d *inbox.Delivery, r report) {
	f := message.AsFailure(r.err)
	d.Error = message.Cut(f.Err.Error(), maxError)
	result := "retry"
	if f.Permanent || s.now >= d.PlannedAt.Add(s.o.n.opts.Config.Notify.RetryFor) {
		d.State, d.NextAt = inbox.Dead, 0
		result = "dead"
	} else {
		d.State = inbox.Retrying
		d.NextAt = s.now.Add(max(f.RetryAfter, backoff(s.o.n.opts.Backoff, d.Tries), time.Millisecond))
	}
	m, kind := s.o.n.metrics, d.Kind
	s.done(func() { m.delivery(kind, result) })
}

// wake tells the publisher that the outbox has something.
func (o *owner) wake() {
	select {
	case o.outgoing <- struct{}{}:
	default:
	}
}

// publish empties the outbox, and tells the group now and then how far the
// inbox is. It works beside the owner's loop: while Kafka is away, the inbox
// and the channels go on.
func (o *owner) publish(ctx context.Context) {
	tick := time.NewTicker(commitOffset)
	defer tick.Stop()
	var told int64
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.outgoing:
			if err := o.emptyOutbox(ctx); err != nil && ctx.Err() == nil {
				o.log.Warn("publish from the inbox again", zap.Error(err))
				if sleep(ctx, maxRetry) != nil {
					return
				}
				o.wake()
			}
		case <-tick.C:
			if at := o.committed.Load(); at > told {
				err := o.gen.Commit(ctx, schemas.TopicAlerts, map[int]stream.OffsetMeta{o.p: {Offset: at}})
				if err == nil {
					told = at
				} else if ctx.Err() == nil && !errors.Is(err, context.Canceled) {
					o.log.Warn("tell the group the inbox's offset again", zap.Error(err))
				}
			}
		}
	}
}

// printed is what the publisher tells the owner: the oldest n records of the
// outbox are in the log. Trimmed is closed when they are out of the outbox.
type printed struct {
	n       int
	trimmed chan struct{}
}

func (o *owner) emptyOutbox(ctx context.Context) error {
	for {
		out, err := o.w.Outbox(ctx, maxRecords)
		if err != nil || len(out) == 0 {
			return err
		}
		type place struct {
			topic     string
			partition int
		}
		msgs := map[place][]stream.Message{}
		for _, rec := range out {
			at := place{rec.Topic, rec.Partition}
			msgs[at] = append(msgs[at], stream.Message{Key: []byte(rec.Key), Value: rec.Value})
		}
		for at, list := range msgs {
			if _, err := o.n.opts.Stream.Publish(ctx, at.topic, at.partition, list); err != nil {
				return err
			}
		}
		p := printed{len(out), make(chan struct{})}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case o.printed <- p:
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.trimmed:
		}
	}
}
