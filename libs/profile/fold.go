package profile

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
)

// Fact is one event as a fold keeps it.
type Fact struct {
	_ struct{} `cbor:",toarray"`
	T event.Time
	H uint64          // IDHash of the event
	N decimal.Decimal // amount, points
	S string          // value of distinct, last, first
}

func compareFact(a, b Fact) int { return cmp.Or(cmp.Compare(a.T, b.T), cmp.Compare(a.H, b.H)) }

// Fold is the state of one measure. Facts are distinct and ordered by (time,
// id). A windowed fold keeps its window; one for a lifetime keeps totals, and as
// facts those of the last Horizon, so that it can be read as of a moment within.
type Fold struct {
	Facts []Fact                `cbor:"1,keyasint,omitempty"`
	Count int64                 `cbor:"2,keyasint,omitempty"` // lifetime
	Sum   decimal.Decimal       `cbor:"3,keyasint,omitzero"`  // lifetime
	First *Fact                 `cbor:"4,keyasint,omitempty"`
	Last  *Fact                 `cbor:"5,keyasint,omitempty"` // newest fact before Facts, for `last`
	Seen  map[string]event.Time `cbor:"6,keyasint,omitempty"` // distinct: value → first time it came; windowed: newest
	More  bool                  `cbor:"7,keyasint,omitempty"` // facts were folded away: counts are at least, sums inexact
}

// Shape says how a fold keeps its facts: what the measure needs, nothing of the
// rule's name, so that a renamed measure keeps its state.
type Shape struct {
	Window time.Duration // 0: lifetime
	Keep   time.Duration // how far back facts are kept: Window + Horizon, for lifetimes Horizon
	Score  bool          // facts are kept whatever their age, up to MaxFacts
}

// Add folds a fact in; the caller has made sure that the event is new to the
// profile. clock is the profile's, at least f.T.
func (f *Fold) Add(s Shape, fact Fact, clock event.Time) {
	i, found := slices.BinarySearchFunc(f.Facts, fact, compareFact)
	if found {
		return
	}
	f.Facts = slices.Insert(f.Facts, i, fact)
	if s.Window == 0 && !s.Score {
		f.Count++
		f.Sum = addDecimal(f.Sum, fact.N, &f.More)
		if f.First == nil || compareFact(fact, *f.First) < 0 {
			first := fact
			f.First = &first
		}
		if fact.S != "" {
			if f.Seen == nil {
				f.Seen = map[string]event.Time{}
			}
			if t, ok := f.Seen[fact.S]; !ok && len(f.Seen) >= MaxValues {
				f.More = true
			} else if !ok || fact.T < t {
				f.Seen[fact.S] = fact.T
			}
		}
	}
	f.trim(s, clock)
}

// trim drops facts that no view can need any more.
func (f *Fold) trim(s Shape, clock event.Time) {
	drop := 0
	if !s.Score {
		floor := clock.Add(-s.Keep)
		for drop < len(f.Facts) && f.Facts[drop].T <= floor {
			drop++
		}
	}
	if over := len(f.Facts) - 2*MaxFacts; over > drop { // the window's newest 1,000 and as many on their way
		drop = over
		if s.Window > 0 || s.Score {
			f.More = true
		}
	}
	if drop == 0 {
		return
	}
	if s.Window == 0 && !s.Score {
		last := f.Facts[drop-1]
		if f.Last == nil || compareFact(last, *f.Last) > 0 {
			f.Last = &last
		}
	}
	f.Facts = slices.Delete(f.Facts, 0, drop)
}

// upTo is the number of facts with time ≤ now.
func (f *Fold) upTo(now event.Time) int {
	return sort.Search(len(f.Facts), func(i int) bool { return f.Facts[i].T > now })
}

// In are the facts of (now-window, now]; without a window all up to now that
// are kept. At most the newest MaxFacts.
func (f *Fold) In(window time.Duration, now event.Time) []Fact {
	if f == nil {
		return nil
	}
	hi := f.upTo(now)
	lo := 0
	if window > 0 {
		lo = f.upTo(now.Add(-window))
	}
	return f.Facts[max(lo, hi-MaxFacts):hi]
}

// CountAt is the number of facts as of now, within a window or a lifetime.
func (f *Fold) CountAt(window time.Duration, now event.Time) int64 {
	if f == nil {
		return 0
	}
	if window > 0 {
		return int64(len(f.In(window, now)))
	}
	return f.Count - int64(len(f.Facts)-f.upTo(now))
}

// SumAt is the sum of the facts' numbers as of now.
func (f *Fold) SumAt(window time.Duration, now event.Time) decimal.Decimal {
	if f == nil {
		return decimal.Decimal{}
	}
	var inexact bool
	if window > 0 {
		var s decimal.Decimal
		for _, fact := range f.In(window, now) {
			s = addDecimal(s, fact.N, &inexact)
		}
		return s
	}
	s := f.Sum
	for _, fact := range f.Facts[f.upTo(now):] {
		s = addDecimal(s, fact.N.Neg(), &inexact)
	}
	return s
}

// LastAt is the newest fact as of now, nil when there is none.
func (f *Fold) LastAt(window time.Duration, now event.Time) *Fact {
	if f == nil {
		return nil
	}
	if in := f.In(window, now); len(in) > 0 {
		return &in[len(in)-1]
	}
	if window == 0 {
		return f.Last
	}
	return nil
}

// FirstAt is the oldest fact as of now, nil when there is none.
func (f *Fold) FirstAt(window time.Duration, now event.Time) *Fact {
	if f == nil {
		return nil
	}
	if window == 0 {
		if f.First == nil || f.First.T > now {
			return nil
		}
		return f.First
	}
	if in := f.In(window, now); len(in) > 0 {
		return &in[0]
	}
	return nil
}

// DistinctAt are the distinct values as of now, sorted.
func (f *Fold) DistinctAt(window time.Duration, now event.Time) []string {
	if f == nil {
		return nil
	}
	var out []string
	if window == 0 {
		for v, t := range f.Seen {
			if t <= now {
				out = append(out, v)
			}
		}
		slices.Sort(out)
		return out
	}
	for _, fact := range f.In(window, now) {
		out = append(out, fact.S)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// ScoreAt is the sum of points, each halved for every halfLife of its age; no
// half-life: the plain sum. The order of addition is that of (time, id).
func (f *Fold) ScoreAt(halfLife, window time.Duration, now event.Time) float64 {
	var s float64
	for _, fact := range f.In(window, now) {
		p := float(fact.N)
		if halfLife > 0 {
			p *= math.Exp2(-float64(now.Sub(fact.T)) / float64(halfLife))
		}
		s += p
	}
	return s
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

// NextFact is the time of the first kept fact after now, 0 when there is none.
func (f *Fold) NextFact(now event.Time) event.Time {
	if f == nil {
		return 0
	}
	if i := f.upTo(now); i < len(f.Facts) {
		return f.Facts[i].T
	}
	return 0
}

// NextExit is the next moment at which a fact leaves the window, 0 when none is
// in it.
func (f *Fold) NextExit(window time.Duration, now event.Time) event.Time {
	if f == nil || window == 0 {
		return 0
	}
	if in := f.In(window, now); len(in) > 0 {
		return in[0].T.Add(window)
	}
	return 0
}

// Merge adds another customer's fold: facts and sets as sets, lifetime totals
// once (the caller keeps merge ids).
func (f *Fold) Merge(s Shape, o *Fold, clock event.Time) {
	f.Count += o.Count
	f.Sum = addDecimal(f.Sum, o.Sum, &f.More)
	f.More = f.More || o.More
	have := make(map[uint64]event.Time, len(f.Facts))
	for _, fact := range f.Facts {
		have[fact.H] = fact.T
	}
	for _, fact := range o.Facts {
		if t, again := have[fact.H]; again { // the same event reached both: totals hold it twice
			if s.Window == 0 && !s.Score {
				f.Count--
				f.Sum = addDecimal(f.Sum, fact.N.Neg(), &f.More)
			}
			if t <= fact.T {
				continue
			}
			if i, ok := slices.BinarySearchFunc(f.Facts, Fact{T: t, H: fact.H}, compareFact); ok {
				f.Facts = slices.Delete(f.Facts, i, i+1) // its sender stamped it anew: the first stamp stands
			}
		}
		have[fact.H] = fact.T
		i, _ := slices.BinarySearchFunc(f.Facts, fact, compareFact)
		f.Facts = slices.Insert(f.Facts, i, fact)
	}
	if o.First != nil && (f.First == nil || compareFact(*o.First, *f.First) < 0) {
		f.First = o.First
	}
	if o.Last != nil && (f.Last == nil || compareFact(*o.Last, *f.Last) > 0) {
		f.Last = o.Last
	}
	for v, t := range o.Seen {
		if f.Seen == nil {
			f.Seen = map[string]event.Time{}
		}
		if old, ok := f.Seen[v]; !ok && len(f.Seen) >= MaxValues {
			f.More = true
		} else if !ok || t < old {
			f.Seen[v] = t
		}
	}
	f.trim(s, clock)
}

// addDecimal adds money; a sum beyond 19 digits sets inexact and stays.
func addDecimal(a, b decimal.Decimal, inexact *bool) decimal.Decimal {
	s, err := a.Add(b)
	if err != nil {
		*inexact = true
		return a
	}
	return s
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
