package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/schemas"
)

// Group is the consumer group of archivers; its offsets say how far history
// has come.
const Group = "archiver"

// Options are what an archiver needs.
type Options struct {
	Stream    *stream.Client
	Warehouse *warehouse.Warehouse
	Log       *zap.Logger
	Metrics   prometheus.Registerer
	Linger    time.Duration    // how long a record waits for others; default 500 ms
	Now       func() time.Time // default time.Now; for lag and waiting only, never in rows
}

// Archiver carries the log into ClickHouse. Run it once.
type Archiver struct {
	stream    *stream.Client
	warehouse *warehouse.Warehouse
	log       *zap.Logger
	metrics   *metrics
	encoder   encoder
	limits    limits
	linger    time.Duration
	memory    int // bytes read ahead, per topic
	group     string
	now       func() time.Time

	failing atomic.Int64 // since when inserts fail, ms; 0: they don't
	ready   atomic.Bool  // the schema stands

	mu     sync.Mutex
	owners map[*owner]struct{}
}

// readAhead is how many bytes of a topic are held in memory at most, besides
// one fetch per partition and the set being inserted.
const readAhead = 16 << 20

// New makes an archiver.
func New(opt Options) (*Archiver, error) {
	if opt.Stream == nil || opt.Warehouse == nil || opt.Log == nil || opt.Metrics == nil {
		return nil, errors.New("archive: Options need Stream, Warehouse, Log and Metrics")
	}
	if opt.Linger <= 0 {
		opt.Linger = 500 * time.Millisecond
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	enc, err := newEncoder()
	if err != nil {
		return nil, err
	}
	a := &Archiver{
		stream: opt.Stream, warehouse: opt.Warehouse, log: opt.Log, encoder: enc, limits: defaultLimits(), linger: opt.Linger,
		memory: readAhead, group: Group, now: opt.Now, owners: map[*owner]struct{}{},
	}
	if a.metrics, err = newMetrics(opt.Metrics, a.lag); err != nil {
		return nil, err
	}
	topics := map[string]int{}
	for _, t := range Topics() {
		topics[t] = 0
	}
	return a, telemetry.Places{Group: Group, Topics: topics, Owned: a.places, Ends: opt.Stream.Ends}.Register(opt.Metrics)
}

// Topics are those that are archived.
func Topics() []string {
	return []string{schemas.TopicEvents, schemas.TopicChanges, schemas.TopicAlerts, schemas.TopicRejected}
}

// Run brings the schema up and archives until ctx ends. It rides out the
// absence of Kafka and ClickHouse; it ends with an error when the server is
// unfit or the log no longer holds what is to be archived next.
func (a *Archiver) Run(ctx context.Context) error {
	if err := a.prepare(ctx); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err := a.stream.RunGroup(ctx, a.group, Topics(), func(gctx context.Context, g *stream.Generation) {
		if err := a.own(gctx, g); err != nil && gctx.Err() == nil && !errors.Is(err, errLost) {
			stop(err) // nothing that another try would mend
		}
	})
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return fmt.Errorf("archiver: %w", cause)
	}
	return err
}

// prepare migrates and checks, again and again while ClickHouse is away.
func (a *Archiver) prepare(ctx context.Context) error {
	backoff := 100 * time.Millisecond
	for {
		var weak []telemetry.Words
		err := a.warehouse.Migrate(ctx, nil)
		if err == nil {
			weak, err = a.warehouse.Check(ctx)
		}
		if err == nil {
			for _, w := range weak {
				a.log.Warn(w.String())
			}
			a.ready.Store(true)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, warehouse.ErrUnfit) {
			return fmt.Errorf("archiver: %w", err)
		}
		a.log.Warn("history is not ready, trying again", zap.Error(err))
		timer := time.NewTimer(backoff)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

// own serves one generation: its topics side by side, until the generation
// ends or one of them can't go on.
func (a *Archiver) own(ctx context.Context, g *stream.Generation) error {
	eg, ectx := errgroup.WithContext(ctx)
	for topic, partitions := range g.Partitions {
		o := &owner{
			a: a, g: g, topic: topic, partitions: slices.Sorted(slices.Values(partitions)), intake: newIntake(a.memory),
			log: a.log.With(zap.String("topic", topic)), history: newHistory(partitions),
		}
		a.enter(o)
		eg.Go(func() error {
			defer a.leave(o)
			return o.work(ectx)
		})
	}
	eg.Go(func() error { // a member without partitions waits for the next generation
		<-ectx.Done()
		return ectx.Err()
	})
	return eg.Wait()
}

func (a *Archiver) enter(o *owner) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.owners[o] = struct{}{}
}

func (a *Archiver) leave(o *owner) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.owners, o)
}

// lag is the age in seconds of the oldest record read and not yet in history.
func (a *Archiver) lag() float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	var oldest time.Time
	for o := range a.owners {
		if t := o.oldest(); !t.IsZero() && (oldest.IsZero() || t.Before(oldest)) {
			oldest = t
		}
	}
	if oldest.IsZero() {
		return 0
	}
	return max(a.now().Sub(oldest).Seconds(), 0)
}

// places are how far history has come in each partition owned here.
func (a *Archiver) places() []telemetry.Place {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []telemetry.Place
	for o := range a.owners {
		for p, next := range o.history.all() {
			out = append(out, telemetry.Place{Topic: o.topic, Partition: p, Next: next})
		}
	}
	return out
}

// Check tells how the archiver is, in the form of a health check.
func (a *Archiver) Check(context.Context) (ok bool, lagSeconds float64, detail string) {
	lag := a.lag()
	if !a.ready.Load() {
		return false, lag, "ClickHouse has not answered yet"
	}
	if since := a.failing.Load(); since != 0 {
		return false, lag, "ClickHouse takes no rows: inserts fail, the last at " + event.Time(since).String()
	}
	return true, lag, ""
}
