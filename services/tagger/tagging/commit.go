package tagging

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/apply"
	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/schemas"
)

func cutText(s string) (before, after string, found bool) { return strings.Cut(s, "\x00") }

// commit writes a batch in one script and hands its outbox to the publisher. On
// an error everything in memory is stale and the owner starts again from what is
// stored.
func (o *owner) commit(ctx context.Context, bt *batch) error {
	began := time.Now()
	sb, err := o.build(bt)
	if err != nil {
		return err
	}
	if err := o.shard.Commit(ctx, sb); err != nil {
		return err
	}
	o.pos = bt.next
	o.pos.Commit++
	o.stored = o.stored[sb.Trim:]
	if len(bt.entries) > 0 {
		o.stored = append(o.stored, bt.next.Next-1)
	}
	for _, c := range sb.Timers {
		o.timers.set(c.Profile, c.New)
	}
	o.cache.shrink()
	o.t.metrics.commit.Observe(time.Since(began).Seconds())
	o.t.metrics.profiles.Add(float64(len(bt.touched)))
	return o.out.send(ctx, bt.entries)
}

// build turns the touched profiles into the commit's writes. The order of
// changes is (generation, shard, commit number, position).
func (o *owner) build(bt *batch) (shard.Batch, error) {
	sb := shard.Batch{Counts: map[string]int64{}}
	commit := o.pos.Commit + 1
	for _, id := range bt.touched {
		h, _ := o.cache.get(id)
		state, err := o.encoder.Encode(h.p)
		if err != nil {
			return sb, err
		}
		if len(state) > maxState {
			return sb, errPoison{bt.last[id], schemas.ReasonStateTooLarge, fmt.Sprintf("the profile would take %d bytes", len(state))}
		}
		w, err := h.write(state)
		if err != nil {
			return sb, err
		}
		sb.Profiles = append(sb.Profiles, w)
		counts, err := o.countKeys(h.p)
		if err != nil {
			return sb, err
		}
		profile.CountDelta(h.counts, counts, sb.Counts)
		h.counts = counts
		old, next := o.timers.get(id), o.timer(bt, h)
		if old != next {
			sb.Timers = append(sb.Timers, shard.TimerChange{Profile: id, Old: old, New: next})
		}
		if h.p.Winner == "" && h.p.FirstSeen != 0 {
			bt.changes = append(bt.changes, o.snapshot(h.p))
		}
	}
	if err := o.outgoing(bt, commit); err != nil {
		return sb, err
	}
	// Elements are trimmed once published; a commit of another owner cannot do it,
	// since it would fail the comparison.
	done := o.out.done.Load()
	for int(sb.Trim) < len(o.stored) && o.stored[sb.Trim] <= done {
		bt.next.Out = o.stored[sb.Trim] + 1
		sb.Trim++
	}
	if len(bt.entries) > 0 {
		b, err := pack(bt.entries)
		if err != nil {
			return sb, err
		}
		sb.Out = append(sb.Out, b)
	}
	bt.next.Stream = max(bt.next.Stream, o.pos.Stream)
	sb.Pos = bt.next
	return sb, nil
}

// countKeys are the counts in which a profile stands, by the dimensions of the
// rules that judged it last. So they follow from what is stored of it, whichever
// rules are in force when it is read, and move in the commit in which it takes up
// others.
func (o *owner) countKeys(p *profile.Profile) ([]string, error) {
	set := o.set
	if p.Rules != set.Version {
		var err error
		if set, err = o.t.rules.set(p.Rules); err != nil {
			return nil, fmt.Errorf("count profile %s: %w", p.ID, err)
		}
	}
	return p.CountKeys(set.Dimensions), nil
}

func (o *owner) timer(bt *batch, h *held) shard.Timer {
	p := h.p
	if !h.settled {
		h.due, h.settled = apply.NextDue(o.set, p, nil), true
	}
	if h.due == 0 {
		return shard.Timer{}
	}
	t := shard.Timer{Profile: p.ID, Due: h.due}
	if _, open := bt.next.Imports[p.Import]; open && p.Import != "" {
		t.Import = p.Import
	}
	return t
}

// outgoing puts changes and alerts into the outbox.
func (o *owner) outgoing(bt *batch, commit int64) error {
	order := event.Order{Generation: Generation, Shard: o.number, Commit: commit}
	for i := range bt.changes {
		bt.changes[i].Order = order
		order.Position++
		b, err := bt.changes[i].AppendJSON(bt.room())
		if err != nil {
			return fmt.Errorf("encode change of profile %s: %w", bt.changes[i].Profile, err)
		}
		bt.put(schemas.TopicChanges, o.number, bt.changes[i].Profile, bt.keep(b))
	}
	for i := range bt.alerts {
		bt.alerts[i].Order = order
		order.Position++
		b, err := event.EncodeJSON(&bt.alerts[i])
		if err != nil {
			return err
		}
		bt.put(schemas.TopicAlerts, o.number, bt.alerts[i].Profile, b)
		o.t.metrics.alerts.Inc()
	}
	return nil
}

func (o *owner) snapshot(p *profile.Profile) event.Change {
	s := &event.Snapshot{
		Known: p.Known(), Excluded: !p.Counted(), Identities: p.Identities, Traits: p.Traits, Tags: p.TagStates(),
		Stage: p.Stage, StageSince: p.StageSince, Owner: p.Owner(), Owners: p.Staff(), Channels: p.Channels, Stores: p.Stores,
		FirstSeen: p.FirstSeen, LastSeen: p.LastSeen, Clock: p.Clock, Stale: p.Stale, Measures: map[string]string{},
	}
	for _, m := range o.set.Measures {
		if v := m.Value(p, p.Clock).String(); v != "" && v != "0" {
			s.Measures[m.Name] = v
		}
	}
	for i := range s.Tags {
		s.Tags[i].Evidence = nil // stands in the tag's own change
	}
	return event.Change{
		ChangeID: event.DeriveID(p.ID, "snapshot", fmt.Sprint(o.number), fmt.Sprint(o.pos.Commit+1)), Op: event.OpSnapshot, Profile: p.ID,
		At: p.Clock, Known: p.Known(), Cause: "commit", Snapshot: s,
	}
}

// fire lets the due timers of profiles fire up to the stream time.
func (o *owner) fire(ctx context.Context, ids []string) error {
	if err := o.load(ctx, ids); err != nil {
		o.timers.again(ids)
		return err
	}
	bt := &batch{next: o.pos, last: map[string]int64{}}
	for _, id := range ids {
		h, _ := o.cache.get(id)
		o.renew(bt, h)
		o.took(bt, h, apply.Advance(o.set, h.p, o.pos.Stream, o.pos.Stream, o.t.Fresh))
		bt.touch(id) // its timer is settled anew in any case
	}
	o.t.metrics.fired.Add(float64(len(ids)))
	return o.commit(ctx, bt)
}
