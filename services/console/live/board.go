// Package live keeps what the page shows as it happens: the board of tag counts,
// and the feed of events with their verdicts.
//
// The board's totals are sums of the shards' counts, each as of one commit; a
// shard is read again only when its commit number has moved. The feed reads the
// ends of the topics, and only while somebody listens; who listens too slowly
// misses events and is told how many. Neither is a record: history is in
// ClickHouse.
//
// The API calls both; their Run must be going for streams to move.
package live

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/services/console/ruleset"
	"github.com/tagwire/tagwire/services/console/shards"
)

const boardEvery = 200 * time.Millisecond

// TagCount is one line of the board.
type TagCount struct {
	Tag       string `json:"tag"`
	Group     string `json:"group"`
	Count     int64  `json:"count"` // known profiles
	Anonymous int64  `json:"anonymous"`
	Warming   bool   `json:"warming,omitempty"` // its rule reads a measure that began empty
	// By is the count by the values of the dimension that was asked for; nil where
	// the tag's group is not counted by it. A customer may stand in several values.
	By map[string]int64 `json:"by,omitzero"`
}

// StageCount is one stage of the board.
type StageCount struct {
	Stage     string `json:"stage"`
	Count     int64  `json:"count"`
	Anonymous int64  `json:"anonymous"`
}

// Population is how many profiles there are.
type Population struct {
	Known     int64 `json:"known"`
	Anonymous int64 `json:"anonymous"`
}

// View is the board at a moment. It is not changed once made.
type View struct {
	AsOf         event.Time     `json:"as_of"` // lowest stream time of the shards
	RulesVersion int64          `json:"rules_version"`
	Activating   bool           `json:"activating"`
	Stale        int64          `json:"stale"`
	Population   Population     `json:"population"`
	Stages       []StageCount   `json:"stages"`
	Tags         []TagCount     `json:"tags"`
	Groups       []rule.Group   `json:"groups"` // by their order
	Warming      []ruleset.Warm `json:"warming,omitempty"`

	counted uint64 // moves with every change beside as_of
	split   split
	wire    *wire
}

// Counted moves whenever something beside the time has changed.
func (v *View) Counted() uint64 { return v.counted }

// JSON is the view on the wire, split by a dimension if one is named: encoded once
// for all who listen.
func (v *View) JSON(by string) ([]byte, error) { return v.wire.encode(v, by) }

// Rules are the versions of the rules; *ruleset.Sets is one.
type Rules interface {
	At(version int64) (*ruleset.Version, error)
	Newest() (*ruleset.Version, bool)
}

// cell is a shard's counts as of a commit.
type cell struct {
	commit int64
	exists bool
	counts map[string]int64
}

// Board adds up the shards. Safe for concurrent use.
type Board struct {
	shards *shards.Set
	rules  Rules
	log    *zap.Logger

	refreshing chan struct{} // one refresh at a time; guards cells, fields
	cells      []cell
	fields     map[string]field
	standing   []shards.Glimpse
	newest     int64

	mu      sync.Mutex // guards view, changed
	view    *View
	changed chan struct{}
}

// NewBoard makes an empty board.
func NewBoard(s *shards.Set, rules Rules, log *zap.Logger) *Board {
	return &Board{
		shards: s, rules: rules, log: log, refreshing: make(chan struct{}, 1), cells: make([]cell, len(s.All())),
		fields: map[string]field{}, changed: make(chan struct{}),
	}
}

// Run keeps the board fresh until ctx ends; it rides out Redis' absence.
func (b *Board) Run(ctx context.Context) error {
	wait, failed := boardEvery, false
	for {
		_, err := b.Now(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !failed {
			b.log.Warn("the live board is not fresh", zap.Error(err))
		}
		if failed = err != nil; failed {
			wait = min(2*wait, 2*time.Second)
		} else {
			wait = boardEvery
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// Now is the board as of this moment.
func (b *Board) Now(ctx context.Context) (*View, error) {
	select {
	case b.refreshing <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-b.refreshing }()
	all, err := b.shards.Peek(ctx)
	if err != nil {
		return nil, err
	}
	moved := false
	for s, g := range all {
		c := &b.cells[s]
		if c.exists == g.Exists && c.commit == g.Commit && c.counts != nil {
			continue
		}
		counts, pos, err := b.shards.All()[s].Counts(ctx)
		if err != nil {
			return nil, err
		}
		*c = cell{commit: pos.Commit, exists: pos.Exists, counts: counts}
		moved = true
	}
	return b.publish(all, moved)
}

// Watch is the newest view, nil before the first, and a channel that closes at
// the next one.
func (b *Board) Watch() (*View, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.view, b.changed
}

// publish makes the view of the cells; the caller holds refreshing.
func (b *Board) publish(all []shards.Glimpse, moved bool) (*View, error) {
	b.mu.Lock()
	old := b.view
	b.mu.Unlock()
	asOf := lowestTime(all)
	newest := int64(0)
	if v, ok := b.rules.Newest(); ok {
		newest = v.Version
	}
	if old != nil && !moved && newest == b.newest && sameRules(b.standing, all) {
		if asOf == old.AsOf {
			return old, nil
		}
		view := *old
		view.AsOf = asOf
		return b.put(&view), nil
	}
	b.standing, b.newest = all, newest
	view, err := b.add(all, newest)
	if err != nil {
		return nil, err
	}
	view.AsOf = asOf
	if old != nil {
		view.counted = old.counted + 1
	}
	return b.put(view), nil
}

func (b *Board) put(v *View) *View {
	v.wire = &wire{}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.view = v
	close(b.changed)
	b.changed = make(chan struct{})
	return v
}

func lowestTime(all []shards.Glimpse) event.Time {
	var low event.Time
	for i, g := range all {
		if i == 0 || g.Stream < low {
			low = g.Stream
		}
	}
	return low
}

func sameRules(a, b []shards.Glimpse) bool {
	return slices.EqualFunc(a, b, func(x, y shards.Glimpse) bool { return x.Rules == y.Rules })
}

// field is what the name of a count says.
type field struct{ tag, dimension, value string }

func (b *Board) field(name string) field {
	if f, ok := b.fields[name]; ok {
		return f
	}
	var parts []string
	var f field
	if json.Unmarshal([]byte(name), &parts) == nil {
		parts = append(parts, "", "", "")
		f = field{parts[0], parts[1], parts[2]}
	}
	b.fields[name] = f
	return f
}

// add sums the cells up.
func (b *Board) add(all []shards.Glimpse, newest int64) (*View, error) {
	lowest, _ := shards.Lowest(all)
	rules, err := b.rules.At(lowest)
	if err != nil { // this process has not read that version yet: counts are counts all the same
		if rules, err = b.rules.At(0); err != nil {
			return nil, err
		}
	}
	v := &View{
		RulesVersion: lowest, Warming: rules.WarmingAt(lowestTime(all)), Stages: []StageCount{}, Tags: []TagCount{}, split: split{},
		Groups: groupsOf(rules.Set),
	}
	for _, g := range all {
		v.Activating = v.Activating || g.Rules < newest || g.Rules != lowest
	}
	tags, stages := map[string]*TagCount{}, map[string]*StageCount{}
	for _, name := range rules.Known() {
		entry(tags, name)
	}
	for _, s := range rules.Stages {
		entry(stages, s.Name)
	}
	for _, c := range b.cells {
		for name, n := range c.counts {
			b.count(v, tags, stages, b.field(name), n)
		}
	}
	for name, t := range tags {
		t.Tag, t.Group, t.Warming = name, rules.GroupOf(name), rules.Reads(name, v.Warming)
		v.Tags = append(v.Tags, *t)
	}
	slices.SortFunc(v.Tags, func(a, b TagCount) int {
		return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Tag, b.Tag))
	})
	for _, s := range rules.Stages {
		stages[s.Name].Stage = s.Name
		v.Stages = append(v.Stages, *stages[s.Name])
		delete(stages, s.Name)
	}
	for name, s := range stages { // of an older version
		s.Stage = name
		v.Stages = append(v.Stages, *s)
	}
	slices.SortStableFunc(v.Stages[len(rules.Stages):], func(a, b StageCount) int { return strings.Compare(a.Stage, b.Stage) })
	return v, nil
}

func (b *Board) count(v *View, tags map[string]*TagCount, stages map[string]*StageCount, f field, n int64) {
	anonymous := f.dimension == profile.DimPopulation && f.value == profile.Anonymous
	switch {
	case f.tag != "" && f.dimension == "":
		entry(tags, f.tag).Count += n
	case f.tag != "" && anonymous:
		entry(tags, f.tag).Anonymous += n
	case f.tag != "":
		v.split.add(f, n)
	case f.dimension == "":
		v.Population.Known += n
	case anonymous:
		v.Population.Anonymous += n
	case f.dimension == profile.DimStage:
		entry(stages, f.value).Count += n
	case f.dimension == profile.DimStageAnonymous:
		entry(stages, f.value).Anonymous += n
	case f.dimension == profile.DimStale:
		v.Stale += n
	}
}

func entry[T any](m map[string]*T, name string) *T {
	v, ok := m[name]
	if !ok {
		v = new(T)
		m[name] = v
	}
	return v
}
