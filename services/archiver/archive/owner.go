package archive

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream"
)

// owner is one generation's work on one topic.
type owner struct {
	a          *Archiver
	g          *stream.Generation
	topic      string
	partitions []int
	log        *zap.Logger
	intake     *intake
	frozen     set // the set whose offsets have not been moved on
	history    *history
	inFlight   atomic.Int64 // append time of the oldest record being inserted, ms; 0: none
}

// errLost says that the generation has ended: its partitions are another's.
var errLost = errors.New("the generation has ended")

// errLog says that the log and the committed offsets do not fit: nothing is
// reset by itself.
var errLog = errors.New("the log does not hold what is to be archived next")

// work serves the topic until ctx ends or the generation is lost.
func (o *owner) work(ctx context.Context) error {
	from, err := o.recover(ctx)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for p, offset := range from {
		g.Go(func() error {
			err := o.a.stream.Follow(ctx, stream.Position{Topic: o.topic, Partition: p, Offset: offset}, func(b stream.Batch) error {
				return o.intake.offer(ctx, p, b, o.a.now())
			})
			if errors.Is(err, stream.ErrOffsetGone) {
				return fmt.Errorf("%w: %w", errLog, err)
			}
			return err
		})
	}
	g.Go(func() error { return o.archive(ctx) })
	return g.Wait()
}

// recover repeats every set found in the commit metadata of the owned
// partitions and tells where to go on in each of them.
func (o *owner) recover(ctx context.Context) (map[int]int64, error) {
	count, err := retry(ctx, o, "read partitions", func() (int, error) { return o.a.stream.Partitions(ctx, o.topic) })
	if err != nil {
		return nil, err
	}
	committed, err := retry(ctx, o, "read committed offsets", func() ([]stream.OffsetMeta, error) {
		return o.a.stream.Committed(ctx, o.a.group, o.topic, count)
	})
	if err != nil {
		return nil, err
	}
	ranges, err := retry(ctx, o, "read log ranges", func() ([]stream.Range, error) { return o.a.stream.Ranges(ctx, o.topic, count) })
	if err != nil {
		return nil, err
	}
	from := map[int]int64{}
	done := map[string]bool{}
	for _, p := range o.partitions {
		from[p] = committed[p].Offset
		if committed[p].Offset < 0 {
			from[p] = ranges[p].First
		}
		text := committed[p].Metadata
		if text == "" {
			continue
		}
		s, err := o.repeat(ctx, text, done)
		if err != nil {
			return nil, err
		}
		if r, ok := s.find(p); ok {
			from[p] = max(from[p], r.hi)
			o.frozen.topic = o.topic
			o.frozen.spans = append(o.frozen.spans, r)
		}
	}
	for p, next := range from {
		o.history.reach(p, next)
	}
	return from, nil
}

// repeat inserts a frozen set again, unless it has been done here already.
func (o *owner) repeat(ctx context.Context, text string, done map[string]bool) (set, error) {
	s, err := parseSet(text)
	if err == nil && s.topic != o.topic {
		err = errSet
	}
	if err != nil {
		return s, fmt.Errorf("commit metadata of %s in group %s: %w", o.topic, o.a.group, err)
	}
	if done[text] {
		return s, nil
	}
	done[text] = true
	b, err := o.read(ctx, s)
	if err != nil {
		return s, err
	}
	o.log.Info("repeating the set of an earlier run", zap.String("set", text), zap.Int("records", b.records))
	return s, o.insert(ctx, b)
}

// read makes the batch of a set from the log.
func (o *owner) read(ctx context.Context, s set) (*batch, error) {
	b := newBatch(s.topic)
	for _, r := range s.spans {
		b.open(r.partition, r.lo)
		for at := r.lo; at < r.hi; {
			got, err := retry(ctx, o, "read a set again", func() (stream.Batch, error) {
				return o.a.stream.Fetch(ctx, s.topic, r.partition, at, time.Second)
			})
			if err != nil {
				return nil, err
			}
			for _, rec := range got.Records {
				if rec.Offset < r.hi {
					b.add(o.a.encoder, r.partition, rec, nil)
				}
			}
			at = got.Next
		}
		b.close(r.hi)
	}
	return b, nil
}

// archive takes sets and brings them into ClickHouse one after the other.
func (o *owner) archive(ctx context.Context) error {
	for {
		if err := o.gather(ctx); err != nil {
			return err
		}
		b := o.intake.take(o.topic, o.a.encoder, o.a.limits, o.a.now())
		if b == nil {
			if err := o.settle(ctx); err != nil {
				return err
			}
			continue
		}
		o.inFlight.Store(int64(b.oldest))
		if err := o.freeze(ctx, b.set); err != nil {
			return err
		}
		if err := o.insert(ctx, b); err != nil {
			return err
		}
		o.inFlight.Store(0)
		for _, r := range b.set.spans {
			o.history.reach(r.partition, r.hi)
		}
	}
}

// gather waits until enough has come, or what came has waited long enough, or
// nothing has come for a while.
func (o *owner) gather(ctx context.Context) error {
	bytes, since := o.intake.held()
	if bytes == 0 {
		wait := o.a.linger
		if len(o.frozen.spans) == 0 {
			wait = time.Hour // nothing to settle
		}
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			return nil
		case <-o.intake.came:
		}
		_, since = o.intake.held()
	}
	for {
		bytes, _ = o.intake.held()
		left := o.a.linger - o.a.now().Sub(since)
		if left <= 0 || bytes >= o.a.limits.bytes/2 {
			return nil
		}
		timer := time.NewTimer(left)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
			return nil
		case <-o.intake.came:
			timer.Stop()
		}
	}
}

// settle moves the offsets behind the set that is in history, when nothing
// follows it at once.
func (o *owner) settle(ctx context.Context) error {
	if len(o.frozen.spans) == 0 {
		return nil
	}
	return o.freeze(ctx, set{topic: o.topic})
}

// freeze moves the offsets behind the set before and writes the next one into
// the metadata of its partitions, all in one request.
func (o *owner) freeze(ctx context.Context, next set) error {
	offsets := map[int]stream.OffsetMeta{}
	for _, r := range o.frozen.spans {
		offsets[r.partition] = stream.OffsetMeta{Offset: r.hi}
	}
	text := next.text()
	for _, r := range next.spans {
		offsets[r.partition] = stream.OffsetMeta{Offset: r.lo, Metadata: text}
	}
	_, err := retry(ctx, o, "freeze a set", func() (struct{}, error) { return struct{}{}, o.g.Commit(ctx, o.topic, offsets) })
	if err != nil {
		return err
	}
	o.frozen = next
	return nil
}

// insert brings a batch into ClickHouse, the same one until it is there.
func (o *owner) insert(ctx context.Context, b *batch) error {
	for _, in := range b.inserts() {
		begin := o.a.now()
		_, err := retry(ctx, o, "insert into "+in.Table, func() (struct{}, error) {
			err := o.a.warehouse.Insert(ctx, in)
			if err != nil {
				o.a.metrics.retries.WithLabelValues(in.Table).Inc()
				o.a.failing.Store(int64(event.At(o.a.now())))
			}
			return struct{}{}, err
		})
		if err != nil {
			return err
		}
		o.a.metrics.rows.WithLabelValues(in.Table).Add(float64(len(in.Rows)))
		o.a.metrics.seconds.WithLabelValues(in.Table).Observe(o.a.now().Sub(begin).Seconds())
	}
	o.a.failing.Store(0)
	o.a.metrics.poison.Add(float64(b.poisoned))
	o.a.metrics.records.WithLabelValues(o.topic).Observe(float64(b.records))
	return nil
}

// oldest is the append time of the oldest record read and not yet in history.
func (o *owner) oldest() time.Time {
	if ms := o.inFlight.Load(); ms != 0 {
		return event.Time(ms).Std()
	}
	return o.intake.oldest()
}

const maxBackoff = 5 * time.Second

// retry repeats what is asked of Kafka or ClickHouse until it succeeds, ctx
// ends, the generation is lost or the log is not what it was.
func retry[T any](ctx context.Context, o *owner, what string, do func() (T, error)) (T, error) {
	backoff := 50 * time.Millisecond
	for try := 1; ; try++ {
		v, err := do()
		switch {
		case err == nil:
			return v, nil
		case ctx.Err() != nil:
			return v, ctx.Err()
		case errors.Is(err, stream.ErrOffsetGone):
			return v, fmt.Errorf("%w: %w", errLog, err)
		case errors.Is(err, kafka.IllegalGeneration), errors.Is(err, kafka.UnknownMemberId), errors.Is(err, kafka.RebalanceInProgress):
			return v, fmt.Errorf("%s: %w: %w", what, errLost, err)
		}
		if try == 1 || backoff == maxBackoff {
			o.log.Warn("trying again", zap.String("what", what), zap.Int("try", try), zap.Error(err))
		}
		timer := time.NewTimer(backoff)
		select {
		case <-ctx.Done():
			timer.Stop()
			return v, ctx.Err()
		case <-timer.C:
		}
		backoff = min(2*backoff, maxBackoff)
	}
}
