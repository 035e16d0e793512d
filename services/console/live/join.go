package live

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

const (
	joinFor   = 300 * time.Millisecond // an event waits for what it caused
	joinMore  = 60 * time.Millisecond  // after the first effect, for the rest of the commit
	joinEarly = 2 * time.Second        // an effect that was read before its event waits for it
	joinLate  = 3 * time.Second        // an effect that comes after its event went out sends it again
	joinRoom  = 50_000                 // events and effects that wait; beyond it events go out alone
)

// effects is what an event caused.
type effects struct {
	applied, removed, alerts []string
	stage                    string
	until                    time.Time
}

// waiting is an event that waits for its effects, or has gone out without some.
type waiting struct {
	e     Event
	until time.Time
	sent  bool
}

// join puts events and their effects together: they come by different topics.
type join struct {
	suggest func(string) string
	send    func(Event)

	mu    sync.Mutex
	queue []*waiting // in order of arrival
	byID  map[string]*waiting
	early map[string]*effects
}

func newJoin(suggest func(string) string, send func(Event)) *join {
	if suggest == nil {
		suggest = func(string) string { return "" }
	}
	return &join{suggest: suggest, send: send, byID: map[string]*waiting{}, early: map[string]*effects{}}
}

// take reads one record; what cannot be read is the archiver's to reject.
func (j *join) take(topic string, r stream.Record) {
	switch topic {
	case schemas.TopicEvents:
		rec, err := event.DecodeRecord(r.Value)
		if err == nil && rec.Kind == event.KindEvent && rec.Event != nil {
			j.event(rec)
		}
	case schemas.TopicRejected:
		var v event.Rejected
		if json.Unmarshal(r.Value, &v) == nil {
			j.send(Event{
				EventID: v.EventID, Type: v.Type, Time: v.At, ReceivedAt: v.At, Source: v.Source, Verdict: Rejected,
				Reason: v.Reason, Detail: v.Detail, DidYouMean: j.suggest(v.Type),
			})
		}
	case schemas.TopicChanges:
		var c event.Change
		if json.Unmarshal(r.Value, &c) == nil {
			j.change(&c)
		}
	case schemas.TopicAlerts:
		var a event.Alert
		if json.Unmarshal(r.Value, &a) == nil && a.Action == nil {
			j.effect(a.Cause, func(f *effects) { f.alerts = append(f.alerts, a.AlertID) })
		}
	}
}

func (j *join) event(rec *event.Record) {
	e := rec.Event
	w := &waiting{until: time.Now().Add(joinFor), e: Event{
		EventID: e.EventID, Type: e.Type, Time: e.Time, ReceivedAt: e.ReceivedAt, Source: e.Source, Profile: rec.Profile,
		Verdict: Accepted, DidYouMean: j.suggest(e.Type),
	}}
	j.mu.Lock()
	defer j.mu.Unlock()
	if f := j.early[e.EventID]; f != nil {
		delete(j.early, e.EventID)
		w.add(f)
		w.until = time.Now().Add(joinMore)
	}
	if len(j.byID) >= joinRoom {
		w.until = time.Time{}
	} else {
		j.byID[e.EventID] = w
	}
	j.queue = append(j.queue, w)
}

func (j *join) change(c *event.Change) {
	switch c.Op {
	case event.OpApplied:
		j.effect(c.Cause, func(f *effects) { f.applied = append(f.applied, c.Tag) })
	case event.OpRemoved, event.OpExpired:
		j.effect(c.Cause, func(f *effects) { f.removed = append(f.removed, c.Tag) })
	case event.OpEntered:
		j.effect(c.Cause, func(f *effects) { f.stage = c.Stage })
	}
}

func (j *join) effect(cause string, note func(*effects)) {
	now := time.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	if w := j.byID[cause]; w != nil {
		f := &effects{}
		note(f)
		w.add(f)
		soon := now.Add(joinMore)
		switch {
		case w.sent:
			w.sent, w.until = false, soon
			j.queue = append(j.queue, w)
		case soon.Before(w.until):
			w.until = soon
		}
		return
	}
	f := j.early[cause]
	if f == nil {
		if len(j.early) >= joinRoom {
			return
		}
		f = &effects{until: now.Add(joinEarly)}
		j.early[cause] = f
	}
	note(f)
}

func (w *waiting) add(f *effects) {
	w.e.Applied = append(w.e.Applied, f.applied...)
	w.e.Removed = append(w.e.Removed, f.removed...)
	w.e.Alerts = append(w.e.Alerts, f.alerts...)
	if f.stage != "" {
		w.e.StageTo = f.stage
	}
}

// run sends what has waited long enough.
func (j *join) run(ctx context.Context) error {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-ticker.C:
			j.flush(now, n%50 == 0)
		}
	}
}

func (j *join) flush(now time.Time, sweep bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for ; n < len(j.queue) && !j.queue[n].until.After(now); n++ { // in the order in which they came
		w := j.queue[n]
		if j.byID[w.e.EventID] == w {
			w.sent, w.until = true, now.Add(joinLate)
		}
		j.send(w.e.clone())
	}
	j.queue = slices.Delete(j.queue, 0, n)
	if !sweep {
		return
	}
	for cause, f := range j.early {
		if f.until.Before(now) {
			delete(j.early, cause)
		}
	}
	for id, w := range j.byID {
		if w.sent && w.until.Before(now) {
			delete(j.byID, id)
		}
	}
}

// clone is a copy that later effects do not reach.
func (e Event) clone() Event {
	e.Applied, e.Removed, e.Alerts = slices.Clone(e.Applied), slices.Clone(e.Removed), slices.Clone(e.Alerts)
	return e
}
