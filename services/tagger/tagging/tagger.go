package tagging

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
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/store/rawplan"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/schemas"
)

// Group is the consumer group of taggers.
const Group = "tagger"

// Generation of the profiles in Redis.
const Generation = 1

// cachedProfiles of a tagger that owns all shards: some hundred megabytes, at 5 to
// 20 kB each.
const cachedProfiles = 40_000

// Options are what a tagger needs.
type Options struct {
	Stream        *stream.Client
	Redis         redis.UniversalClient
	Defs          *defs.Store
	Shards        int
	RawPartitions int
	Replicas      int           // of Redis that must have a commit
	Fresh         time.Duration // an alert needs received_at − time below it
	Late          time.Duration // farther behind marks a profile stale
	CacheProfiles int           // per shard; 0: 40,000 for all shards together
	Log           *zap.Logger
	Registerer    prometheus.Registerer
}

// Tagger runs shards.
type Tagger struct {
	Options
	identities rawplan.Identities
	rules      *ruleCache
	clock      *streamClock
	pace       *pace
	metrics    *metrics
	mu         sync.Mutex
	states     map[int]state
}

type state struct {
	next       int64 // offset of the next record to apply; negative: not known yet
	outbox     int64 // entries committed and not published
	lagSeconds float64
	problem    string
}

// New checks the options.
func New(o Options) (*Tagger, error) {
	switch {
	case o.Stream == nil, o.Redis == nil, o.Defs == nil, o.Log == nil, o.Registerer == nil:
		return nil, errors.New("tagging: Options needs Stream, Redis, Defs, Log and Registerer")
	case o.Shards < 1 || o.RawPartitions < 1:
		return nil, errors.New("tagging: Options.Shards and RawPartitions must be positive")
	case o.Fresh <= 0 || o.Late <= 0:
		return nil, errors.New("tagging: Options.Fresh and Late must be positive")
	}
	if o.CacheProfiles == 0 {
		o.CacheProfiles = max(500, cachedProfiles/o.Shards)
	}
	m, err := newMetrics(o.Registerer)
	if err != nil {
		return nil, err
	}
	t := &Tagger{
		Options: o, identities: rawplan.NewIdentities(o.Redis), rules: newRuleCache(o.Defs), metrics: m, states: map[int]state{},
		clock: newStreamClock(o), pace: newPace(),
	}
	if err := o.Registerer.Register(newShardCollector(t)); err != nil {
		return nil, fmt.Errorf("register tagger metrics: %w", err)
	}
	return t, telemetry.Places{
		Group: Group, Topics: map[string]int{schemas.TopicEvents: o.Shards}, Owned: t.places, Ends: o.Stream.Ends,
	}.Register(o.Registerer)
}

// Run serves the shards that the group gives until ctx ends.
func (t *Tagger) Run(ctx context.Context) error {
	var clock sync.WaitGroup
	clock.Go(func() { t.clock.run(ctx) })
	defer clock.Wait()
	return t.Stream.RunGroup(ctx, Group, []string{schemas.TopicEvents}, func(ctx context.Context, g *stream.Generation) {
		var owners sync.WaitGroup
		for _, s := range g.Partitions[schemas.TopicEvents] {
			owners.Go(func() { t.own(ctx, g, s) })
		}
		<-ctx.Done()
		owners.Wait()
		t.mu.Lock()
		t.states = map[int]state{}
		t.mu.Unlock()
	})
}

// Health is the largest lag of the shards owned here.
func (t *Tagger) Health(context.Context) (ok bool, lagSeconds float64, detail string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ok = true
	for s, st := range t.states {
		lagSeconds = max(lagSeconds, st.lagSeconds)
		if st.problem != "" {
			ok, detail = false, fmt.Sprintf("shard %d: %s", s, st.problem)
		}
	}
	if detail == "" {
		detail = fmt.Sprintf("%d shards", len(t.states))
	}
	return ok, lagSeconds, detail
}

func (t *Tagger) note(shard int, st state) {
	t.mu.Lock()
	t.states[shard] = st
	t.mu.Unlock()
}

// fail notes why a shard is not served; what is known of its place stays.
func (t *Tagger) fail(shard int, err error) {
	t.metrics.again.WithLabelValues(store.Cause(err)).Inc()
	t.mu.Lock()
	defer t.mu.Unlock()
	st := t.states[shard]
	st.problem = err.Error()
	t.states[shard] = st
}

// own serves one shard as long as the generation lasts; it retries inside, since
// a return would end the whole generation.
func (t *Tagger) own(ctx context.Context, g *stream.Generation, number int) {
	log := t.Log.With(zap.Int("shard", number))
	backoff := 100 * time.Millisecond
	t.note(number, state{next: -1}) // it is owned from now on, whatever the taking over takes
	for ctx.Err() == nil {
		o := newOwner(t, g, number, log)
		err := o.serve(ctx)
		o.close()
		if ctx.Err() != nil {
			return
		}
		t.fail(number, err)
		if errors.Is(err, ErrStateLost) {
			log.Error("shard is not served", zap.Error(err))
			backoff = 10 * time.Second
		} else {
			log.Warn("shard is taken up again", zap.Error(err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(backoff):
		}
		backoff = min(2*backoff, 5*time.Second)
		if errors.Is(err, store.ErrNotOwner) {
			g.Confirm(ctx, schemas.TopicEvents, number)
		}
	}
}

// ruleCache compiles each version of the rules once.
type ruleCache struct {
	defs *defs.Store
	mu   sync.Mutex
	sets map[int64]*rule.Set
}

func newRuleCache(d *defs.Store) *ruleCache { return &ruleCache{defs: d, sets: map[int64]*rule.Set{}} }

// set is the rule set of a version; version 0 has no rules.
func (c *ruleCache) set(version int64) (*rule.Set, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.sets[version]; ok {
		return s, nil
	}
	var body defs.Rules
	if version > 0 {
		d, ok := c.defs.At(defs.KindRules, defs.RulesID, version)
		if !ok {
			return nil, fmt.Errorf("rules version %d is not among the definitions yet", version)
		}
		var err error
		if body, err = defs.Body[defs.Rules](d); err != nil {
			return nil, fmt.Errorf("rules version %d: %w", version, err)
		}
	}
	s, err := rule.Compile(version, body.Files)
	if err != nil {
		return nil, fmt.Errorf("compile rules version %d: %w", version, err)
	}
	c.sets[version] = s
	return s, nil
}
