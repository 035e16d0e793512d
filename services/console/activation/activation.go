// Package activation brings a version of the rules into force in every shard.
//
// Guarantee: a version is written to the shards only when every raw partition's
// stored plan was matched by its dictionary, so that whatever is accepted after
// [Activator.Put] has answered is judged by it; it is a record in each shard's
// partition, numbered by its version, so a half-written activation is completed
// by whoever holds the lease next and one that is written twice takes effect
// once. What needs facts that were not kept is refused by name.
//
// It does not build history, and it decides nothing about tags. The API calls
// Put; Run completes what was left, for instance by a console that died or by an
// import of definitions.
package activation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/store/rawplan"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/services/console/ruleset"
	"github.com/tagwire/tagwire/services/console/shards"
)

// ErrBusy is the answer while somebody else's rules are being activated.
var ErrBusy = errors.New("another version of the rules is being activated")

// saveWait bounds the writing of a definition that has begun.
const saveWait = 15 * time.Second

// HistoryError names what would begin empty although there is history.
type HistoryError struct{ Needs []string }

func (e *HistoryError) Error() string {
	return "facts were not kept so far for " + strings.Join(e.Needs, ", ")
}

// Definitions is what is needed of the definitions; *defs.Store is one.
type Definitions interface {
	Get(kind, id string) (defs.Def, bool)
	Put(ctx context.Context, p defs.Put) (defs.Def, error)
	Changed() <-chan struct{}
}

// Options are all needed; Wait and Sweep default to a minute each.
type Options struct {
	Stream        *stream.Client
	Redis         redis.UniversalClient
	Defs          Definitions
	Sets          *ruleset.Sets
	Shards        *shards.Set
	RawPartitions int
	Log           *zap.Logger
	Now           func() time.Time
	Wait          time.Duration // for the version to stand in every partition
	Sweep         time.Duration // for every profile to be judged by it
}

// Activator activates. Safe for concurrent use.
type Activator struct {
	opt     Options
	putting sync.Mutex // one Put at a time in this process; the lease orders processes
	mu      sync.Mutex // guards trouble
	trouble string
}

// New makes an activator.
func New(o Options) *Activator {
	if o.Wait <= 0 {
		o.Wait = time.Minute
	}
	if o.Sweep <= 0 {
		o.Sweep = time.Minute
	}
	return &Activator{opt: o}
}

// Request is a rule set that somebody saves.
type Request struct {
	Files     map[string]string
	Author    string
	Expect    int64 // version that stands; defs.ExpectAny: whatever
	NoHistory bool  // what lacks facts may begin empty
}

// Outcome is what came of a request.
type Outcome struct {
	Version   int64
	Unchanged bool         // it stood already
	Active    bool         // it stands in every shard
	Swept     bool         // every profile has been judged by it
	Waiting   string       // not active: for what
	Warming   []string     // measures that begin empty
	Notes     []rule.Error // what depends on arrival
}

// Put checks, saves and activates a rule set. Refusals: rule.Errors, ErrBusy,
// *HistoryError, defs.ErrConflict, defs.ErrInvalid.
func (a *Activator) Put(ctx context.Context, r Request) (Outcome, error) {
	set, err := rule.Compile(0, r.Files)
	if err != nil {
		return Outcome{}, err
	}
	if !a.putting.TryLock() {
		return Outcome{}, ErrBusy
	}
	defer a.putting.Unlock()
	l, lctx, err := a.leaseForPut(ctx)
	if err != nil {
		return Outcome{}, err
	}
	defer l.release(ctx)
	out, err := a.save(lctx, r, set)
	if err != nil {
		return Outcome{}, err
	}
	out.Notes = set.Notes
	v, err := a.opt.Sets.At(out.Version)
	if err != nil {
		return Outcome{}, err
	}
	return a.await(lctx, v, out)
}

// leaseForPut waits out a console that completes an earlier activation, which
// takes moments; another person's request is told at once.
func (a *Activator) leaseForPut(ctx context.Context) (*lease, context.Context, error) {
	for range 40 {
		l, lctx, held, err := takeLease(ctx, a.opt.Redis, forPut)
		if err != nil {
			return nil, nil, err
		}
		if l != nil {
			return l, lctx, nil
		}
		if held == forPut {
			break
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, ErrBusy
}

// save writes the definition unless it stands already.
func (a *Activator) save(ctx context.Context, r Request, set *rule.Set) (Outcome, error) {
	current, exists := a.opt.Defs.Get(defs.KindRules, defs.RulesID)
	if r.Expect != defs.ExpectAny && r.Expect != current.Version {
		return Outcome{}, &defs.ConflictError{Kind: defs.KindRules, ID: defs.RulesID, Expect: r.Expect, Current: current}
	}
	glimpses, err := a.opt.Shards.Peek(ctx)
	if err != nil {
		return Outcome{}, err
	}
	if exists {
		same, err := a.stands(ctx, current, r)
		if err != nil || same.Unchanged {
			return same, err
		}
	}
	needs, older, err := a.needs(set, glimpses)
	if err != nil {
		return Outcome{}, err
	}
	body := defs.Rules{Files: r.Files}
	if len(needs) > 0 {
		empty, err := a.historyEmpty(ctx)
		switch {
		case err != nil:
			return Outcome{}, err
		case empty:
			needs = nil
		case !r.NoHistory:
			return Outcome{}, &HistoryError{needs}
		}
		body.NoHistory = true
	}
	body.Warming = ruleset.Carry(older, set, needs, event.At(a.opt.Now()))
	raw, err := json.Marshal(body)
	if err != nil {
		return Outcome{}, fmt.Errorf("encode the rules: %w", err)
	}
	expect := current.Version
	if !exists {
		expect = defs.ExpectNone
	}
	// Who leaves now must still find out, or have logged, which version it became.
	wctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveWait)
	defer cancel()
	d, err := a.opt.Defs.Put(wctx, defs.Put{Kind: defs.KindRules, ID: defs.RulesID, Expect: expect, Author: r.Author, Body: raw})
	if err != nil {
		return Outcome{}, err
	}
	return Outcome{Version: d.Version, Warming: slices.Sorted(maps.Keys(body.Warming))}, nil
}

// stands says whether the saved version is what the request asks for. One that
// needs what was not kept is not, if the request allows it to begin empty.
func (a *Activator) stands(ctx context.Context, current defs.Def, r Request) (Outcome, error) {
	v, err := a.opt.Sets.At(current.Version)
	if err != nil || !maps.Equal(v.Files, r.Files) {
		return Outcome{}, nil // what does not compile is replaced
	}
	err = a.allowed(ctx, v)
	var needs *HistoryError
	switch {
	case errors.As(err, &needs) && r.NoHistory:
		return Outcome{}, nil
	case err != nil:
		return Outcome{}, err
	}
	return Outcome{Version: v.Version, Unchanged: true, Warming: slices.Sorted(maps.Keys(v.Warming))}, nil
}

// needs names what a set reads and one of the versions in force did not keep.
// older is the version whose warming measures go on.
func (a *Activator) needs(set *rule.Set, all []shards.Glimpse) (needs []string, older *ruleset.Version, err error) {
	versions := map[int64]bool{}
	for _, g := range all {
		if g.Exists { // one that has not begun reads its log from the start
			versions[g.Rules] = true
		}
	}
	if len(versions) == 0 {
		versions[0] = true
	}
	lowest, _ := shards.Lowest(all)
	if newest, ok := a.opt.Sets.Newest(); ok && newest.Version > lowest && newest.Set != set && (set.Version == 0 || newest.Version < set.Version) {
		versions[newest.Version] = true // it may stand in some shard's log already
	}
	for _, version := range slices.Sorted(maps.Keys(versions)) {
		v, err := a.opt.Sets.At(version)
		if err != nil {
			return nil, nil, err
		}
		for _, name := range set.NeedsHistory(v.Set) {
			if !slices.Contains(needs, name) {
				needs = append(needs, name)
			}
		}
		older = v
	}
	return needs, older, nil
}

// historyEmpty says that nothing has ever been accepted.
func (a *Activator) historyEmpty(ctx context.Context) (bool, error) {
	ranges, err := a.opt.Stream.Ranges(ctx, rawTopic, a.opt.RawPartitions)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(ranges, func(r stream.Range) bool { return r.End > 0 }), nil
}

// planned says that every raw partition's plan was matched by the version.
func (a *Activator) planned(ctx context.Context, version int64) (bool, error) {
	for r := range a.opt.RawPartitions {
		pos, err := rawplan.New(a.opt.Redis, r).Read(ctx)
		if err != nil {
			return false, err
		}
		if !pos.Names(version) {
			return false, nil
		}
	}
	return true, nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
