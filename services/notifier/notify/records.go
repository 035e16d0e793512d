package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

// maxAside bounds the alerts of a partition for which actions are kept aside.
const maxAside = 10_000

// takeRecords applies records of the log, in their order.
func (s *step) takeRecords(ctx context.Context, records []stream.Record, next int64) error {
	alerts := make([]*event.Alert, 0, len(records))
	var ids []string
	for _, r := range records {
		a := &event.Alert{}
		if err := json.Unmarshal(r.Value, a); err != nil || a.AlertID == "" {
			s.refuse(r, err)
			continue
		}
		alerts = append(alerts, a)
		ids = append(ids, a.AlertID)
	}
	if err := s.load(ctx, ids); err != nil {
		return err
	}
	waiting, err := s.o.w.Aside(ctx, ids)
	if err != nil {
		return err
	}
	aside := &asides{waiting: waiting, changed: map[string]bool{}}
	for _, a := range alerts {
		if a.Action == nil {
			s.takeAlert(a, aside)
		} else if err := s.takeAction(ctx, a, aside); err != nil {
			return err
		}
	}
	if err := s.writeAsides(ctx, aside); err != nil {
		return err
	}
	s.tx.Offset(next)
	return nil
}

// takeAlert puts a new alert into the inbox and plans its deliveries.
func (s *step) takeAlert(a *event.Alert, aside *asides) {
	m := s.o.n.metrics
	x := s.entries[a.AlertID]
	if x.after != nil {
		s.done(func() { m.alert(a.Severity, "repeated") })
		return
	}
	keep := s.o.n.opts.Keep
	e := inbox.NewEntry(a, keep)
	if s.now >= e.ExpiresAt.Add(keep.Closed) { // it would have left by now
		s.done(func() { m.alert(a.Severity, "too_old") })
		return
	}
	if e.Pass(s.now, keep); !e.State.Closed() {
		p := s.o.n.router.routes().plan(e, s.now)
		e.Audience = p.audience
		if p.deliveries != nil {
			e.Deliveries = p.deliveries
		}
	}
	x.after, x.touched, x.tell = e, true, true
	for _, action := range aside.take(a.AlertID) {
		s.act(x, action.Action)
	}
	received := a.ReceivedAt
	s.done(func() {
		m.alert(a.Severity, "new")
		if received > 0 {
			m.inboxed.Observe(s.o.n.now().Sub(received).Seconds())
		}
	})
}

// takeAction applies what a person did. An action of an alert that is not here
// goes where it is, for a merge may have moved its profile to this shard, or
// waits.
func (s *step) takeAction(ctx context.Context, a *event.Alert, aside *asides) error {
	m, verb := s.o.n.metrics, a.Action.Verb
	x := s.get(a.AlertID)
	if verb == inbox.VerbDelivered { // our own note; the alert may have left
		if x != nil && x.after.Delivered(a.Action) {
			x.touched = true
		}
		return nil
	}
	if x != nil {
		s.act(x, a.Action)
		return nil
	}
	p, err := s.o.w.Elsewhere(ctx, a.AlertID, s.o.n.opts.Config.Shards)
	if err != nil {
		return err
	}
	if p >= 0 {
		s.forward(a, p)
		s.done(func() { m.action(verb, "forwarded") })
		return nil
	}
	if aside.add(a) {
		s.done(func() { m.action(verb, "aside") })
	}
	return nil
}

func (s *step) act(x *entry, a *event.AlertAction) {
	changed, err := x.after.Act(a, s.o.n.opts.Keep)
	x.touched = x.touched || !errors.Is(err, inbox.ErrRepeated)
	x.tell = x.tell || changed
	result := "done"
	switch {
	case errors.Is(err, inbox.ErrRepeated):
		result = "repeated"
	case err != nil:
		result = "refused"
		s.o.log.Info("action on an alert refused", zap.String("alert", x.after.AlertID), zap.Error(err))
	}
	m := s.o.n.metrics
	s.done(func() { m.action(a.Verb, result) })
}

// forward sends an action on to another partition. Its event id stays, so
// twice is once.
func (s *step) forward(a *event.Alert, p int) {
	b, err := event.EncodeJSON(a)
	if err != nil { // it came as JSON a moment ago
		s.o.log.Error("action cannot be sent on", zap.String("alert", a.AlertID), zap.Error(err))
		return
	}
	s.publish(inbox.Outgoing{
		Topic: schemas.TopicAlerts, Partition: p, Key: a.Profile, Value: b,
	})
}

// refuse passes a record over that cannot be read, and says so in the topic of
// the rejected.
func (s *step) refuse(r stream.Record, cause error) {
	coordinates := fmt.Sprintf("%s/%d/%d", schemas.TopicAlerts, s.o.p, r.Offset)
	detail := "an alert without an id"
	if cause != nil {
		detail = cause.Error()
	}
	s.o.log.Error("record of the log of alerts cannot be read", zap.String("record", coordinates), zap.String("detail", detail))
	b, err := event.EncodeJSON(event.Rejected{
		At: s.now, Stage: Group, EventID: coordinates, Reason: string(schemas.ReasonPoison), Detail: detail, Raw: coordinates,
	})
	if err == nil {
		s.publish(inbox.Outgoing{Topic: schemas.TopicRejected, Key: coordinates, Value: b})
	}
	m := s.o.n.metrics
	s.done(func() { m.alert("", "unreadable") })
}

// asides are the actions that wait for alerts, as far as a step touches them.
type asides struct {
	waiting map[string][]event.Alert
	changed map[string]bool
	order   []string
}

func (as *asides) mark(id string) {
	if !as.changed[id] {
		as.changed[id] = true
		as.order = append(as.order, id)
	}
}

func (as *asides) take(id string) []event.Alert {
	list := as.waiting[id]
	if len(list) > 0 {
		delete(as.waiting, id)
		as.mark(id)
	}
	return list
}

func (as *asides) add(a *event.Alert) bool {
	same := func(b event.Alert) bool { return b.Action.EventID == a.Action.EventID && a.Action.EventID != "" }
	if slices.ContainsFunc(as.waiting[a.AlertID], same) {
		return false
	}
	as.waiting[a.AlertID] = append(as.waiting[a.AlertID], *a)
	as.mark(a.AlertID)
	return true
}

// writeAsides stores what waits, up to the bound; the rest is dropped with a
// count.
func (s *step) writeAsides(ctx context.Context, as *asides) error {
	if len(as.order) == 0 {
		return nil
	}
	count, err := s.o.w.AsideCount(ctx)
	if err != nil {
		return err
	}
	for _, id := range as.order {
		list := as.waiting[id]
		switch {
		case len(list) == 0:
			s.tx.TakeAside(id, 0)
			count--
		case count >= maxAside && len(list) == 1:
			s.tx.Dropped(1)
			m, verb := s.o.n.metrics, list[0].Action.Verb
			s.done(func() { m.action(verb, "dropped") })
		default:
			s.tx.SetAside(id, list, s.now.Add(s.o.n.opts.Keep.Aside))
			count++
		}
	}
	return nil
}
