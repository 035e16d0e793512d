package notify

import (
	"context"
	"maps"
	"slices"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/inbox"
)

// step is one commit being built: alerts as they were read and as they will be.
type step struct {
	o         *owner
	tx        *inbox.Txn
	now       event.Time
	entries   map[string]*entry
	order     []string        // of entries, as they were first touched
	targets   map[string]bool // with deliveries to look at afterwards
	publishes bool
	after     []func() // once it is written
}

// entry is one alert within a step. Before is nil for a new one, after for one
// that is not in the inbox or leaves.
type entry struct {
	before, after *inbox.Entry
	touched, tell bool
}

func newStep(o *owner) *step {
	return &step{o: o, tx: o.w.Begin(), now: o.n.now(), entries: map[string]*entry{}, targets: map[string]bool{}}
}

// load reads alerts into the step.
func (s *step) load(ctx context.Context, ids []string) error {
	var missing []string
	for _, id := range ids {
		if s.entries[id] == nil && id != "" && !slices.Contains(missing, id) {
			missing = append(missing, id)
		}
	}
	found, err := s.o.w.Load(ctx, missing)
	if err != nil {
		return err
	}
	for _, id := range missing {
		x := &entry{before: found[id]}
		if x.before != nil {
			x.after = x.before.Clone()
		}
		s.entries[id] = x
		s.order = append(s.order, id)
	}
	return nil
}

// get is an alert that has been loaded, nil if it is not in the inbox.
func (s *step) get(id string) *entry {
	if x := s.entries[id]; x != nil && x.after != nil {
		return x
	}
	return nil
}

// done runs once the step is written.
func (s *step) done(fn func()) { s.after = append(s.after, fn) }

func (s *step) publish(out inbox.Outgoing) {
	s.tx.Publish(out)
	s.publishes = true
}

// close writes the alerts into the transaction.
func (s *step) close() {
	for _, id := range s.order {
		x := s.entries[id]
		switch {
		case !x.touched:
		case x.after == nil && x.before != nil:
			s.tx.Remove(x.before)
		case x.after != nil:
			s.tx.Put(x.before, x.after, x.tell)
			for _, d := range x.after.Deliveries {
				if d.State == inbox.Planned {
					s.targets[d.Target] = true
				}
			}
		}
	}
}

// fill hands deliveries that are due to the couriers of targets, as far as they
// have room; the rest waits in Redis. Nothing is sent before the log has been
// read up to the take-over: it may tell that a delivery was made.
func (o *owner) fill(ctx context.Context, targets map[string]bool) error {
	if o.next < o.end {
		return nil
	}
	for _, target := range slices.Sorted(maps.Keys(targets)) {
		if err := o.retry(ctx, "read deliveries", func() error { return o.fillTarget(ctx, target) }); err != nil {
			return err
		}
	}
	return nil
}

func (o *owner) fillTarget(ctx context.Context, target string) error {
	held := o.inflight[target]
	if len(held) >= courierRoom {
		return nil
	}
	ids, err := o.w.Queue(ctx, target, o.n.now(), courierRoom+len(held))
	if err != nil {
		return err
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return held[id] })
	found, err := o.w.Load(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		e := found[id]
		if e == nil {
			continue
		}
		d := e.OnTarget(target)
		if d == nil {
			continue
		}
		if !o.couriers.give(job{gone: ctx.Done(), reports: o.reports, alertID: id, target: target, kind: d.Kind}) {
			return nil
		}
		if o.inflight[target] == nil {
			o.inflight[target] = map[string]bool{}
		}
		o.inflight[target][id] = true
	}
	return nil
}
