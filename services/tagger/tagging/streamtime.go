package tagging

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/store/rawplan"
	"github.com/tagwire/tagwire/schemas"
)

// target says: once a shard has applied everything below Ends[shard], its stream
// time is At.
type target struct {
	At   event.Time
	Ends []int64
}

// streamClock finds targets: moments before which everything acknowledged to a
// sender is known to stand in `events` below known offsets.
//
// Order matters: the moment is taken first, then the spools and the ends of raw,
// then it waits until the resolvers have published that far, then the ends of
// events.
type streamClock struct {
	o       Options
	mu      sync.Mutex
	current target
	changed chan struct{}
	held    hold
}

func newStreamClock(o Options) *streamClock {
	return &streamClock{o: o, changed: make(chan struct{})}
}

const (
	clockInterval = 150 * time.Millisecond
	// inFlight is how long a record may be on its way between its received_at
	// and its acknowledgement without a timer overtaking it.
	inFlight = 250 * time.Millisecond
)

func (c *streamClock) get() (target, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.current, c.changed
}

func (c *streamClock) set(t target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.At <= c.current.At {
		return
	}
	c.current = t
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *streamClock) run(ctx context.Context) {
	tick := time.NewTicker(clockInterval)
	defer tick.Stop()
	var pending *pending
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var err error
		if pending, err = c.step(ctx, pending); err != nil && ctx.Err() == nil {
			c.o.Log.Debug("stream time holds", zap.Error(err))
		}
	}
}

// pending is a moment whose raw records are not all published yet. It is kept
// until they are, so that stream time moves under constant load too.
type pending struct {
	at      event.Time
	ends    []int64
	spooled bool // at is what a spool lets through
}

func (c *streamClock) step(ctx context.Context, p *pending) (*pending, error) {
	if p == nil {
		var err error
		if p, err = c.begin(ctx); err != nil {
			return nil, err
		}
	}
	for r, end := range p.ends {
		pos, err := rawplan.New(c.o.Redis, r).Read(ctx)
		if err != nil {
			c.held.by(holdRedis)
			return p, err
		}
		if pos.Done < end {
			c.held.by(holdResolver)
			return p, nil
		}
	}
	ranges, err := c.o.Stream.Ranges(ctx, schemas.TopicEvents, c.o.Shards)
	if err != nil {
		c.held.by(holdKafka)
		return p, err
	}
	t := target{At: p.at, Ends: make([]int64, len(ranges))}
	for i, r := range ranges {
		t.Ends[i] = r.End
	}
	c.set(t)
	if p.spooled {
		c.held.by(holdSpool)
	} else {
		c.held.by("")
	}
	return nil, nil
}

func (c *streamClock) begin(ctx context.Context) (*pending, error) {
	now, err := store.Now(ctx, c.o.Redis)
	if err != nil {
		c.held.by(holdRedis)
		return nil, err
	}
	if local := time.Now(); local.Sub(now).Abs() > time.Second {
		c.held.by(holdClocks)
		return nil, fmt.Errorf("the clocks of this machine and of Redis are %s apart", local.Sub(now))
	} else if local.Before(now) {
		now = local
	}
	at := event.At(now.Add(-inFlight))
	// The spools are read before the ends: what has left a spool by now stands in
	// raw below them, what is still in one holds the time.
	oldest, err := c.spooled(ctx)
	if err != nil {
		c.held.by(holdRedis)
		return nil, err
	}
	ranges, err := c.o.Stream.Ranges(ctx, schemas.TopicRaw, c.o.RawPartitions)
	if err != nil {
		c.held.by(holdKafka)
		return nil, err
	}
	p := &pending{at: at, ends: make([]int64, len(ranges))}
	for i, r := range ranges {
		p.ends[i] = r.End
	}
	if oldest != 0 && oldest <= p.at {
		p.at, p.spooled = oldest-1, true
	}
	return p, nil
}

// spooled is the oldest received_at that waits in any collector's spool.
func (c *streamClock) spooled(ctx context.Context) (event.Time, error) {
	var oldest event.Time
	err := store.Scan(ctx, c.o.Redis, "tw:spool:", "tw:spool:*", func(keys []string) error {
		for _, k := range keys {
			v, err := c.o.Redis.Get(ctx, k).Result()
			if err != nil {
				continue // drained meanwhile
			}
			ms, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return fmt.Errorf("spool mark %s: %w", k, err)
			}
			if oldest == 0 || event.Time(ms) < oldest {
				oldest = event.Time(ms)
			}
		}
		return nil
	})
	return oldest, err
}
