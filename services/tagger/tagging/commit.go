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
	out := outgoing{o: o, bt: bt, order: event.Order{Generation: Generation, Shard: o.number, Commit: o.pos.Commit + 1}}
	if err := out.changes(); err != nil {
		return sb, err
	}
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
			if err := out.snapshot(h.p); err != nil {
				return sb, err
			}
		}
	}
	if err := out.alerts(); err != nil {
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
		b, err := o.packer.pack(bt.entries)
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
