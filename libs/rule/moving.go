package rule

import (
	"slices"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/calendar"
	"github.com/tagwire/tagwire/libs/rule/cond"
)

// spanNode is the time since something happened: it grows by itself.
type spanNode struct{ measureNode }

// Cross is when the time since then stands on the other side of the limit: at the
// length itself or a millisecond behind it, unless a fact comes before.
func (n spanNode) Cross(m *cond.Moment, limit cond.Limit) event.Time {
	f := m.Profile.Folds[n.m.Fold.Key]
	was := limit.Holds(n.Eval(m))
	flips := func(at event.Time) bool { return limit.Holds(n.m.Value(m.Profile, at)) != was }
	for at := m.Now; ; {
		next := f.NextFact(at) // it looks back: facts lie ahead
		if last := f.LastAt(profile.Ever(at)); last != nil {
			due := last.T + event.Time(limit.Number)
			for _, t := range []event.Time{due, due + 1} {
				if t > m.Now && (next == 0 || t < next) && flips(t) {
					return t
				}
			}
		}
		if next == 0 || flips(next) {
			return next
		}
		at = next
	}
}

// absentNode is true when neither the event nor the first contact is younger
// than the duration.
type absentNode struct {
	fold *Fold
	d    time.Duration
}

func (n absentNode) due(m *cond.Moment) event.Time {
	at := m.Profile.FirstSeen
	if last := m.Profile.Folds[n.fold.Key].LastAt(profile.Ever(m.Now)); last != nil && last.T > at {
		at = last.T
	}
	return at.Add(n.d)
}

func (n absentNode) Eval(m *cond.Moment) cond.Value {
	return cond.BoolOf(m.Profile.FirstSeen != 0 && n.due(m) <= m.Now)
}

func (n absentNode) Next(m *cond.Moment) event.Time {
	next := m.Profile.Folds[n.fold.Key].NextFact(m.Now)
	if due := n.due(m); due > m.Now {
		next = cond.Earliest(next, due)
	}
	return next
}

func (n absentNode) Kind() cond.Kind { return cond.Bool }

// habit is a custom: something in each of so many whole periods.
type habit struct {
	fold *Fold
	days int
	n    int
	zone *time.Location
}

// regularNode is true while the event came in each of the last n whole periods; of
// a stopped one, in each of the n before the last two, and not since.
type regularNode struct {
	habit
	stopped bool
}

const stoppedAfter = 2 // periods without

func (n regularNode) Eval(m *cond.Moment) cond.Value {
	f := m.Profile.Folds[n.fold.Key]
	from, to := 1, n.n
	if n.stopped {
		since, _ := calendar.SpanBefore(n.days, stoppedAfter, m.Now, n.zone)
		if f.Any(profile.View{Lo: since - 1, Hi: m.Now}) {
			return cond.BoolOf(false)
		}
		from, to = from+stoppedAfter, to+stoppedAfter
	}
	for i := from; i <= to; i++ {
		lo, hi := calendar.SpanBefore(n.days, i, m.Now, n.zone)
		if !f.Any(profile.View{Lo: lo - 1, Hi: min(hi-1, m.Now)}) {
			return cond.BoolOf(false)
		}
	}
	return cond.BoolOf(true)
}

// Next is the end of the period that is, or the next fact.
func (n regularNode) Next(m *cond.Moment) event.Time {
	f := m.Profile.Folds[n.fold.Key]
	next := f.NextFact(m.Now)
	first, _ := calendar.SpanBefore(n.days, n.n+stoppedAfter, m.Now, n.zone)
	if f.Any(profile.View{Lo: first - 1, Hi: m.Now}) {
		_, end := calendar.Span(n.days, m.Now, n.zone)
		next = cond.Earliest(next, end)
	}
	return next
}

func (n regularNode) Kind() cond.Kind { return cond.Bool }

// restartedNode is true for so long after the event came again after at least so
// long without.
type restartedNode struct {
	fold *Fold
	d    time.Duration
}

func (n restartedNode) Eval(m *cond.Moment) cond.Value {
	return cond.BoolOf(n.back(m.Profile.Folds[n.fold.Key], m.Now) != 0)
}

// back is when the customer came back; 0: not within d.
func (n restartedNode) back(f *profile.Fold, now event.Time) event.Time {
	if f == nil {
		return 0
	}
	in := f.In(profile.View{Lo: now.Add(-n.d), Hi: now})
	if len(in) == 0 {
		return 0
	}
	first := in[0] // whatever came after it within d came without such a gap
	i, _ := slices.BinarySearchFunc(f.Facts, first, profile.CompareFact)
	if before := f.Before(i); before != nil && before.T <= first.T.Add(-n.d) {
		return first.T
	}
	return 0
}

func (n restartedNode) Next(m *cond.Moment) event.Time {
	f := m.Profile.Folds[n.fold.Key]
	return cond.Earliest(f.NextFact(m.Now), f.Exit(profile.View{Lo: m.Now.Add(-n.d), Hi: m.Now}, n.d))
}

func (n restartedNode) Kind() cond.Kind { return cond.Bool }

// occasionNode is true around a day: a birthday, a festival.
type occasionNode struct {
	of     func(*profile.Profile) (calendar.Occasion, bool)
	before int // days
	zone   *time.Location
}

func (n occasionNode) around(m *cond.Moment) (from, to event.Time, ok bool) {
	o, ok := n.of(m.Profile)
	if !ok {
		return 0, 0, false
	}
	return o.Around(m.Now, n.before, n.zone)
}

func (n occasionNode) Eval(m *cond.Moment) cond.Value {
	from, to, ok := n.around(m)
	return cond.BoolOf(ok && m.Now >= from && m.Now < to)
}

func (n occasionNode) Next(m *cond.Moment) event.Time {
	from, to, ok := n.around(m)
	switch {
	case !ok:
		return 0
	case m.Now < from:
		return from
	}
	return to
}

func (n occasionNode) Kind() cond.Kind { return cond.Bool }

// agedNode is true once a moment of the profile is at least d ago.
type agedNode struct {
	of func(*profile.Profile) event.Time // 0: there is none
	d  time.Duration
}

func (n agedNode) Eval(m *cond.Moment) cond.Value {
	at := n.of(m.Profile)
	return cond.BoolOf(at != 0 && at.Add(n.d) <= m.Now)
}

func (n agedNode) Next(m *cond.Moment) event.Time {
	if at := n.of(m.Profile); at != 0 && at.Add(n.d) > m.Now {
		return at.Add(n.d)
	}
	return 0
}

func (n agedNode) Kind() cond.Kind { return cond.Bool }

// sumNode is a sum within a time that ends now.
type sumNode struct{ measureNode }

// Cross takes the facts out of the window one after the other: the sum is not made
// anew for each.
func (n sumNode) Cross(m *cond.Moment, limit cond.Limit) event.Time {
	f := m.Profile.Folds[n.m.Fold.Key]
	if f == nil || f.NextFact(m.Now) != 0 {
		return n.search(m, limit)
	}
	now := n.Eval(m)
	was, sum, left := limit.Holds(now), now.Number, event.Time(0)
	for t, gone := range f.Leaving(n.m.view(m.Now)) {
		if at := left.Add(n.m.Within); left != 0 && t != left && (m.Before != 0 && at >= m.Before || limit.Holds(cond.NumberOf(sum)) != was) {
			return at
		}
		less, err := sum.Sub(gone)
		if err != nil { // more digits than a number has
			return n.search(m, limit)
		}
		sum, left = less, t
	}
	if left != 0 && limit.Holds(cond.NumberOf(sum)) != was {
		return left.Add(n.m.Within)
	}
	return 0
}

// search looks at each moment at which facts enter or leave.
func (n sumNode) search(m *cond.Moment, limit cond.Limit) event.Time {
	was, at := limit.Holds(n.Eval(m)), m.Now
	for {
		next := n.m.moves(m.Profile.Folds[n.m.Fold.Key], at)
		if next == 0 || m.Before != 0 && next >= m.Before || limit.Holds(n.m.Value(m.Profile, next)) != was {
			return next
		}
		at = next
	}
}
