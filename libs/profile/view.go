package profile

import (
	"iter"
	"maps"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
)

// View is the stretch of time that a measure looks at: (Lo, Hi]. A lifetime
// begins before everything.
type View struct {
	Lo, Hi   event.Time
	Lifetime bool // Lo is not looked at
}

// Ever is a lifetime as of now.
func Ever(now event.Time) View { return View{Hi: now, Lifetime: true} }

// upTo is the number of facts with time ≤ now.
func (f *Fold) upTo(now event.Time) int {
	return sort.Search(len(f.Facts), func(i int) bool { return f.Facts[i].T > now })
}

// In are the kept facts of the view, at most the newest MaxFacts.
func (f *Fold) In(v View) []Fact {
	if f == nil {
		return nil
	}
	hi := f.upTo(v.Hi)
	lo := 0
	if !v.Lifetime {
		lo = f.upTo(v.Lo)
	}
	return f.Facts[max(lo, hi-MaxFacts, 0):max(lo, hi)]
}

// CountAt is the number of facts of the view.
func (f *Fold) CountAt(v View) int64 {
	switch {
	case f == nil:
		return 0
	case v.Lifetime:
		return f.Count - int64(len(f.Facts)-f.upTo(v.Hi))
	}
	return int64(len(f.In(v)))
}

// SumAt is the sum of the facts' numbers; of a window that is full, what was let
// go comes in by the hour.
func (f *Fold) SumAt(v View) decimal.Decimal {
	if f == nil {
		return decimal.Decimal{}
	}
	var inexact bool
	if !v.Lifetime {
		var s decimal.Decimal
		f.beyond(v, func(n decimal.Decimal, _ event.Time) { s = addDecimal(s, n, &inexact) })
		for _, fact := range f.In(v) {
			s = addDecimal(s, fact.N, &inexact)
		}
		return s
	}
	s := f.Sum
	for _, fact := range f.Facts[f.upTo(v.Hi):] {
		s = addDecimal(s, fact.N.Neg(), &inexact)
	}
	return s
}

// Any says that something of the view is known to have happened.
func (f *Fold) Any(v View) bool {
	if f == nil {
		return false
	}
	return len(f.In(v)) > 0 || slices.ContainsFunc(f.Hours, func(h Hour) bool { return h.T > v.Lo && h.T <= v.Hi })
}

// beyond are the facts of a full view that In leaves out, and the hours behind
// them: what sums and scores still count.
func (f *Fold) beyond(v View, each func(decimal.Decimal, event.Time)) {
	for _, h := range f.Hours {
		if (v.Lifetime || h.T > v.Lo) && h.T <= v.Hi {
			each(h.N, h.T)
		}
	}
	hi, lo := f.upTo(v.Hi), 0
	if !v.Lifetime {
		lo = f.upTo(v.Lo)
	}
	for i := lo; i < hi-MaxFacts; i++ {
		each(f.Facts[i].N, f.Facts[i].T)
	}
}

// AverageAt is the mean of the facts' numbers; absent when there is none.
func (f *Fold) AverageAt(v View) (decimal.Decimal, bool) {
	n := f.CountAt(v)
	if n <= 0 {
		return decimal.Decimal{}, false
	}
	var sum decimal.Decimal
	if v.Lifetime {
		sum = f.SumAt(v)
	} else {
		var inexact bool
		for _, fact := range f.In(v) {
			sum = addDecimal(sum, fact.N, &inexact)
		}
	}
	mean, err := sum.Quo(decimal.MustNew(n, 0))
	return mean, err == nil
}

// LeastAt and GreatestAt are the extreme numbers of the view, nil when it is empty.
func (f *Fold) LeastAt(v View) *Fact {
	if f == nil {
		return nil
	}
	var best *Fact
	if v.Lifetime {
		best = f.Low
	}
	in := f.In(v)
	for i := range in {
		best = lower(best, &in[i])
	}
	return best
}

// GreatestAt is the fact with the greatest number of the view.
func (f *Fold) GreatestAt(v View) *Fact {
	if f == nil {
		return nil
	}
	var best *Fact
	if v.Lifetime {
		best = f.High
	}
	in := f.In(v)
	for i := range in {
		best = higher(best, &in[i])
	}
	return best
}

// LastAt is the newest fact of the view, nil when there is none.
func (f *Fold) LastAt(v View) *Fact {
	if f == nil {
		return nil
	}
	if in := f.In(v); len(in) > 0 {
		return &in[len(in)-1]
	}
	if v.Lifetime {
		return f.Last
	}
	return nil
}

// FirstAt is the oldest fact of the view, nil when there is none.
func (f *Fold) FirstAt(v View) *Fact {
	if f == nil {
		return nil
	}
	if v.Lifetime {
		if f.First == nil || f.First.T > v.Hi {
			return nil
		}
		return f.First
	}
	if in := f.In(v); len(in) > 0 {
		return &in[0]
	}
	return nil
}

// Before is the newest fact before the one that stands at i of the kept facts.
func (f *Fold) Before(i int) *Fact {
	if i > 0 {
		return &f.Facts[i-1]
	}
	return f.Last
}

// DistinctAt are the distinct values of the view, sorted.
func (f *Fold) DistinctAt(v View) []string {
	if f == nil {
		return nil
	}
	var out []string
	if v.Lifetime {
		for value, t := range f.Seen {
			if t <= v.Hi {
				out = append(out, value)
			}
		}
		slices.Sort(out)
		return out
	}
	for _, fact := range f.In(v) {
		out = append(out, fact.S)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TopAt is the value that came most often in the view; of equals the smaller text.
func (f *Fold) TopAt(v View) string {
	if f == nil {
		return ""
	}
	var n map[string]int64
	if v.Lifetime {
		n = make(map[string]int64, len(f.Tally))
		maps.Copy(n, f.Tally)
		for _, fact := range f.Facts[f.upTo(v.Hi):] {
			n[fact.S]--
		}
	} else {
		in := f.In(v)
		n = make(map[string]int64, len(in))
		for _, fact := range in {
			n[fact.S]++
		}
	}
	top, most := "", int64(0)
	for value, k := range n {
		if k > most || k == most && k > 0 && value < top {
			top, most = value, k
		}
	}
	return top
}

// Faded is after how many half-lives nothing is left of a score: long before a number
// is too small to be told from none.
const Faded = 900

// ScoreAt is the sum of points, each halved for every halfLife of its age; no
// half-life: the plain sum. The order of addition is that of (time, id). When the newest
// has faded it is nothing. It is added up as of the newest fact and then decays as a
// whole: between two facts it only shrinks, and what adds up to nothing stays nothing,
// whenever somebody looks.
func (f *Fold) ScoreAt(halfLife time.Duration, v View, now event.Time) float64 {
	if f == nil {
		return 0
	}
	in := f.In(v)
	newest, any := event.Time(0), len(in) > 0
	if any {
		newest = in[len(in)-1].T
	} else {
		f.beyond(v, func(_ decimal.Decimal, t event.Time) { newest, any = max(newest, t), true })
	}
	if !any || halfLife > 0 && hasFaded(halfLife, newest, now) {
		return 0
	}
	var s float64
	add := func(n decimal.Decimal, t event.Time) { s += float(n) * decayed(halfLife, t, newest) }
	f.beyond(v, add)
	for _, fact := range in {
		add(fact.N, fact.T)
	}
	return s * decayed(halfLife, newest, now)
}

// decayed is what is left of a point after a time.
func decayed(halfLife time.Duration, from, to event.Time) float64 {
	if halfLife <= 0 || from == to {
		return 1
	}
	return math.Exp2(-float64(to.Sub(from)) / float64(halfLife))
}

func hasFaded(halfLife time.Duration, at, now event.Time) bool {
	return float64(now.Sub(at)) > Faded*float64(halfLife)
}

// Full says that the view holds as many facts as are kept of one, or more.
func (f *Fold) Full(v View) bool { return f != nil && len(f.In(v)) >= MaxFacts }

// Exit is when the next fact leaves a view that is `far` long, 0 when none is in it.
func (f *Fold) Exit(v View, far time.Duration) event.Time {
	if f == nil {
		return 0
	}
	for _, h := range f.Hours {
		if h.T > v.Lo && h.T <= v.Hi {
			return h.T.Add(far)
		}
	}
	if lo := f.upTo(v.Lo); lo < f.upTo(v.Hi) {
		return f.Facts[lo].T.Add(far)
	}
	return 0
}

// Leaving are the numbers of which SumAt of a window is made, each with its time, in
// the order in which they leave it.
func (f *Fold) Leaving(v View) iter.Seq2[event.Time, decimal.Decimal] {
	facts := f.Facts[f.upTo(v.Lo):max(f.upTo(v.Lo), f.upTo(v.Hi))]
	hours := f.Hours
	return func(yield func(event.Time, decimal.Decimal) bool) {
		for len(hours) > 0 || len(facts) > 0 {
			if len(facts) == 0 || len(hours) > 0 && hours[0].T <= facts[0].T {
				h := hours[0]
				if hours = hours[1:]; h.T > v.Lo && h.T <= v.Hi && !yield(h.T, h.N) {
					return
				}
				continue
			}
			fact := facts[0]
			if facts = facts[1:]; !yield(fact.T, fact.N) {
				return
			}
		}
	}
}

// float is d.Float64 without its way through text: below 2^53 and 10^22 the
// quotient of two exact numbers is the nearest there is.
func float(d decimal.Decimal) float64 {
	coef, scale := d.Coef(), d.Scale()
	if coef >= 1<<53 || scale > 22 {
		f, _ := d.Float64()
		return f
	}
	f := float64(coef) / powersOfTen[scale]
	if d.IsNeg() {
		return -f
	}
	return f
}

var powersOfTen = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// NextFact is the time of the first kept fact after a moment, 0 when there is none.
func (f *Fold) NextFact(after event.Time) event.Time {
	if f == nil {
		return 0
	}
	if i := f.upTo(after); i < len(f.Facts) {
		return f.Facts[i].T
	}
	return 0
}
