package unmerge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/apply"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/console/activation"
	"github.com/tagwire/tagwire/services/console/ruleset"
	"github.com/tagwire/tagwire/services/console/shards"
)

const (
	lookEvery  = time.Second
	writeAgain = 10 * time.Second // hand-overs that have not been taken in by then are written again
	partSize   = 256 << 10        // of a state in one record
)

// Options are all needed.
type Options struct {
	Stream    *stream.Client
	Redis     redis.UniversalClient
	Warehouse *warehouse.Warehouse
	Sets      *ruleset.Sets
	Shards    *shards.Set
	Log       *zap.Logger
	Now       func() time.Time
}

// Keeper completes unmerges. Run is to be called once.
type Keeper struct {
	opt     Options
	done    map[string]bool     // by event id
	pending map[string]*pending // likewise
}

// pending is an unmerge on its way.
type pending struct {
	ends    []stream.Range // of `events` when it was first seen in history
	written time.Time
}

// New makes a keeper; nothing is dialled.
func New(o Options) *Keeper {
	return &Keeper{opt: o, done: map[string]bool{}, pending: map[string]*pending{}}
}

// Run looks for unmerges whose pasts are missing, until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := k.look(ctx); err != nil && ctx.Err() == nil {
			k.opt.Log.Warn("unmerges are looked at again", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (k *Keeper) look(ctx context.Context) error {
	all, err := k.opt.Warehouse.Unmerges(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		u := all[i].Event.Unmerge()
		if u == nil || k.done[u.EventID] {
			continue
		}
		if err := k.one(ctx, &all[i], u); err != nil {
			return fmt.Errorf("unmerge %s of %s: %w", u.EventID, all[i].Profile, err)
		}
	}
	return nil
}

// one does for an unmerge what can be done now.
func (k *Keeper) one(ctx context.Context, a *event.Arrival, u *event.Unmerge) error {
	here, err := k.has(ctx, a.Profile, u)
	if err != nil {
		return err
	}
	there, err := k.has(ctx, u.Into, u)
	if err != nil {
		return err
	}
	if here && there {
		k.done[u.EventID] = true
		delete(k.pending, u.EventID)
		return nil
	}
	p := k.pending[u.EventID]
	if p == nil {
		p = &pending{}
		if p.ends, err = k.opt.Stream.Ranges(ctx, schemas.TopicEvents, len(k.opt.Shards.All())); err != nil {
			return err
		}
		k.pending[u.EventID] = p
	}
	if time.Since(p.written) < writeAgain {
		return nil
	}
	if whole, err := k.archived(ctx, p.ends); err != nil || !whole {
		return err
	}
	held, err := activation.Hold(ctx, k.opt.Redis, func(ctx context.Context) error { return k.write(ctx, a, u) })
	if held && err == nil {
		p.written = time.Now()
	}
	return err
}

// has says that a profile, or whoever it belongs to today, has its past.
func (k *Keeper) has(ctx context.Context, id string, u *event.Unmerge) (bool, error) {
	p, err := k.opt.Shards.Profile(ctx, id)
	if errors.Is(err, shards.ErrUnknown) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(append([]string{id, p.ID}, p.Absorbed...), func(one string) bool {
		return slices.Contains(p.Merges, u.MergeID(one))
	}), nil
}

// archived says that all that stood in the log is in history.
func (k *Keeper) archived(ctx context.Context, ends []stream.Range) (bool, error) {
	marks, err := k.opt.Warehouse.Archived(ctx, schemas.TopicEvents)
	if err != nil {
		return false, err
	}
	for n, r := range ends {
		if r.End > r.First && marks[n].Next < r.End {
			return false, nil
		}
	}
	return true, nil
}

// write folds both pasts and sends them.
func (k *Keeper) write(ctx context.Context, a *event.Arrival, u *event.Unmerge) error {
	life, err := k.opt.Warehouse.Life(ctx, a.Profile)
	if err != nil {
		return err
	}
	past, place, ok := life.Before(u)
	if !ok {
		return errors.New("history does not hold it among the customer's events")
	}
	head := life.Head(a.Profile, max(place, a.Event.Time))
	set, err := k.rules(ctx, head)
	if err != nil {
		return err
	}
	if err := k.opt.Warehouse.Reattribute(ctx, a, u, profilesOf(head, past)); err != nil {
		return err
	}
	stays, left := apply.Part(set, head, u, past, place)
	for _, p := range []*profile.Profile{stays, left} {
		if err := k.handOver(ctx, p, u.MergeID(p.ID)); err != nil {
			return err
		}
	}
	k.opt.Log.Info("pasts of an unmerge were handed over", zap.String("profile", head), zap.String("new", u.Into), zap.Int("events", len(past)))
	return nil
}

// profilesOf are those under which the customer's past stands in history.
func profilesOf(head string, past []event.Arrival) []string {
	out := []string{head}
	for i := range past {
		if !slices.Contains(out, past[i].Profile) {
			out = append(out, past[i].Profile)
		}
	}
	return out
}

// rules are those in force in the shard of a profile.
func (k *Keeper) rules(ctx context.Context, id string) (*rule.Set, error) {
	pos, err := k.opt.Shards.Of(id).Read(ctx)
	if err != nil {
		return nil, err
	}
	v, err := k.opt.Sets.At(pos.Rules)
	if err != nil {
		return nil, err
	}
	return v.Set, nil
}

// handOver sends a profile its past. The records bear no number of their own: the
// merge id tells those that were written before.
func (k *Keeper) handOver(ctx context.Context, p *profile.Profile, mergeID string) error {
	state, err := p.Encode()
	if err != nil {
		return err
	}
	parts := (len(state) + partSize - 1) / partSize
	var msgs []stream.Message
	for i := range parts {
		r := event.Record{
			Kind: event.KindHandover, Source: "control", Place: event.At(k.opt.Now()), Profile: p.ID, Repair: true,
			Merge: &event.Merge{ID: mergeID, Other: p.ID, Part: i, Parts: parts, State: state[i*partSize : min((i+1)*partSize, len(state))]},
		}
		value, err := r.Encode()
		if err != nil {
			return err
		}
		msgs = append(msgs, stream.Message{Key: []byte(p.ID), Value: value})
	}
	_, err = k.opt.Stream.Publish(ctx, schemas.TopicEvents, event.Shard(p.ID, len(k.opt.Shards.All())), msgs)
	return err
}
