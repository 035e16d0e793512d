package notify

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/store/inbox"
)

// passTime does what is due: snoozes and alerts end, closed alerts leave,
// actions without an alert are dropped, people's requests are taken, deliveries
// go on.
func (o *owner) passTime(ctx context.Context) error {
	for {
		var work inbox.Work
		err := o.commit(ctx, func(s *step) error {
			var err error
			if work, err = o.w.Work(ctx, s.now); err != nil {
				return err
			}
			return s.takeWork(ctx, work)
		})
		if err != nil {
			return err
		}
		if len(work.Times)+len(work.Leaving)+len(work.Strays)+len(work.Requests) == 0 {
			return o.lookAfter(ctx, work.Targets)
		}
	}
}

func (s *step) takeWork(ctx context.Context, work inbox.Work) error {
	var ids []string
	ids = append(append(ids, work.Times...), work.Leaving...)
	for _, r := range work.Requests {
		ids = append(ids, r.AlertID)
	}
	if err := s.load(ctx, ids); err != nil {
		return err
	}
	keep := s.o.n.opts.Keep
	for _, id := range work.Times {
		if x := s.get(id); x != nil && x.after.Pass(s.now, keep) {
			x.touched, x.tell = true, true
			if x.after.EscalatedAt != x.before.EscalatedAt {
				s.escalate(x.after)
			}
		}
	}
	for _, id := range work.Leaving {
		if x := s.get(id); x != nil && x.after.State.Closed() && x.after.LeavesAt <= s.now {
			x.after, x.touched = nil, true
		}
	}
	for _, r := range work.Requests {
		if x := s.get(r.AlertID); x != nil && x.after.Resend(r.Channel, s.now) {
			x.touched = true
		}
	}
	if len(work.Requests) > 0 {
		s.tx.RequestsDone(len(work.Requests))
	}
	return s.dropStrays(ctx, work.Strays)
}

// escalate tells those whom the rule names when nobody has taken an alert up, on
// each channel once more.
func (s *step) escalate(e *inbox.Entry) {
	p := s.o.n.router.routes().plan(e, s.now)
	e.Audience = slices.Compact(slices.Sorted(slices.Values(append(e.Audience, p.audience...))))
	for _, d := range p.deliveries {
		if old := e.Delivery(d.Channel); old == nil {
			e.Deliveries = append(e.Deliveries, d)
		} else {
			e.Resend(d.Channel, s.now)
		}
	}
}

// dropStrays ends the waiting of actions: their alert may have come to another
// partition meanwhile; else they are dropped with a count.
func (s *step) dropStrays(ctx context.Context, ids []string) error {
	waiting, err := s.o.w.Aside(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		p, err := s.o.w.Elsewhere(ctx, id, s.o.n.opts.Config.Shards)
		if err != nil {
			return err
		}
		list, m := waiting[id], s.o.n.metrics
		if p >= 0 {
			for i := range list {
				s.forward(&list[i], p)
			}
			s.tx.TakeAside(id, 0)
			continue
		}
		s.tx.TakeAside(id, len(list))
		s.done(func() {
			for _, a := range list {
				m.action(a.Action.Verb, "dropped")
			}
		})
	}
	return nil
}

// lookAfter goes on with deliveries that are due again and forgets targets that
// have none left.
func (o *owner) lookAfter(ctx context.Context, targets []string) error {
	count := map[string]float64{defs.RouteRobot: 0, defs.RouteEmail: 0, defs.RouteWebhook: 0}
	due := map[string]bool{}
	var idle []string
	for _, target := range targets {
		var n int64
		err := o.retry(ctx, "measure deliveries", func() (err error) {
			n, err = o.w.Waiting(ctx, target)
			return err
		})
		if err != nil {
			return err
		}
		kind, _, _ := strings.Cut(target, "-")
		count[o.n.metrics.kind(kind)] += float64(n)
		if n > 0 {
			due[target] = true
		} else if len(o.inflight[target]) == 0 {
			idle = append(idle, target)
		}
	}
	for kind, n := range count {
		o.n.metrics.waiting.WithLabelValues(kind, strconv.Itoa(o.p)).Set(n)
	}
	if len(idle) > 0 {
		err := o.commit(ctx, func(s *step) error {
			for _, target := range idle {
				s.tx.TargetGone(target)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return o.fill(ctx, due)
}
