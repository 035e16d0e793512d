package rule

import (
	"math"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/cond"
)

// Value reads the measure of a profile as of a moment.
func (m *Measure) Value(p *profile.Profile, now event.Time) cond.Value {
	f := p.Folds[m.Fold.Key]
	switch m.Kind {
	case Count:
		v := cond.IntOf(f.CountAt(m.Within, now))
		v.More = m.Within > 0 && f != nil && f.CountAt(m.Within, now) >= profile.MaxFacts
		return v
	case Sum:
		sum := f.SumAt(m.Within, now)
		if m.Minus != nil {
			less := p.Folds[m.Minus.Key].SumAt(m.Within, now)
			if d, err := sum.Sub(less); err == nil {
				sum = d
			}
		}
		return cond.NumberOf(sum)
	case Last:
		return factValue(f.LastAt(m.Within, now))
	case First:
		return factValue(f.FirstAt(m.Within, now))
	case Distinct:
		return cond.ListOf(f.DistinctAt(m.Within, now))
	default:
		return cond.ScoreOf(f.ScoreAt(m.HalfLife, m.Within, now))
	}
}

// Exact is false when facts were folded away that the value needs.
func (m *Measure) Exact(p *profile.Profile) bool {
	f := p.Folds[m.Fold.Key]
	return f == nil || !f.More
}

func factValue(f *profile.Fact) cond.Value {
	switch {
	case f == nil:
		return cond.Value{}
	case f.S != "":
		return cond.TextOf(f.S)
	}
	return cond.NumberOf(f.N)
}

// measureNode is a measure within a condition.
type measureNode struct{ m *Measure }

func (n measureNode) Eval(m *cond.Moment) cond.Value {
	return m.Recall(n.m.Number, func() cond.Value { return n.m.Value(m.Profile, m.Now) })
}

// Next is the next moment at which a fact enters (looking back) or leaves.
func (n measureNode) Next(m *cond.Moment) event.Time {
	t := nextOf(m.Profile.Folds[n.m.Fold.Key], n.m.Within, m.Now)
	if n.m.Minus != nil {
		t = cond.Earliest(t, nextOf(m.Profile.Folds[n.m.Minus.Key], n.m.Within, m.Now))
	}
	return t
}

func nextOf(f *profile.Fold, within time.Duration, now event.Time) event.Time {
	return cond.Earliest(f.NextFact(now), f.NextExit(within, now))
}

func (n measureNode) Kind() cond.Kind {
	switch n.m.Kind {
	case Count, Sum:
		return cond.Number
	case Distinct:
		return cond.List
	}
	return cond.Absent // last and first keep what the event has
}

// Limit is the largest number that a window can be compared with.
func (n measureNode) Limit() int {
	if n.m.Kind == Count && n.m.Within > 0 {
		return profile.MaxFacts
	}
	return 0
}

// countNode is a count in a window: it goes up by facts only.
type countNode struct{ measureNode }

// Cross is when so many facts have left the window that the count stands on the
// other side of the limit.
func (n countNode) Cross(m *cond.Moment, limit cond.Limit) event.Time {
	f := m.Profile.Folds[n.m.Fold.Key]
	was := limit.Holds(n.Eval(m))
	at := m.Now
	for f.NextFact(at) != 0 { // it looks back: facts enter as well
		next := nextOf(f, n.m.Within, at)
		if limit.Holds(n.m.Value(m.Profile, next)) != was {
			return next
		}
		at = next
	}
	in := f.In(n.m.Within, at)
	if float64(len(in)) < limit.Number || limit.Number < 0 { // all smaller counts stand where this one does
		return 0
	}
	for i, fact := range in {
		if i+1 < len(in) && in[i+1].T == fact.T || float64(len(in)-i-1) > limit.Number {
			continue
		}
		if limit.Holds(cond.IntOf(int64(len(in)-i-1))) != was {
			return fact.T.Add(n.m.Within)
		}
		if float64(len(in)-i-1) < limit.Number {
			return 0
		}
	}
	return 0
}

// scoreNode is a score within a condition: it decays by itself.
type scoreNode struct{ measureNode }

func (n scoreNode) Kind() cond.Kind { return cond.Score }

// Next is never exact for a moving value; comparisons use Cross instead.
func (n scoreNode) Next(m *cond.Moment) event.Time { return n.measureNode.Next(m) }

// Cross is the first millisecond at which the decaying score stands on the
// other side of the limit. Without new facts a score only shrinks towards zero,
// so it crosses a limit once between two facts.
func (n scoreNode) Cross(m *cond.Moment, limit cond.Limit) event.Time {
	f := m.Profile.Folds[n.m.Fold.Key]
	score := n.Eval(m)
	was := limit.Holds(score)
	differs := func(at event.Time) bool {
		return limit.Holds(cond.ScoreOf(f.ScoreAt(n.m.HalfLife, n.m.Within, at))) != was
	}
	at := m.Now
	for { // each stretch without facts entering or leaving
		end := cond.Earliest(f.NextFact(at), f.NextExit(n.m.Within, at))
		if n.m.HalfLife > 0 {
			if at != m.Now {
				score = n.m.Value(m.Profile, at)
			}
			t := n.reaches(score.Score, at, limit.Number)
			if m.Before == 0 || t <= m.Before {
				t = settle(t, differs)
			}
			if t != 0 && (end == 0 || t < end) {
				return t
			}
		}
		if end == 0 {
			return 0
		}
		if differs(end) {
			return end
		}
		at = end
	}
}

// reaches solves s·2^(-Δ/halfLife) = limit, s being the score at `at`: up to two
// milliseconds before the score stands on the other side; 0: never.
func (n scoreNode) reaches(s float64, at event.Time, limit float64) event.Time {
	if s == 0 || limit == 0 || s/limit <= 0 || math.Abs(s) < math.Abs(limit) {
		return 0 // moves away from the limit, or never reaches it
	}
	t := at + event.Time(math.Ceil(float64(n.m.HalfLife.Milliseconds())*math.Log2(s/limit)))
	return max(t-2, at+1)
}

// settle finds the millisecond by judging.
func settle(t event.Time, differs func(event.Time) bool) event.Time {
	if t == 0 {
		return 0
	}
	for range 8 {
		if differs(t) {
			return t
		}
		t++
	}
	return 0
}

// absentNode is true when neither the event nor the first contact is younger
// than the duration.
type absentNode struct {
	fold *Fold
	d    time.Duration
}

func (n absentNode) due(m *cond.Moment) event.Time {
	at := m.Profile.FirstSeen
	if last := m.Profile.Folds[n.fold.Key].LastAt(0, m.Now); last != nil && last.T > at {
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
