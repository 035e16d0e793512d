package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tagwire/tagwire/libs/store/rawplan"
	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/archiver/archive"
	"github.com/tagwire/tagwire/services/tagger/tagging"
)

const (
	lookEvery = 20 * time.Millisecond
	lagLimit  = 5 * time.Minute
)

func (b *bench) counts() map[string]int {
	c := b.parts.Config
	return map[string]int{schemas.TopicRaw: c.RawPartitions, schemas.TopicEvents: c.Shards, schemas.TopicChanges: c.Shards, schemas.TopicAlerts: c.Shards}
}

// ends are the ranges of all topics now.
func (b *bench) ends(ctx context.Context) (map[string][]stream.Range, error) {
	out := map[string][]stream.Range{}
	for topic, n := range b.counts() {
		r, err := b.parts.Stream.Ranges(ctx, topic, n)
		if err != nil {
			return nil, err
		}
		out[topic] = r
	}
	return out, nil
}

// each reads what a topic has got since.
func (b *bench) each(ctx context.Context, topic string, since []stream.Range, fn func(partition int, rec stream.Record) error) error {
	now, err := b.parts.Stream.Ranges(ctx, topic, len(since))
	if err != nil {
		return err
	}
	for p := range since {
		for at := since[p].End; at < now[p].End; {
			got, err := b.parts.Stream.Fetch(ctx, topic, p, at, time.Second)
			if err != nil {
				return err
			}
			for _, rec := range got.Records {
				if err := fn(p, rec); err != nil {
					return fmt.Errorf("%s/%d at %d: %w", topic, p, rec.Offset, err)
				}
			}
			at = got.Next
		}
	}
	return nil
}

// send posts batches by several senders, each the next when its last is answered.
func (s *site) send(ctx context.Context, bodies [][]byte) error {
	var wait sync.WaitGroup
	var next atomic.Int64
	errs := make(chan error, senders)
	for range senders {
		wait.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(bodies) {
					return
				}
				if err := s.post(ctx, "/v1/batch", bodies[i]); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wait.Wait()
	close(errs)
	return <-errs
}

// endToEnd sends one round and waits until no role has any lag.
func (b *bench) endToEnd(ctx context.Context, round int) error {
	b.say("端到端 / end to end, round %d of %d", round+1, b.Rounds)
	before, err := b.ends(ctx)
	if err != nil {
		return err
	}
	bodies, err := newTraffic(b.Seed, fmt.Sprintf("round%d", round), bulkShare).batches(b.Events)
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := b.site.send(ctx, bodies); err != nil {
		return err
	}
	rate := func() float64 { return float64(b.Events) / time.Since(begun).Seconds() }
	b.report.add(rowAccepted, rate())
	for _, stage := range []struct {
		row  string
		done func(context.Context) (bool, error)
	}{{rowResolved, b.resolved}, {rowTagged, b.tagged}, {rowArchived, b.archived}} {
		if err := until(ctx, stage.done); err != nil {
			return fmt.Errorf("%s: %w", stage.row, err)
		}
		b.report.add(stage.row, rate())
	}
	b.raw = b.raw[:0]
	return b.each(ctx, schemas.TopicRaw, before[schemas.TopicRaw], func(p int, rec stream.Record) error {
		b.raw = append(b.raw, rawRecord{p, rec.Key, rec.Value})
		return nil
	})
}

func until(ctx context.Context, done func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, lagLimit)
	defer cancel()
	for {
		if ok, err := done(ctx); ok || err != nil {
			return err
		}
		if err := pause(ctx, lookEvery); err != nil {
			return err
		}
	}
}

func (b *bench) resolved(ctx context.Context) (bool, error) {
	ranges, err := b.parts.Stream.Ranges(ctx, schemas.TopicRaw, b.parts.Config.RawPartitions)
	if err != nil {
		return false, err
	}
	for p, r := range ranges {
		pos, err := rawplan.New(b.parts.Redis, p).Read(ctx)
		if err != nil || pos.Done < r.End {
			return false, err
		}
	}
	return true, nil
}

func (b *bench) tagged(ctx context.Context) (bool, error) {
	ranges, err := b.parts.Stream.Ranges(ctx, schemas.TopicEvents, b.parts.Config.Shards)
	if err != nil {
		return false, err
	}
	for s, r := range ranges {
		pos, err := shard.New(b.parts.Redis, tagging.Generation, s).Read(ctx)
		if err != nil || pos.Offset < r.End {
			return false, err
		}
	}
	return true, nil
}

func (b *bench) archived(ctx context.Context) (bool, error) {
	for _, topic := range []string{schemas.TopicEvents, schemas.TopicChanges, schemas.TopicAlerts} {
		n := b.counts()[topic]
		ranges, err := b.parts.Stream.Ranges(ctx, topic, n)
		if err != nil {
			return false, err
		}
		marks, err := b.parts.Stream.Committed(ctx, archive.Group, topic, n)
		if err != nil {
			return false, err
		}
		for p, r := range ranges {
			if marks[p].Offset < r.End && r.End > 0 {
				return false, nil
			}
		}
	}
	return true, nil
}
