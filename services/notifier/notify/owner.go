package notify

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

const (
	minRetry     = 50 * time.Millisecond
	maxRetry     = 2 * time.Second
	ownAgain     = 3 * time.Second // after another process has taken the partition
	maxRecords   = 250             // a commit
	maxReports   = 100             // a commit
	commitOffset = 5 * time.Second
)

// owner makes all commits of one inbox partition: new records, what time and
// people ask for, and the ledger of deliveries.
type owner struct {
	n        *Notifier
	gen      offsets
	p        int
	log      *zap.Logger
	couriers *pool

	w        *inbox.Writer
	next     int64 // offset of the next record
	end      int64 // of the log at the take-over: before it nothing is sent
	reports  chan report
	inflight map[string]map[string]bool // target → alert ids that its courier holds
	outgoing chan struct{}              // there is something to publish
	printed  chan printed               // what has been published

	committed atomic.Int64 // offset, for the group
	reached   atomic.Int64 // offset of the next alert, for those who ask; negative: not known yet
	pending   atomic.Int64 // ms of the oldest record that is not in the inbox
}

func newOwner(n *Notifier, g offsets, p int, couriers *pool) *owner {
	o := &owner{n: n, gen: g, p: p, couriers: couriers, log: n.log.With(zap.Int("partition", p))}
	o.reached.Store(-1)
	return o
}

func (o *owner) pendingSince() event.Time { return event.Time(o.pending.Load()) }

// run serves the partition until ctx ends. When Redis has lost the inbox, it is
// read from the log again.
func (o *owner) run(ctx context.Context) error {
	for {
		err := o.tenure(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, store.ErrLost):
			o.log.Warn("the inbox is gone from Redis and is read from the log of alerts again", zap.Error(err))
		case errors.Is(err, store.ErrNotOwner):
			// The group says it is ours. Whoever took it was late or is the next owner;
			// then our context ends in a moment.
			o.log.Warn("another process has taken the inbox partition", zap.Error(err))
			if err := sleep(ctx, ownAgain); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// tenure is the time from one take-over to its end.
func (o *owner) tenure(ctx context.Context) error {
	if err := o.takeOver(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var helpers sync.WaitGroup
	defer helpers.Wait()
	defer cancel(nil)
	batches := make(chan stream.Batch)
	helpers.Go(func() {
		at := stream.Position{Topic: schemas.TopicAlerts, Partition: o.p, Offset: o.next}
		err := o.n.opts.Stream.Follow(ctx, at, func(b stream.Batch) error {
			if len(b.Records) > 0 && o.pending.Load() == 0 {
				o.pending.Store(b.Records[0].Time.UnixMilli())
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case batches <- b:
				return nil
			}
		})
		cancel(err)
	})
	helpers.Go(func() { o.publish(ctx) })
	err := o.serve(ctx, batches)
	if cause := context.Cause(ctx); errors.Is(cause, stream.ErrOffsetGone) {
		return cause
	}
	return err
}

func (o *owner) takeOver(ctx context.Context) error {
	o.pending.CompareAndSwap(0, int64(o.n.now())) // until it is taken over, nothing comes in
	o.reports, o.inflight = make(chan report), map[string]map[string]bool{}
	o.outgoing, o.printed = make(chan struct{}, 1), make(chan printed)
	err := o.retry(ctx, "take over the inbox partition", func() error {
		var err error
		o.w, o.next, err = inbox.Own(ctx, inbox.WriterOptions{Redis: o.n.opts.Redis, Partition: o.p, Topic: schemas.TopicAlerts})
		return err
	})
	if err != nil {
		return err
	}
	return o.retry(ctx, "read the ends of the log of alerts", func() error {
		ranges, err := o.n.opts.Stream.Ranges(ctx, schemas.TopicAlerts, o.n.opts.Config.Shards)
		if err != nil {
			return err
		}
		r := ranges[o.p]
		if o.next < 0 {
			o.next = r.First
		}
		o.end = r.End
		o.pending.Store(0)
		if o.next < r.First || o.next > r.End {
			return fmt.Errorf("the inbox has read alerts of partition %d up to %d, the log holds %d to %d: %w", o.p, o.next, r.First, r.End, stream.ErrOffsetGone)
		}
		return nil
	})
}

// serve is the owner's loop: whatever comes is one commit after the other.
func (o *owner) serve(ctx context.Context, batches <-chan stream.Batch) error {
	tick := time.NewTicker(o.n.opts.Tick)
	defer tick.Stop()
	o.wake()
	o.reached.Store(o.next)
	if o.next >= o.end {
		if err := o.passTime(ctx); err != nil {
			return err
		}
	}
	for {
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case b := <-batches:
			err = o.takeBatch(ctx, b)
		case r := <-o.reports:
			err = o.takeReports(ctx, r)
		case out := <-o.printed:
			err = o.commit(ctx, func(s *step) error { s.tx.Published(out.n); return nil })
			close(out.trimmed)
		case <-tick.C:
			err = o.passTime(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// takeBatch commits what one fetch brought.
func (o *owner) takeBatch(ctx context.Context, b stream.Batch) error {
	wasBehind := o.next < o.end
	for from := 0; from < len(b.Records); from += maxRecords {
		part := b.Records[from:min(from+maxRecords, len(b.Records))]
		next := b.Next
		if from+maxRecords < len(b.Records) {
			next = part[len(part)-1].Offset + 1
		}
		o.pending.Store(part[0].Time.UnixMilli())
		if err := o.commit(ctx, func(s *step) error { return s.takeRecords(ctx, part, next) }); err != nil {
			return err
		}
		o.next = next
		o.committed.Store(next)
	}
	o.next = max(o.next, b.Next)
	o.reached.Store(o.next)
	if o.next >= b.End {
		o.pending.Store(0)
	}
	if wasBehind && o.next >= o.end { // caught up: sending may begin
		return o.passTime(ctx)
	}
	return nil
}

// commit builds a step and writes it, again and again until the answer is known.
// Build reads, so it is done anew after an error of Redis.
func (o *owner) commit(ctx context.Context, build func(*step) error) error {
	var s *step
	err := o.retry(ctx, "read the inbox", func() error {
		s = newStep(o)
		return build(s)
	})
	if err != nil {
		return err
	}
	s.close()
	if !s.tx.Empty() {
		if err := o.retry(ctx, "write the inbox", func() error { return o.w.Commit(ctx, s.tx) }); err != nil {
			return err
		}
	}
	for _, fn := range s.after {
		fn()
	}
	if s.publishes {
		o.wake()
	}
	return o.fill(ctx, s.targets)
}

// retry does something until it succeeds, the partition is lost or ctx ends.
func (o *owner) retry(ctx context.Context, what string, fn func() error) error {
	wait := minRetry
	for {
		err := fn()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, store.ErrLost), errors.Is(err, store.ErrNotOwner), errors.Is(err, stream.ErrOffsetGone):
			return err
		}
		o.n.metrics.retries.Inc()
		if wait == maxRetry || wait == minRetry {
			o.log.Warn(what+" again", zap.Error(err))
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, maxRetry)
	}
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
