// Package daykeys destroys the keys of days whose raw events have run out, so
// that what Kafka may keep of them on disk beyond its retention, such as the
// newest segment of a quiet partition, is unreadable.
//
// Guarantee: a day's key is destroyed at most a day after the retention of `raw`
// has passed since it ended, as long as stream time keeps up, and never while an
// event that was accepted on that day waits anywhere to be applied: the clock is
// the lowest stream time of the shards, which passes no record in `raw` and no
// announced spool. While a shard stands still nothing is destroyed.
//
// Every console runs it; twice does no harm, and the second finds nothing to read.
package daykeys

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/console/shards"
)

// every is how often it is asked whether a day has run out: more than daily, so
// that a process that runs for some hours a day comes to it too.
const every = time.Hour

// Destroyer destroys the keys of days; *seal.Keys is one.
type Destroyer interface {
	DestroyDays(ctx context.Context, before event.Time) (int, error)
}

// Keeper destroys what has run out.
type Keeper struct {
	keys   Destroyer
	shards *shards.Set
	keep   time.Duration
	log    *zap.Logger
}

// New makes a keeper of the days' keys for the retention of `raw`. What was
// rejected is not readable for longer, and never shorter than its own.
func New(keys Destroyer, all *shards.Set, retention time.Duration, log *zap.Logger) *Keeper {
	return &Keeper{keys: keys, shards: all, keep: max(retention, schemas.Retention), log: log}
}

// Run goes on until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if _, err := k.Once(ctx); err != nil && ctx.Err() == nil {
			k.log.Warn("keys of days that have run out stand yet, trying again", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Once destroys the keys of the days that have run out, and gives their number.
func (k *Keeper) Once(ctx context.Context) (int, error) {
	all, err := k.shards.Peek(ctx)
	if err != nil {
		return 0, err
	}
	lowest := lowest(all)
	if lowest == 0 {
		return 0, nil
	}
	before := lowest.Add(-k.keep)
	n, err := k.keys.DestroyDays(ctx, before)
	if n > 0 {
		k.log.Info("destroyed the keys of days whose raw events have run out", zap.Int("keys", n), zap.Stringer("before", before))
	}
	return n, err
}

// lowest is the stream time that every shard has reached; 0: not known.
func lowest(all []shards.Glimpse) event.Time {
	var at event.Time
	for i, g := range all {
		if !g.Exists || g.Stream <= 0 {
			return 0
		}
		if i == 0 || g.Stream < at {
			at = g.Stream
		}
	}
	return at
}
