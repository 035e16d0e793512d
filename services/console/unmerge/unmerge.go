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
	waitJoins  = time.Minute      // for history to know all that the customer is made of; older joins it may never have known
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
	since   time.Time
	ends    []stream.Range // of `events` at since, when it was first seen in history
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
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := k.look(ctx); err != nil && ctx.Err() == nil {
			k.opt.Log.Warn("unmerges are looked at again", zap.Error(err))
		}
	}
}

func (k *Keeper) look(ctx context.Context) error {
	all, err := k.opt.Warehouse.Unmerges(ctx)
	if err != nil {
		return err
	}
	var failed []error // one that cannot be completed holds no other up
	for i := range all {
		u := all[i].Event.Unmerge()
		if u == nil || k.done[u.EventID] {
			continue
		}
		if err := k.one(ctx, &all[i], u); err != nil {
			failed = append(failed, fmt.Errorf("unmerge %s of %s: %w", u.EventID, all[i].Profile, err))
		}
	}
	return errors.Join(failed...)
}

// one does for an unmerge what can be done now.
func (k *Keeper) one(ctx context.Context, a *event.Arrival, u *event.Unmerge) error {
	here, err := k.holder(ctx, a.Profile, u)
	if err != nil || here == nil {
		return err // its shard is not there yet
	}
	there, err := k.holder(ctx, u.Into, u)
	if err != nil {
		return err
	}
	if here.HasPast(u) && there != nil && there.HasPast(u) {
		k.done[u.EventID] = true
		delete(k.pending, u.EventID)
		return nil
	}
	p := k.pending[u.EventID]
	if p == nil {
		p = &pending{since: time.Now()}
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
	if known, err := k.joined(ctx, here); err != nil || !known && time.Since(p.since) < waitJoins {
		return err
	}
	held, err := activation.Hold(ctx, k.opt.Redis, func(ctx context.Context) error { return k.write(ctx, a, u, here) })
	if held && err == nil {
		p.written = time.Now()
	}
	return err
}

// holder is the profile that an unmerge has parted or made, as it stands: id, or
// whoever it had become part of by then. nil: none has got to it yet. Who waits for its
// past merges with nobody, so it is found by that name for ever.
func (k *Keeper) holder(ctx context.Context, id string, u *event.Unmerge) (*profile.Profile, error) {
	for range maxForwards {
		found, err := k.opt.Shards.Profiles(ctx, []string{id})
		p := found[id]
		if err != nil || p == nil {
			return nil, err
		}
		if p.PartedBy(u) {
			return p, nil
		}
		if p.Winner == "" {
			return nil, nil
		}
		id = p.Winner
	}
	return nil, fmt.Errorf("profile %s: forwarded more than %d times", id, maxForwards)
}

// maxForwards bounds a chain of merges, as for every reader.
const maxForwards = 64

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

// joined says that history knows of everybody who has become part of a profile.
func (k *Keeper) joined(ctx context.Context, p *profile.Profile) (bool, error) {
	family, err := k.opt.Warehouse.Family(ctx, p.ID)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(p.Absorbed, func(gone string) bool { return !slices.Contains(family, gone) }), nil
}

// write folds both pasts and sends them to those who wait for them.
func (k *Keeper) write(ctx context.Context, a *event.Arrival, u *event.Unmerge, here *profile.Profile) error {
	life, err := k.opt.Warehouse.Life(ctx, here.ID)
	if err != nil {
		return err
	}
	past, place, ok := life.Before(u, here.ID, applied(here, u))
	if !ok {
		return errors.New("history does not hold it among the customer's events")
	}
	if err := k.opt.Warehouse.Reattribute(ctx, warehouse.Parting{
		Unmerge: u, At: a.Event.ReceivedAt, Profiles: profilesOf(here.ID, past), Past: past,
	}); err != nil {
		return err
	}
	for _, id := range []string{here.ID, u.Into} {
		set, err := k.rules(ctx, id)
		if err != nil {
			return err
		}
		p, left := apply.Part(set, here.ID, u, past, place)
		if id == u.Into {
			p = left
		}
		p.Heed(here.Was.Wish.Unexplained(life.Arrivals))
		if err := k.handOver(ctx, p, u.MergeID(id)); err != nil {
			return err
		}
	}
	k.opt.Log.Info("pasts of an unmerge were handed over", zap.String("profile", here.ID), zap.String("new", u.Into), zap.Int("events", len(past)))
	return nil
}

// applied are the interactions that a profile had when it was parted: while it
// waits it applies none.
func applied(p *profile.Profile, u *event.Unmerge) func(*event.Event) bool {
	if p.Awaits != u.MergeID(p.ID) {
		return nil
	}
	had := make(map[uint64]bool, len(p.Seen))
	for _, s := range p.Seen {
		had[s.Hash] = true
	}
	return func(e *event.Event) bool { return had[profile.IDHash(e.Source, e.EventID)] }
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
