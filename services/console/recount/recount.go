// Package recount counts everything anew and compares it with the live counts:
// from the profiles in Redis, and from history in ClickHouse up to the same
// commits.
//
// Guarantee: what is compared is as of one commit of a shard. A shard that is
// written all the time is tried again for a while and then left out by name; a
// history that has not caught up is waited for and then left out. So a drift
// that is reported is real.
//
// It reads only. The API asks it for `GET /verify`, `tagwire verify` through
// that; Run repeats it so that the drift is a metric.
package recount

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/services/console/ruleset"
	"github.com/tagwire/tagwire/services/console/shards"
)

// Fresh is how old an answer may be that is given again.
const Fresh = 30 * time.Second

// maxDifferences bounds the list; the drift is of all.
const maxDifferences = 1000

// Difference is a count that is not what a recount gives.
type Difference struct {
	Tag        string `json:"tag"`                  // empty: all profiles
	Dimension  string `json:"dimension,omitempty"`  // population, stage, …
	Value      string `json:"value,omitempty"`      // of the dimension
	Live       int64  `json:"live"`                 // as counted at every commit
	Redis      int64  `json:"redis"`                // profiles counted anew
	ClickHouse *int64 `json:"clickhouse,omitempty"` // history counted anew; missing where it was not compared
}

// Report is one recount.
type Report struct {
	AsOf        event.Time   `json:"as_of"`         // lowest stream time of the shards that were counted
	Rules       int64        `json:"rules_version"` // lowest of them
	Checked     int64        `json:"checked"`       // profiles read
	Counts      int          `json:"counts"`        // counts compared
	Drift       int64        `json:"drift"`         // sum of absolute differences
	Differences []Difference `json:"differences"`
	Busy        []int        `json:"busy_shards,omitempty"`                   // written all the time: left out
	NoHistory   string       `json:"clickhouse_skipped,omitempty"`            // why history was not compared
	NoPlaces    string       `json:"clickhouse_dimensions_skipped,omitempty"` // why it was not by channel, store, staff and city
	TookMS      int64        `json:"took_ms"`
	at          time.Time
}

// Rules are the versions of the rules; *ruleset.Sets is one.
type Rules interface {
	At(version int64) (*ruleset.Version, error)
}

// Options are what a recount is made of; Budget, Archive and Every have
// defaults.
type Options struct {
	Shards     *shards.Set
	Rules      Rules // of the dimensions by which profiles were counted
	Generation int
	Stream     *stream.Client
	Warehouse  *warehouse.Warehouse // nil: history is not compared
	Log        *zap.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time
	Budget     time.Duration // for shards that move while they are counted; default 20 s
	Archive    time.Duration // for history to catch up; default 15 s
	Every      time.Duration // of Run; default an hour
}

// Recount counts on demand. Safe for concurrent use.
type Recount struct {
	opt     Options
	drift   prometheus.Gauge
	seconds prometheus.Gauge
	turn    chan struct{} // one recount at a time; guards last
	mu      sync.Mutex    // guards last for readers
	last    *Report
}

// New registers its metrics.
func New(o Options) (*Recount, error) {
	if o.Budget <= 0 {
		o.Budget = 20 * time.Second
	}
	if o.Archive <= 0 {
		o.Archive = 15 * time.Second
	}
	if o.Every <= 0 {
		o.Every = time.Hour
	}
	r := &Recount{
		opt: o, turn: make(chan struct{}, 1),
		drift:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "tagwire_count_drift", Help: "Sum of absolute differences between live counts and the newest recount."}),
		seconds: prometheus.NewGauge(prometheus.GaugeOpts{Name: "tagwire_recount_seconds", Help: "How long the newest recount took."}),
	}
	for _, c := range []prometheus.Collector{r.drift, r.seconds} {
		if err := o.Registerer.Register(c); err != nil {
			return nil, fmt.Errorf("register recount metrics: %w", err)
		}
	}
	return r, nil
}

// Run counts anew now and then, until ctx ends.
func (r *Recount) Run(ctx context.Context) error {
	ticker := time.NewTicker(r.opt.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		rep, err := r.Get(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			r.opt.Log.Warn("counts were not verified", zap.Error(err))
		case rep.Drift != 0:
			r.opt.Log.Error("live counts differ from a recount", zap.Int64("drift", rep.Drift), zap.Any("first", rep.Differences[:min(3, len(rep.Differences))]))
		}
	}
}

// Get is the newest recount if it is fresh, else one made now; who asks while
// one is being made gets that.
func (r *Recount) Get(ctx context.Context) (*Report, error) {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-r.turn }()
	if rep := r.newest(); rep != nil && time.Since(rep.at) < Fresh {
		return rep, nil
	}
	rep, err := r.count(ctx)
	if err != nil {
		return nil, err
	}
	r.drift.Set(float64(rep.Drift))
	r.seconds.Set(float64(rep.TookMS) / 1000)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = rep
	return rep, nil
}

func (r *Recount) newest() *Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

func (r *Recount) count(ctx context.Context) (*Report, error) {
	began := time.Now()
	cuts, err := r.redis(ctx)
	if err != nil {
		return nil, err
	}
	rep := &Report{Differences: []Difference{}}
	live, redis := map[string]int64{}, map[string]int64{}
	first := true
	for s, c := range cuts {
		if c == nil {
			rep.Busy = append(rep.Busy, s)
			continue
		}
		rep.Checked += c.profiles
		if rep.AsOf == 0 || c.stream < rep.AsOf {
			rep.AsOf = c.stream
		}
		if first || c.rules < rep.Rules {
			rep.Rules, first = c.rules, false
		}
		sum(live, c.live)
		sum(redis, c.counted)
	}
	var found history
	switch {
	case r.opt.Warehouse == nil:
		rep.NoHistory = "no warehouse is configured"
	case len(rep.Busy) > 0:
		rep.NoHistory = "shards were written all the time"
	default:
		if found, err = r.history(ctx, cuts, live); err != nil {
			rep.NoHistory = err.Error()
		}
		rep.NoPlaces = found.noPlaces
	}
	rep.compare(live, redis, found)
	rep.at, rep.TookMS = time.Now(), time.Since(began).Milliseconds()
	return rep, nil
}

func sum(into, from map[string]int64) {
	for k, n := range from {
		into[k] += n
	}
}

func (rep *Report) compare(live, redis map[string]int64, found history) {
	names := map[string]bool{}
	for _, m := range []map[string]int64{live, redis, found.counts} {
		for k := range m {
			names[k] = true
		}
	}
	for name := range names {
		d := difference(name)
		d.Live, d.Redis = live[name], redis[name]
		off := abs(d.Live - d.Redis)
		if found.tells(d) {
			n := found.counts[name]
			d.ClickHouse = &n
			off += abs(d.Live - n)
		}
		if off == 0 {
			continue
		}
		rep.Drift += off
		rep.Differences = append(rep.Differences, d)
	}
	rep.Counts = len(names)
	slices.SortFunc(rep.Differences, func(a, b Difference) int {
		return cmp.Or(strings.Compare(a.Tag, b.Tag), strings.Compare(a.Dimension, b.Dimension), strings.Compare(a.Value, b.Value))
	})
	rep.Differences = rep.Differences[:min(len(rep.Differences), maxDifferences)]
}

func abs(n int64) int64 { return max(n, -n) }
