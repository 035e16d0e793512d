package tagging

import (
	"context"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/rule/apply"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/store/shard"
)

// Silence after which an import counts as ended.
const (
	namedSilence = 10 * time.Minute
	openSilence  = time.Minute
)

// control takes effect at its place in the shard's log.
func (o *owner) control(ctx context.Context, bt *batch, r *event.Record) error {
	c := r.Control
	if c == nil {
		return nil
	}
	switch c.Name {
	case "rules":
		return o.activate(ctx, bt, c.Version)
	case "import.start":
		o.openImport(bt, c.Import)
	case "import.end":
		o.endImport(bt, c.Import, c.From)
	}
	return nil
}

// activate puts a version of the rules in force. Profiles are judged by it when
// they are next touched, the others by the sweep that begins here.
func (o *owner) activate(ctx context.Context, bt *batch, version int64) error {
	if version <= bt.next.Rules {
		return nil
	}
	set, err := o.t.rules.set(version)
	for err != nil { // the record is newer than our copy of the definitions
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-o.t.Defs.Changed():
		case <-time.After(time.Second):
			o.log.Warn("waiting for the definition of rules that are to be activated", zap.Int64("version", version), zap.Error(err))
		}
		set, err = o.t.rules.set(version)
	}
	o.set = set
	bt.next.Rules = version
	o.sweep = &sweep{version: version}
	return nil
}

// openImport notes a record of an import. What it touches has no clock timers
// while it is open.
func (o *owner) openImport(bt *batch, name string) {
	if name == "" {
		return
	}
	imp := bt.next.Imports[name]
	now := o.now()
	if imp.Last != 0 && now.Sub(imp.Last) < time.Second && len(imp.Ends) == 0 {
		return
	}
	bt.next.Imports = cloneImports(bt.next.Imports)
	imp.Last = now
	bt.next.Imports[name] = imp
}

// endImport closes an import when its end mark has come from every raw
// partition.
func (o *owner) endImport(bt *batch, name, from string) {
	imp, open := bt.next.Imports[name]
	if !open {
		return
	}
	if !slices.Contains(imp.Ends, from) {
		imp.Ends = append(slices.Clone(imp.Ends), from)
	}
	bt.next.Imports = cloneImports(bt.next.Imports)
	bt.next.Imports[name] = imp
	if len(imp.Ends) >= o.t.RawPartitions {
		o.closeImport(bt, name)
	}
}

func (o *owner) closeImport(bt *batch, name string) {
	delete(bt.next.Imports, name)
	o.releases = append(o.releases, name)
}

// closeSilent closes imports that have said nothing for long.
func (o *owner) closeSilent(ctx context.Context) error {
	var silent []string
	for name, imp := range o.pos.Imports {
		limit := namedSilence
		if name == apply.OpenImport {
			limit = openSilence
		}
		if o.now().Sub(imp.Last) > limit && o.pos.Offset >= o.end {
			silent = append(silent, name)
		}
	}
	if len(silent) > 0 {
		bt := &batch{next: o.pos, last: map[string]int64{}}
		bt.next.Imports = cloneImports(o.pos.Imports)
		for _, name := range silent {
			o.closeImport(bt, name)
		}
		if err := o.commit(ctx, bt); err != nil {
			return err
		}
	}
	return nil
}

// release gives the profiles of closed imports their clock timers, a commit at a
// time; what is due then fires up to the stream time.
func (o *owner) release(ctx context.Context) error {
	name := o.releases[0]
	ids := o.timers.held(name)
	if len(ids) == 0 {
		o.releases = o.releases[1:]
		return nil
	}
	ids = ids[:min(len(ids), maxProfiles)]
	if err := o.load(ctx, ids); err != nil {
		return err
	}
	bt := &batch{next: o.pos, last: map[string]int64{}}
	for _, id := range ids {
		h, _ := o.cache.get(id)
		if h.p.Import == name {
			h.p.Import = ""
		}
		o.took(bt, h, apply.Advance(o.set, h.p, o.pos.Stream, o.pos.Stream, 0))
		bt.touch(id)
	}
	return o.commit(ctx, bt)
}

func cloneImports(m map[string]shard.Import) map[string]shard.Import {
	out := make(map[string]shard.Import, len(m)+1)
	maps.Copy(out, m)
	return out
}

// sweep judges every profile of the shard by a version of the rules, between
// records.
type sweep struct {
	version int64
	started bool
	ids     []string
}

// sweepOn judges the next few profiles.
func (o *owner) sweepOn(ctx context.Context) error {
	s := o.sweep
	if !s.started {
		s.started = true
		err := store.Scan(ctx, o.t.Redis, o.shard.PosKey(), o.shard.ProfilePattern(), func(keys []string) error {
			for _, k := range keys {
				s.ids = append(s.ids, o.shard.IDOf(k))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	n := min(len(s.ids), maxProfiles)
	part := s.ids[:n]
	s.ids = s.ids[n:]
	if err := o.load(ctx, part); err != nil {
		return err
	}
	bt := &batch{next: o.pos, last: map[string]int64{}}
	for _, id := range part {
		h, _ := o.cache.get(id)
		o.renew(bt, h)
	}
	if len(s.ids) == 0 {
		bt.next.Swept = s.version
		o.sweep = nil
	}
	return o.commit(ctx, bt)
}
