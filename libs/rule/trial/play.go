package trial

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/apply"
)

const (
	fresh    = time.Hour // as by default
	late     = 24 * time.Hour
	maxTimes = 10_000
)

// arrival is an event at the moment it is received.
type arrival struct {
	e        *event.Event
	internal bool
}

// player is one customer whose time moves.
type player struct {
	set    *rule.Set
	p      *profile.Profile
	alerts []event.Alert
}

func (w *player) event(a arrival) {
	e := *a.e
	e.Matched = w.set.Match(e.Text, e.From)
	place := e.ReceivedAt
	if e.Backfill {
		place = e.Time
	}
	w.pass(place)
	w.take(apply.Event(w.set, w.p, apply.Input{Event: &e, Own: e.Identities, Place: place, Internal: a.internal, Fresh: fresh, Late: late}))
}

// pass lets time go by. What is due by then fires when it is due, as under a
// clock that runs: firing it all at the end would be too late for its alerts.
func (w *player) pass(to event.Time) {
	for due := apply.NextDue(w.set, w.p, nil); due != 0 && due <= to; due = apply.NextDue(w.set, w.p, nil) {
		w.take(apply.Advance(w.set, w.p, due, due, fresh))
	}
}

func (w *player) take(r apply.Result) { w.alerts = append(w.alerts, r.Alerts...) }

// clock settles the times of a test.
type clock struct {
	zone  *time.Location
	start event.Time
	last  event.Time
}

func layouts() []string {
	return []string{"2006-01-02 15:04:05.000", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02", "2006-01-02T15:04:05", "2006-01-02T15:04"}
}

func (c *clock) absolute(s string) (event.Time, bool) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return event.At(t), true
	}
	for _, l := range layouts() {
		if t, err := time.ParseInLocation(l, s, c.zone); err == nil {
			return event.At(t), true
		}
	}
	return 0, false
}

// read is a time as written; nothing is the entry before.
func (c *clock) read(raw any) (event.Time, error) {
	if raw == nil {
		return c.last, nil
	}
	s := strings.TrimSpace(fmt.Sprint(raw))
	if t, ok := c.absolute(s); ok {
		return t, nil
	}
	base, text := c.start, s
	if rest, plus := strings.CutPrefix(s, "+"); plus {
		base, text = c.last, rest
	}
	if text == "0" {
		return base, nil
	}
	d, err := rule.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%[1]q 不是时间：请写 2026-03-02 10:00、从起点算的 2d，或从上一条算的 +1h / %[1]q is not a time: write 2026-03-02 10:00, an offset from the start such as 2d, or +1h from the entry before", s)
	}
	return base.Add(d), nil
}

// arrivals expands the events of a test, in the order in which they are received.
func (t *oneTest) arrivals(c *clock) ([]arrival, error) {
	var out []arrival
	for n, spec := range t.events {
		refuse := func(err error) error {
			return rule.Error{File: t.file, Line: spec.line, Column: spec.column, Message: err.Error()}
		}
		e, err := spec.is.event(c)
		if err != nil {
			return nil, refuse(err)
		}
		times := max(1, spec.is.Times)
		var every time.Duration
		if spec.is.Every != "" {
			if every, err = rule.ParseDuration(spec.is.Every); err != nil {
				return nil, refuse(err)
			}
		}
		if times > maxTimes || spec.is.Times < 0 {
			return nil, refuse(fmt.Errorf("times 是 1 到 %[1]d / times is 1 to %[1]d", maxTimes))
		}
		for i := range times {
			one := *e
			one.Time, one.ReceivedAt = e.Time.Add(time.Duration(i)*every), e.ReceivedAt.Add(time.Duration(i)*every)
			switch {
			case one.EventID == "":
				one.EventID = fmt.Sprintf("e%04d-%d", n+1, i+1)
			case times > 1:
				one.EventID += "-" + strconv.Itoa(i+1)
			}
			c.last = one.Time
			out = append(out, arrival{&one, spec.is.Internal})
		}
	}
	slices.SortStableFunc(out, func(a, b arrival) int { return int(min(1, max(-1, a.e.ReceivedAt-b.e.ReceivedAt))) })
	return out, nil
}

func (s eventSpec) event(c *clock) (*event.Event, error) {
	if s.Type == "" {
		return nil, fmt.Errorf("缺少 `type`：事件的类型，如 link.open / `type` is missing: the event's type, such as link.open")
	}
	at, err := c.read(s.At)
	if err != nil {
		return nil, err
	}
	e := &event.Event{
		EventID: s.EventID, Type: s.Type, Time: at, ReceivedAt: at, Source: s.Source, StaffID: s.StaffID, Channel: s.Channel, StoreID: s.StoreID,
		Touchpoint: s.Touchpoint, From: s.From, Currency: s.Currency, Text: s.Text, Tags: s.Tags, Backfill: s.Backfill,
		Traits: fields(s.Traits), Properties: fields(s.Properties), Context: fields(s.Context),
	}
	if e.Source == "" {
		e.Source = "test"
	}
	if e.Text != "" && e.From == "" {
		e.From = "customer"
	}
	if s.ReceivedAt != nil {
		if e.ReceivedAt, err = c.read(s.ReceivedAt); err != nil {
			return nil, err
		}
		if e.ReceivedAt < e.Time {
			return nil, fmt.Errorf("received_at 早于事件本身 / received_at is before the event itself")
		}
	}
	if e.Amount, err = moneyOf("amount", s.Amount); err != nil {
		return nil, err
	}
	if o := s.Object; o != nil {
		e.Object = &event.Object{Type: o.Type, ID: o.ID, Title: o.Title, Category: o.Category, Brand: o.Brand}
		if e.Object.Price, err = moneyOf("object.price", o.Price); err != nil {
			return nil, err
		}
	}
	ids := s.Identities
	if len(ids) == 0 {
		ids = []string{"user_id:test"}
	}
	for _, text := range ids {
		id, err := event.ParseIdentity(text)
		if err != nil {
			return nil, fmt.Errorf("身份写成 命名空间:值，如 phone:138… / %w", err)
		}
		e.Identities = append(e.Identities, id)
	}
	return e, nil
}

func moneyOf(name string, v any) (*decimal.Decimal, error) {
	if v == nil {
		return nil, nil
	}
	d, err := decimal.Parse(fmt.Sprint(v))
	if err != nil {
		return nil, fmt.Errorf("%[1]s 是数字，不能是 %[2]v / %[1]s is a number, not %[2]v", name, v)
	}
	return &d, nil
}

// fields gives values the types that they have when they come from JSON.
func fields(m map[string]any) event.Fields {
	if len(m) == 0 {
		return nil
	}
	var out event.Fields
	b, err := json.Marshal(m)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil { // a value that JSON cannot hold: no rule could read it either
		return nil
	}
	return out
}
