package tagging

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/cond"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

// ErrStateLost says that a shard that has been served before has no position in
// Redis any more.
var ErrStateLost = fmt.Errorf("state lost: Redis has no position of a shard that had one; it needs a rebuild and is not served until then: %w", store.ErrLost)

// maxProfiles of one commit: a script blocks Redis as long as it runs.
const maxProfiles = 250

// owner serves one shard from take-over on. Everything it holds is as of the
// last confirmed commit; after any failed comparison it is thrown away.
type owner struct {
	t        *Tagger
	gen      *stream.Generation
	number   int
	log      *zap.Logger
	shard    *shard.Shard
	pos      shard.Pos
	set      *rule.Set
	cache    *cache
	timers   *timers
	out      *publisher
	stored   []int64 // last numbers of the outbox's elements
	failed   chan error
	fetched  chan stream.Batch
	stopping context.CancelFunc
	fetching chan struct{}
	poison   map[int64]string // offsets whose record cannot be applied → why
	sweep    *sweep
	releases []string // closed imports whose profiles are still held back
	noted    time.Time
	end      int64 // of the log, as last seen
	late     float64
	encoder  profile.Encoder
	memo     cond.Memo
	packer   packer
	piece    int // profiles whose timers fire in one commit beside live records
}

func newOwner(t *Tagger, g *stream.Generation, number int, log *zap.Logger) *owner {
	sh := shard.New(t.Redis, Generation, number)
	sh.Replicas = t.Replicas
	return &owner{
		t: t, gen: g, number: number, log: log, shard: sh, cache: newCache(t.CacheProfiles),
		failed: make(chan error, 1), fetched: make(chan stream.Batch, 1), poison: map[int64]string{}, piece: leastPiece,
	}
}

func (o *owner) close() {
	if o.stopping != nil {
		o.stopping()
		<-o.fetching
	}
	if o.out != nil {
		o.out.close()
	}
}

func (o *owner) serve(ctx context.Context) error {
	if err := o.takeOver(ctx); err != nil {
		return err
	}
	fctx, cancel := context.WithCancel(ctx)
	o.stopping, o.fetching = cancel, make(chan struct{})
	go func() {
		defer close(o.fetching)
		o.fetch(fctx)
	}()
	o.t.note(o.number, o.state())
	o.log.Info("shard is served", zap.Int64("offset", o.pos.Offset), zap.Int64("commit", o.pos.Commit), zap.Int64("rules", o.pos.Rules))
	err := o.loop(ctx)
	if errors.Is(err, errDead) {
		select { // the publisher said why before it ended
		case why := <-o.failed:
			err = errors.Join(err, why)
		default:
		}
	}
	return err
}

func (o *owner) takeOver(ctx context.Context) error {
	pos, run, err := o.shard.TakeOver(ctx)
	if err != nil {
		return err
	}
	if !pos.Exists {
		pos.Run = run
		if err := o.begin(ctx, &pos); err != nil {
			return err
		}
	}
	o.pos = pos
	if o.set, err = o.t.rules.set(pos.Rules); err != nil {
		return err
	}
	stored, err := o.shard.Timers(ctx)
	if err != nil {
		return err
	}
	o.timers = newTimers(stored)
	for _, t := range stored { // an import that closed while nobody finished it
		if _, open := pos.Imports[t.Import]; t.Import != "" && !open && !slices.Contains(o.releases, t.Import) {
			o.releases = append(o.releases, t.Import)
		}
	}
	o.out = startPublisher(ctx, o.t.Stream, func(err error) {
		select {
		case o.failed <- err:
		default:
		}
	})
	o.out.done.Store(pos.Out - 1)
	if pos.Swept < pos.Rules {
		o.sweep = &sweep{version: pos.Rules}
	}
	entries, err := o.outbox(ctx)
	if err != nil {
		return err
	}
	if !store.Unbroken(pos.Run, run) {
		return o.leap(ctx, entries, run)
	}
	return o.out.send(ctx, entries) // some of it may have been sent
}

// begin starts a shard that was never served; a shard that was is lost.
func (o *owner) begin(ctx context.Context, pos *shard.Pos) error {
	committed, err := o.t.Stream.Committed(ctx, Group, schemas.TopicEvents, o.t.Shards)
	if err != nil {
		return err
	}
	if committed[o.number].Offset > 0 {
		return ErrStateLost
	}
	ranges, err := o.t.Stream.Ranges(ctx, schemas.TopicEvents, o.t.Shards)
	if err != nil {
		return err
	}
	pos.Offset = ranges[o.number].First
	return o.shard.Begin(ctx, *pos)
}

// fetch reads ahead one batch.
func (o *owner) fetch(ctx context.Context) {
	at := stream.Position{Topic: schemas.TopicEvents, Partition: o.number, Offset: o.pos.Offset}
	err := o.t.Stream.Follow(ctx, at, func(b stream.Batch) error {
		select {
		case o.fetched <- b:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	select {
	case o.failed <- err:
	default:
	}
}

// loop is the shard's life: records first, then timers, then the sweep after an
// activation, each in small commits.
func (o *owner) loop(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		goal, moved := o.t.clock.get()
		if o.reached(goal) {
			o.pos.Stream = max(o.pos.Stream, goal.At)
		}
		select { // records come first
		case b := <-o.fetched:
			if err := o.records(ctx, b); err != nil {
				return err
			}
			continue
		default:
		}
		turn, free := o.spareTime()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-o.failed:
			return err
		case b := <-o.fetched:
			if err := o.records(ctx, b); err != nil {
				return err
			}
		case <-tick.C:
			if err := o.tick(ctx); err != nil {
				return err
			}
		case <-moved:
		case turn <- struct{}{}:
			began := time.Now()
			err := o.spare(ctx, o.piece)
			took := time.Since(began)
			o.piece = piece(o.piece, took)
			o.t.pace.pass(took)
			if err != nil {
				return err
			}
		case <-free:
			if err := o.spare(ctx, maxProfiles); err != nil {
				return err
			}
		}
	}
}

// spareTime says when there may be other work than records: when the turn is this
// shard's, at once, or, with none to do, never.
func (o *owner) spareTime() (turn chan<- struct{}, free <-chan struct{}) {
	due := len(o.timers.heap) > 0 && o.timers.heap[0].due <= o.pos.Stream
	switch {
	case due && o.t.pace.live():
		return o.t.pace.turn, nil
	case due || o.sweep != nil || len(o.releases) > 0:
		now := make(chan struct{})
		close(now)
		return nil, now
	}
	return nil, nil
}

func (o *owner) reached(goal target) bool {
	return goal.At != 0 && o.number < len(goal.Ends) && o.pos.Offset >= goal.Ends[o.number]
}

// spare does one piece of the other work, timers of at most n profiles among it.
func (o *owner) spare(ctx context.Context, n int) error {
	if due := o.timers.due(o.pos.Stream, n); len(due) > 0 {
		return o.fire(ctx, due)
	}
	if len(o.releases) > 0 {
		return o.release(ctx)
	}
	if o.sweep != nil {
		return o.sweepOn(ctx)
	}
	return nil
}

// tick notes the stream time, learns of a lost shard, closes silent imports and
// lets the group know how far the shard is.
func (o *owner) tick(ctx context.Context) error {
	if err := o.shard.Tick(ctx, o.pos, o.pos.Stream); err != nil {
		return err
	}
	o.t.note(o.number, o.state())
	o.t.metrics.stream.WithLabelValues(fmt.Sprint(o.number)).Set(float64(o.pos.Stream) / 1000)
	if err := o.closeSilent(ctx); err != nil {
		return err
	}
	if len(o.stored) > 0 && o.out.done.Load() >= o.stored[0] { // something to trim
		if err := o.commit(ctx, &batch{next: o.pos}); err != nil {
			return err
		}
	}
	if time.Since(o.noted) < 2*time.Second {
		return nil
	}
	o.noted = time.Now()
	return o.gen.Commit(ctx, schemas.TopicEvents, map[int]stream.OffsetMeta{o.number: {Offset: o.pos.Offset, Metadata: "g1"}})
}

func (o *owner) state() state {
	return state{next: o.pos.Offset, outbox: max(0, o.pos.Next-1-o.out.done.Load()), lagSeconds: o.lagSeconds()}
}

func (o *owner) lagSeconds() float64 {
	if o.pos.Offset >= o.end {
		return 0
	}
	return o.late
}

// now is the place in time of what this shard sends on.
func (o *owner) now() event.Time { return event.At(time.Now()) }
