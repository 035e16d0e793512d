package resolve

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/store/rawplan"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/schemas"
)

// Group is the consumer group of resolvers.
const Group = "resolver"

// Options are what a resolver needs.
type Options struct {
	Stream        *stream.Client
	Redis         redis.UniversalClient
	Defs          *defs.Store
	Keys          *seal.Keys
	Shards        int
	RawPartitions int
	Replicas      int      // of Redis that must have a plan
	Internal      []string // identities that stand in no count
	Limits        Limits
	Log           *zap.Logger
	Registerer    prometheus.Registerer
}

// Resolver runs partitions of `raw`.
type Resolver struct {
	Options
	identities rawplan.Identities
	metrics    *metrics
	mu         sync.Mutex
	lag        map[int]lagged
}

type lagged struct {
	next    int64 // offset of the next raw record to route; negative: not known yet
	seconds float64
	problem string
}

// New checks the options.
func New(o Options) (*Resolver, error) {
	switch {
	case o.Stream == nil, o.Redis == nil, o.Defs == nil, o.Keys == nil, o.Log == nil, o.Registerer == nil:
		return nil, errors.New("resolve: Options needs Stream, Redis, Defs, Keys, Log and Registerer")
	case o.Shards < 1 || o.RawPartitions < 1:
		return nil, errors.New("resolve: Options.Shards and RawPartitions must be positive")
	case o.Limits.Phones < 1 || o.Limits.Devices < 1:
		return nil, errors.New("resolve: Options.Limits must be positive")
	}
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, err
	}
	r := &Resolver{Options: o, identities: rawplan.NewIdentities(o.Redis), metrics: m, lag: map[int]lagged{}}
	return r, telemetry.Places{
		Group: Group, Topics: map[string]int{schemas.TopicRaw: o.RawPartitions}, Owned: r.places, Ends: o.Stream.Ends,
	}.Register(o.Registerer)
}

// Run serves the partitions that the group gives until ctx ends.
func (r *Resolver) Run(ctx context.Context) error {
	return r.Stream.RunGroup(ctx, Group, []string{schemas.TopicRaw}, func(ctx context.Context, g *stream.Generation) {
		var owners sync.WaitGroup
		for _, p := range g.Partitions[schemas.TopicRaw] {
			owners.Go(func() { r.own(ctx, g, p) })
		}
		<-ctx.Done()
		owners.Wait()
		r.mu.Lock()
		r.lag = map[int]lagged{}
		r.mu.Unlock()
	})
}

// Health is the largest lag of the partitions owned here.
func (r *Resolver) Health(context.Context) (ok bool, lagSeconds float64, detail string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ok = true
	for p, l := range r.lag {
		lagSeconds = max(lagSeconds, l.seconds)
		if l.problem != "" {
			ok, detail = false, fmt.Sprintf("raw partition %d: %s", p, l.problem)
		}
	}
	if detail == "" {
		detail = fmt.Sprintf("%d partitions", len(r.lag))
	}
	return ok, lagSeconds, detail
}

func (r *Resolver) places() []telemetry.Place {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]telemetry.Place, 0, len(r.lag))
	for p, l := range r.lag {
		out = append(out, telemetry.Place{Topic: schemas.TopicRaw, Partition: p, Next: l.next})
	}
	return out
}

func (r *Resolver) note(p int, l lagged) {
	r.mu.Lock()
	r.lag[p] = l
	r.mu.Unlock()
}

// fail notes why a partition is not served; what is known of its place stays.
func (r *Resolver) fail(p int, err error) {
	r.metrics.again.WithLabelValues(store.Cause(err)).Inc()
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.lag[p]
	l.problem = err.Error()
	r.lag[p] = l
}

// own serves one partition as long as the generation lasts. It returns only when
// ctx has ended: a return before would end the whole generation.
func (r *Resolver) own(ctx context.Context, g *stream.Generation, number int) {
	log := r.Log.With(zap.Int("raw_partition", number))
	backoff := 100 * time.Millisecond
	r.note(number, lagged{next: -1}) // it is owned from now on, whatever the taking over takes
	for ctx.Err() == nil {
		o := &owner{r: r, log: log, gen: g, number: number, mem: rawplan.New(r.Redis, number), memory: newMemory()}
		o.mem.Replicas = r.Replicas
		err := o.serve(ctx)
		if ctx.Err() != nil {
			return
		}
		r.fail(number, err)
		log.Warn("raw partition is taken up again", zap.Error(err))
		select {
		case <-ctx.Done():
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, 5*time.Second)
		if errors.Is(err, store.ErrNotOwner) {
			g.Confirm(ctx, schemas.TopicRaw, number)
		}
	}
}

// owner serves one raw partition from take-over on.
type owner struct {
	r      *Resolver
	log    *zap.Logger
	gen    *stream.Generation
	number int
	mem    *rawplan.Partition
	pos    rawplan.Pos
	dicts  dictionaries
	memory memory
	found  *found       // while a repair is under way
	ahead  stream.Batch // what was fetched and is not planned yet
	noted  time.Time
	ends   []int64 // of `events` at looked; pos.Ends are those of the look before
	looked time.Time
	ticked time.Time
	unsaid bool // pos.Done is further than Redis knows
}

// ErrStateLost says that Redis has no memory of a partition that was read before.
var ErrStateLost = fmt.Errorf("state lost: Redis has no plan of a partition that had one; a rebuild is needed, nothing is routed anew: %w", store.ErrLost)

func (o *owner) serve(ctx context.Context) error {
	pos, run, err := o.mem.TakeOver(ctx)
	if err != nil {
		return err
	}
	o.pos = pos
	if !pos.Exists {
		if err := o.begin(ctx); err != nil {
			return err
		}
	}
	o.dicts.refresh(o.r.Defs, o.log)
	if pos.Exists && !store.Unbroken(pos.Run, run) {
		if o.found, err = o.find(ctx); err != nil {
			return err
		}
	}
	if o.pos.Done < o.pos.Offset {
		if err := o.repeat(ctx); err != nil {
			return err
		}
	}
	if o.found != nil {
		if err := o.repair(ctx); err != nil {
			return err
		}
	}
	o.pos.Run = run // not before: a repair that is broken off begins again
	for {
		if err := o.step(ctx); err != nil {
			return err
		}
	}
}

// begin starts a partition that was never read.
func (o *owner) begin(ctx context.Context) error {
	committed, err := o.r.Stream.Committed(ctx, Group, schemas.TopicRaw, o.r.RawPartitions)
	if err != nil {
		return err
	}
	if committed[o.number].Offset > 0 {
		return ErrStateLost
	}
	ranges, err := o.r.Stream.Ranges(ctx, schemas.TopicRaw, o.r.RawPartitions)
	if err != nil {
		return err
	}
	o.pos.From, o.pos.Offset, o.pos.Done = ranges[o.number].First, ranges[o.number].First, ranges[o.number].First
	return o.look(ctx)
}

// batchSize bounds what one plan covers.
const batchSize = 1000

// next is what one fetch brought, or what is left of it: a fetch brings several
// plans' worth when the resolver is behind.
func (o *owner) next(ctx context.Context, wait time.Duration) (stream.Batch, error) {
	if len(o.ahead.Records) > 0 {
		return o.ahead, nil
	}
	var err error
	o.ahead, err = o.r.Stream.Fetch(ctx, schemas.TopicRaw, o.number, o.pos.Offset, wait)
	return o.ahead, err
}

// step takes the next records, plans and publishes them.
func (o *owner) step(ctx context.Context) error {
	wait := 500 * time.Millisecond
	if o.unsaid {
		wait = lull
	}
	b, err := o.next(ctx, wait)
	if err != nil {
		return err
	}
	changed := o.dicts.refresh(o.r.Defs, o.log)
	if len(b.Records) == 0 {
		if err := o.say(ctx); err != nil {
			return err
		}
		if err := o.tick(ctx); err != nil {
			return err
		}
		o.r.note(o.number, lagged{next: o.pos.Done})
		if changed || o.pos.Dictionaries != o.dicts.names {
			return o.store(ctx, plan{}, o.pos.Offset) // names the dictionaries, nothing else
		}
		return nil
	}
	if time.Since(o.ticked) > time.Second { // storing a plan asks the partition's own node only
		if err := o.mem.Tick(ctx, o.pos); err != nil {
			return err
		}
		o.ticked = time.Now()
	}
	if time.Since(o.looked) > lookEvery {
		if err := o.look(ctx); err != nil {
			return err
		}
	}
	records := b.Records[:min(len(b.Records), batchSize)]
	o.ahead.Records = b.Records[len(records):]
	all, err := o.openAll(ctx, records)
	if err != nil {
		return err
	}
	p, err := o.plan(ctx, all)
	if err != nil {
		return err
	}
	if err := o.store(ctx, p, records[len(records)-1].Offset+1); err != nil {
		return err
	}
	if err := o.carryOut(ctx, p, all); err != nil {
		return err
	}
	o.r.metrics.records.Add(float64(len(records)))
	o.r.note(o.number, lagged{next: o.pos.Done, seconds: behind(b, records)})
	if time.Since(o.noted) > 2*time.Second { // so that a loss of Redis is noticed
		o.noted = time.Now()
		if err := o.gen.Commit(ctx, schemas.TopicRaw, map[int]stream.OffsetMeta{o.number: {Offset: o.pos.Done}}); err != nil {
			return err
		}
	}
	return nil
}

func behind(b stream.Batch, done []stream.Record) float64 {
	last := done[len(done)-1]
	if b.End <= last.Offset+1 {
		return 0
	}
	return time.Since(last.Time).Seconds()
}

func (o *owner) store(ctx context.Context, p plan, next int64) error {
	enc, err := p.encode()
	if err != nil {
		return err
	}
	pos := o.pos
	pos.From, pos.Offset, pos.Plan, pos.Dictionaries = o.pos.Offset, next, enc, o.dicts.names
	if err := o.mem.Store(ctx, pos); err != nil {
		return err
	}
	pos.Number++
	o.unsaid = false // pos.Done went with it
	o.pos = pos
	return nil
}

// carryOut writes the plan's links and publishes by it; both may have been done
// before. Then the plan is done.
func (o *owner) carryOut(ctx context.Context, p plan, records []opened) error {
	lost, people, err := o.r.identities.Write(ctx, p.Links, p.Seen)
	if err != nil {
		return err
	}
	var up broughtUp
	if up.shared, err = o.past(ctx, people); err != nil {
		return err
	}
	ours := make(map[event.Identity]string, len(p.Links))
	for _, l := range p.Links {
		ours[l.Identity] = l.Profile
	}
	// An identity that another partition gave to another profile meanwhile: the two
	// are one customer. A repetition of this plan finds the same again.
	for _, l := range lost {
		if o.r.Limits.shared(l.Identity, people[l.Identity]) {
			continue // several saw it first, at once, and together they are too many
		}
		up.links = append(up.links, event.LinkOf(ours[l.Identity], l.Profile))
	}
	if err := o.publish(ctx, p, records, up); err != nil {
		return err
	}
	if err := o.move(ctx, p); err != nil {
		return err
	}
	o.pos.Done, o.unsaid = o.pos.Offset, true
	return nil
}

// lull is how long nothing must come before Redis is told that the last plan has been carried out. While records come,
// the next plan tells it; until then a take-over repeats a plan whose records the taggers know by their numbers.
const lull = 20 * time.Millisecond

func (o *owner) say(ctx context.Context) error {
	if !o.unsaid {
		return nil
	}
	if err := o.mem.Done(ctx, o.pos); err != nil {
		return err
	}
	o.unsaid = false
	return nil
}
