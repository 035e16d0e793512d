package activation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/console/ruleset"
	"github.com/tagwire/tagwire/services/console/shards"
)

const rawTopic = schemas.TopicRaw

const (
	stepEvery  = 30 * time.Millisecond
	writeAgain = 10 * time.Second // a record that shards have not applied by then is written again
)

// What an activation waits for, for people.
const (
	waitResolvers = "resolvers take over the dictionary"
	waitTaggers   = "taggers take over the rules"
	waitSweep     = "profiles are judged again"
)

// attempt is one version on its way into the shards.
type attempt struct {
	version int64
	written time.Time // when records were last written; zero: not yet
}

// standing is how far a version has come.
type standing struct {
	active, swept bool
	waiting       string
}

// step does what can be done now.
func (a *Activator) step(ctx context.Context, v *ruleset.Version, at *attempt) (standing, error) {
	all, err := a.opt.Shards.Peek(ctx)
	if err != nil {
		return standing{}, err
	}
	rules, swept := shards.Lowest(all)
	if rules >= v.Version {
		s := standing{active: true, swept: swept >= v.Version}
		if !s.swept {
			s.waiting = waitSweep
		}
		return s, nil
	}
	if !at.written.IsZero() && time.Since(at.written) < writeAgain {
		return standing{waiting: waitTaggers}, nil
	}
	ok, err := a.planned(ctx, v.Version)
	if err != nil {
		return standing{}, err
	}
	if !ok {
		return standing{waiting: waitResolvers}, nil
	}
	if err := a.write(ctx, v, all); err != nil {
		return standing{}, err
	}
	at.written = time.Now()
	return standing{waiting: waitTaggers}, nil
}

// write puts the version's record into the partition of each shard that does
// not have it.
func (a *Activator) write(ctx context.Context, v *ruleset.Version, all []shards.Glimpse) error {
	history := ""
	if v.NoHistory {
		history = "none"
	}
	rec := event.Record{
		Kind: event.KindControl, Source: "control", Number: v.Version, Place: event.At(a.opt.Now()),
		Control: &event.Control{Name: "rules", Version: v.Version, History: history},
	}
	value, err := rec.Encode()
	if err != nil {
		return err
	}
	byPartition := map[int][]stream.Message{}
	for s, g := range all {
		if g.Rules < v.Version {
			byPartition[s] = []stream.Message{{Value: value}}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := a.opt.Stream.PublishAll(ctx, schemas.TopicEvents, byPartition); err != nil {
		return fmt.Errorf("write rules version %d to the shards: %w", v.Version, err)
	}
	return nil
}

// await steps until the version stands and every profile has been judged by it,
// or time is over; what is left then is completed by Run.
func (a *Activator) await(ctx context.Context, v *ruleset.Version, out Outcome) (Outcome, error) {
	at := &attempt{version: v.Version}
	deadline := time.Now().Add(a.opt.Wait)
	for {
		s, err := a.step(ctx, v, at)
		if ctx.Err() != nil {
			return out, fmt.Errorf("activate rules version %d: %w", v.Version, context.Cause(ctx))
		}
		if err != nil {
			a.opt.Log.Warn("activate rules again", zap.Int64("version", v.Version), zap.Error(err))
			out.Waiting = err.Error()
		} else {
			if s.active && !out.Active {
				out.Active, deadline = true, time.Now().Add(a.opt.Sweep)
			}
			out.Swept, out.Waiting = s.swept, s.waiting
		}
		if out.Swept || time.Now().After(deadline) {
			return out, nil
		}
		if err := pause(ctx, stepEvery); err != nil {
			return out, fmt.Errorf("activate rules version %d: %w", v.Version, err)
		}
	}
}

// Run completes activations that were left half done, until ctx ends.
func (a *Activator) Run(ctx context.Context) error {
	at := &attempt{}
	for {
		changed := a.opt.Defs.Changed()
		err := a.complete(ctx, at)
		if ctx.Err() != nil {
			return nil
		}
		a.note(err)
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-time.After(time.Second):
		}
	}
}

// note keeps what hinders, and logs it once.
func (a *Activator) note(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if text != a.trouble && text != "" {
		a.opt.Log.Warn("the newest rules are not active yet", zap.Error(err))
	}
	a.trouble = text
}

// Trouble is why the newest rules are not active; empty when they are, or are
// being activated.
func (a *Activator) Trouble() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.trouble
}

// complete does what can be done now for the newest version, if nobody else is
// at it.
func (a *Activator) complete(ctx context.Context, at *attempt) error {
	v, ok := a.opt.Sets.Newest()
	if !ok {
		return nil
	}
	all, err := a.opt.Shards.Peek(ctx)
	if err != nil {
		return err
	}
	if rules, _ := shards.Lowest(all); rules >= v.Version {
		return nil
	}
	l, lctx, _, err := takeLease(ctx, a.opt.Redis, forComplete)
	if err != nil || l == nil {
		return err
	}
	defer l.release(ctx)
	if err := a.allowed(lctx, v); err != nil {
		return fmt.Errorf("rules version %d: %w", v.Version, err)
	}
	if at.version != v.Version {
		*at = attempt{version: v.Version}
	}
	_, err = a.step(lctx, v, at)
	if errors.Is(err, context.Canceled) {
		return nil // the lease was lost to another console
	}
	return err
}

// allowed refuses a version that was saved by other ways than Put and needs
// what was not kept.
func (a *Activator) allowed(ctx context.Context, v *ruleset.Version) error {
	if v.NoHistory {
		return nil
	}
	all, err := a.opt.Shards.Peek(ctx)
	if err != nil {
		return err
	}
	needs, _, err := a.needs(v.Set, all)
	if err != nil || len(needs) == 0 {
		return err
	}
	empty, err := a.historyEmpty(ctx)
	if err != nil || empty {
		return err
	}
	return &HistoryError{needs}
}
