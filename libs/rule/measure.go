package rule

import (
	"math"
	"sort"
	"time"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/calendar"
	"github.com/tagwire/tagwire/libs/rule/cond"
)

// view is the stretch that the measure looks at as of a moment.
func (m *Measure) view(now event.Time) profile.View {
	switch {
	case m.Per != "":
		from, _ := calendar.Period(m.Per, now, m.zone)
		return profile.View{Lo: from - 1, Hi: now}
	case len(m.Between) == 2:
		return profile.View{Lo: now.Add(-m.Between[1]), Hi: now.Add(-m.Between[0])}
	case m.Within > 0:
		return profile.View{Lo: now.Add(-m.Within), Hi: now}
	}
	return profile.Ever(now)
}

// Value reads the measure of a profile as of a moment.
func (m *Measure) Value(p *profile.Profile, now event.Time) cond.Value {
	f, v := p.Folds[m.Fold.Key], m.view(now)
	switch m.Kind {
	case Count:
		n := cond.IntOf(f.CountAt(v))
		n.More = !v.Lifetime && f.Full(v)
		return n
	case Sum:
		return cond.NumberOf(m.sum(p, v))
	case Avg:
		if mean, ok := f.AverageAt(v); ok {
			return cond.NumberOf(mean)
		}
		return cond.Value{}
	case Min:
		return numberOf(f.LeastAt(v))
	case Max:
		return numberOf(f.GreatestAt(v))
	case Last:
		return factValue(f.LastAt(v))
	case First:
		return factValue(f.FirstAt(v))
	case Distinct:
		return cond.ListOf(f.DistinctAt(v))
	case Top:
		return textOrAbsent(f.TopAt(v))
	case Sequence:
		return cond.IntOf(m.completions(f, now))
	case TimeSince:
		if last := f.LastAt(v); last != nil {
			return cond.SpanOf(now.Sub(last.T))
		}
		return cond.Value{}
	}
	return cond.ScoreOf(f.ScoreAt(m.HalfLife, v, now))
}

// Text is the measure for people as of a moment.
func (m *Measure) Text(p *profile.Profile, now event.Time) string {
	if m.factless(p) {
		return m.nothing
	}
	return m.Value(p, now).String()
}

func (m *Measure) sum(p *profile.Profile, v profile.View) decimal.Decimal {
	sum := p.Folds[m.Fold.Key].SumAt(v)
	if m.Minus == nil {
		return sum
	}
	d, err := sum.Sub(p.Folds[m.Minus.Key].SumAt(v))
	if err != nil {
		return sum
	}
	return d
}

// completions are how often the sequence was completed, ever or within Over.
func (m *Measure) completions(f *profile.Fold, now event.Time) int64 {
	times, earlier, _ := f.Completed(*m.Fold.Shape.Steps, now)
	if m.Over == 0 {
		return earlier + int64(len(times))
	}
	floor := now.Add(-m.Over)
	return int64(len(times) - sort.Search(len(times), func(i int) bool { return times[i] > floor }))
}

// Exact is false when facts were let go that the value needs.
func (m *Measure) Exact(p *profile.Profile) bool {
	f := p.Folds[m.Fold.Key]
	if f == nil || !f.More {
		return true
	}
	v := m.view(p.Clock)
	return !v.Lifetime && !f.Full(v)
}

func numberOf(f *profile.Fact) cond.Value {
	if f == nil {
		return cond.Value{}
	}
	return cond.NumberOf(f.N)
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

// Next is the next moment at which a fact enters (looking back, or into a window
// that does not touch now) or leaves.
func (n measureNode) Next(m *cond.Moment) event.Time {
	t := n.m.moves(m.Profile.Folds[n.m.Fold.Key], m.Now)
	if n.m.Minus != nil {
		t = cond.Earliest(t, n.m.moves(m.Profile.Folds[n.m.Minus.Key], m.Now))
	}
	return t
}

// moves is when the view of a fold holds another set of facts than now.
func (m *Measure) moves(f *profile.Fold, now event.Time) event.Time {
	v := m.view(now)
	next := f.NextFact(v.Hi)
	switch {
	case m.Kind == Sequence:
		return m.sequenceMoves(f, now)
	case m.Per != "":
		if f.Any(v) {
			_, end := calendar.Period(m.Per, now, m.zone)
			next = cond.Earliest(next, end)
		}
	case len(m.Between) == 2:
		if next != 0 {
			next = next.Add(m.Between[0])
		}
		next = cond.Earliest(next, f.Exit(v, m.Between[1]))
	case m.Within > 0:
		next = cond.Earliest(next, f.Exit(v, m.Within))
	}
	return next
}

// sequenceMoves is when a sequence completes by itself, or a completion leaves
// the time over which they are counted.
func (m *Measure) sequenceMoves(f *profile.Fold, now event.Time) event.Time {
	times, _, next := f.Completed(*m.Fold.Shape.Steps, now)
	next = cond.Earliest(next, f.NextFact(now))
	if m.Over > 0 {
		floor := now.Add(-m.Over)
		if i := sort.Search(len(times), func(i int) bool { return times[i] > floor }); i < len(times) {
			return cond.Earliest(next, times[i].Add(m.Over))
		}
	}
	return next
}

func (n measureNode) Kind() cond.Kind {
	switch n.m.Kind {
	case Count, Sum, Avg, Min, Max, Sequence:
		return cond.Number
	case Distinct:
		return cond.List
	case Top:
		return cond.Text
	case TimeSince:
		return cond.Span
	}
	return cond.Absent // last and first keep what the event has
}

// Limit is the largest number that a window can be compared with.
func (n measureNode) Limit() int {
	if n.m.Kind == Count && n.m.far() > 0 || n.m.Kind == Distinct {
		return profile.MaxFacts
	}
	return 0
}

// countNode is a count within a time that ends now: it goes up by facts only.
type countNode struct{ measureNode }

// Cross is when so many facts have left the window that the count stands on the
// other side of the limit.
func (n countNode) Cross(m *cond.Moment, limit cond.Limit) event.Time {
	f := m.Profile.Folds[n.m.Fold.Key]
	was := limit.Holds(n.Eval(m))
	at := m.Now
	for f.NextFact(at) != 0 { // it looks back: facts enter as well
		next := n.m.moves(f, at)
		if limit.Holds(n.m.Value(m.Profile, next)) != was {
			return next
		}
		at = next
	}
	in := f.In(n.m.view(at))
	if float64(len(in)) < limit.Number || limit.Number < 0 { // all smaller counts stand where this one does
		return 0
	}
	first := max(0, int(math.Ceil(float64(len(in)-1)-limit.Number))) // before it the count stands above the limit
	for i := first; i < len(in); i++ {
		fact := in[i]
		if i+1 < len(in) && in[i+1].T == fact.T {
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

// Rough is the score up to an error that it does not pass.
func (n scoreNode) Rough(m *cond.Moment) (score, within float64, ok bool) {
	if n.m.Within > 0 {
		return 0, 0, false
	}
	return m.Profile.Folds[n.m.Fold.Key].RoughScoreAt(n.m.HalfLife, m.Now)
}

// holds answers the limit as of a moment; the facts are added up only where the limit
// is so near that nothing else tells.
func (n scoreNode) holds(m *cond.Moment, limit cond.Limit) bool {
	if s, within, ok := n.Rough(m); ok && math.Abs(s-limit.Number) > within {
		return limit.Holds(cond.ScoreOf(s))
	}
	return limit.Holds(n.Eval(m))
}

// near is the score as of a moment, good enough to find the moment of a crossing: the
// error moves it by less than half a millisecond.
func (n scoreNode) near(m *cond.Moment) float64 {
	if s, within, ok := n.Rough(m); ok && within/math.Ln2*float64(n.m.HalfLife.Milliseconds()) < math.Abs(s)/2 {
		return s
	}
	return n.Eval(m).Score
}

// Cross is the first millisecond at which the decaying score stands on the
// other side of the limit. Without new facts a score only shrinks towards zero,
// so it crosses a limit once between two facts.
func (n scoreNode) Cross(m *cond.Moment, limit cond.Limit) event.Time {
	f := m.Profile.Folds[n.m.Fold.Key]
	was := n.holds(m, limit)
	at := *m
	differs := func(t event.Time) bool {
		then := cond.Moment{Now: t, Profile: m.Profile}
		return n.holds(&then, limit) != was
	}
	for { // each stretch without facts entering or leaving
		end := n.m.moves(f, at.Now)
		if n.m.HalfLife > 0 {
			t := n.reaches(n.near(&at), at.Now, limit.Number)
			if m.Before == 0 || t <= m.Before {
				t = settle(t, differs)
			}
			if t == 0 && limit.Number == 0 {
				t = n.fades(f, at.Now)
			}
			if t != 0 && (end == 0 || t < end) && (limit.Number != 0 || differs(t)) {
				return t
			}
		}
		if end == 0 {
			return 0
		}
		if differs(end) {
			return end
		}
		at.Now = end
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

// longest is how far ahead a moment is looked for: times are kept in nanoseconds too.
const longest = 100 * 365 * 24 * time.Hour

// fades is when nothing is left of the score; 0: never, or nobody will see it.
func (n scoreNode) fades(f *profile.Fold, now event.Time) event.Time {
	last := f.LastAt(n.m.view(now))
	if last == nil || n.m.HalfLife > longest/profile.Faded {
		return 0
	}
	if t := last.T.Add(profile.Faded*n.m.HalfLife) + 1; t > now {
		return t
	}
	return 0
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
