package profile

import (
	"cmp"
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

// CompareFact orders facts by (time, id).
func CompareFact(a, b Fact) int { return cmp.Or(cmp.Compare(a.T, b.T), cmp.Compare(a.H, b.H)) }

// Keeps says what a fold keeps beside the facts themselves: what was seen in a
// lifetime, whatever has been trimmed since.
type Keeps uint8

// What a fold may keep of a lifetime.
const (
	KeepTotals   Keeps = 1 << iota // count and sum
	KeepEnds                       // the first fact and the newest trimmed one
	KeepValues                     // distinct values, each with the first time it came
	KeepTally                      // how often each value came
	KeepExtremes                   // the least and the greatest number that was trimmed
	KeepHours                      // what a full window had to let go, by the hour
)

// Shape says how a fold keeps its facts: what all measures that read it need,
// nothing of their names, so that a renamed measure keeps its state.
type Shape struct {
	Keep  time.Duration // how far back facts are kept: the widest window + Horizon, for lifetimes Horizon
	Score bool          // facts are kept whatever their age, up to 2·MaxFacts
	Keeps Keeps
	Steps *Steps // of a sequence
}

// Covers says that a fold of this shape has all that one of shape o has.
func (s Shape) Covers(o Shape) bool {
	return s.Keeps&o.Keeps == o.Keeps && (s.Score || !o.Score && s.Keep >= o.Keep)
}

// Fold is the state of the measures that read the same facts. Facts are distinct
// and ordered by (time, id). Beside the facts of its windows it keeps what its
// Shape says of the whole lifetime.
type Fold struct {
	Facts []Fact                `cbor:"1,keyasint,omitempty"`
	Count int64                 `cbor:"2,keyasint,omitempty"` // lifetime
	Sum   decimal.Decimal       `cbor:"3,keyasint,omitzero"`  // lifetime
	First *Fact                 `cbor:"4,keyasint,omitempty"`
	Last  *Fact                 `cbor:"5,keyasint,omitempty"`  // newest fact before Facts, for `last`
	Seen  map[string]event.Time `cbor:"6,keyasint,omitempty"`  // value → first time it came
	More  bool                  `cbor:"7,keyasint,omitempty"`  // facts were let go that a window or a set needs: counts are at least, sums inexact
	Tally map[string]int64      `cbor:"8,keyasint,omitempty"`  // value → how often it came
	Low   *Fact                 `cbor:"9,keyasint,omitempty"`  // of those before Facts
	High  *Fact                 `cbor:"10,keyasint,omitempty"` // likewise
	Hours []Hour                `cbor:"11,keyasint,omitempty"` // of those that a full window let go, oldest first
	Chain *Chain                `cbor:"12,keyasint,omitempty"` // of a sequence: where it stood before Facts
	Keeps Keeps                 `cbor:"13,keyasint,omitempty"` // by which it has been kept

	rough  rough
	walks  walks
	levels foldLevels
}

// Hour is what a full window let go within one hour.
type Hour struct {
	_ struct{}        `cbor:",toarray"`
	T event.Time      // of the first fact
	N decimal.Decimal // sum of the numbers
}

const hourLong = event.Time(time.Hour / time.Millisecond)

// Add folds a fact in; the caller has made sure that the event is new to the
// profile. clock is the profile's, at least f.T.
func (f *Fold) Add(s Shape, fact Fact, clock event.Time) {
	i, found := slices.BinarySearchFunc(f.Facts, fact, CompareFact)
	if found {
		return
	}
	f.Fit(s)
	f.Facts = slices.Insert(f.Facts, i, fact)
	f.walks.meet(fact)
	if i < f.rough.n {
		f.rough = rough{}
	}
	f.total(s, fact)
	f.trim(s, clock)
}

// Fit begins to keep what a newer shape wants, from the facts that are there, and
// lets go of what no measure reads any more.
func (f *Fold) Fit(s Shape) {
	if f.Keeps == s.Keeps {
		return
	}
	gone, begun := f.Keeps&^s.Keeps, s
	begun.Keeps = s.Keeps &^ f.Keeps
	if gone&KeepTotals != 0 {
		f.Count, f.Sum = 0, decimal.Decimal{}
	}
	if gone&KeepEnds != 0 {
		f.First, f.Last = nil, nil
	}
	if gone&KeepValues != 0 {
		f.Seen = nil
	}
	if gone&KeepTally != 0 {
		f.Tally = nil
	}
	if gone&KeepExtremes != 0 {
		f.Low, f.High = nil, nil
	}
	if gone&KeepHours != 0 {
		f.Hours = nil
	}
	f.Keeps = s.Keeps
	for _, fact := range f.Facts {
		f.total(begun, fact)
	}
}

// total adds a fact to what is kept of a lifetime.
func (f *Fold) total(s Shape, fact Fact) {
	if s.Keeps&KeepTotals != 0 {
		f.Count++
		f.Sum = addDecimal(f.Sum, fact.N, &f.More)
	}
	if s.Keeps&KeepEnds != 0 && (f.First == nil || CompareFact(fact, *f.First) < 0) {
		first := fact
		f.First = &first
	}
	if s.Keeps&KeepValues != 0 && fact.S != "" {
		f.see(fact.S, fact.T)
	}
	if s.Keeps&KeepTally != 0 && fact.S != "" {
		f.tally(fact.S, 1)
	}
}

func (f *Fold) see(value string, at event.Time) {
	if f.Seen == nil {
		f.Seen = map[string]event.Time{}
	}
	if t, ok := f.Seen[value]; !ok && len(f.Seen) >= MaxValues {
		f.More = true
	} else if !ok || at < t {
		f.Seen[value] = at
	}
}

func (f *Fold) tally(value string, n int64) {
	if f.Tally == nil {
		f.Tally = map[string]int64{}
	}
	if _, ok := f.Tally[value]; !ok && len(f.Tally) >= MaxValues {
		f.More = true
		return
	}
	f.Tally[value] += n
}

// trim drops facts that no view can need any more.
func (f *Fold) trim(s Shape, clock event.Time) {
	drop := 0
	if !s.Score {
		floor := clock.Add(-s.Keep)
		for drop < len(f.Facts) && f.Facts[drop].T <= floor {
			drop++
		}
		if gone := sort.Search(len(f.Hours), func(i int) bool { return f.Hours[i].T > floor }); gone > 0 {
			f.Hours = slices.Clone(f.Hours[gone:])
		}
	}
	old := drop
	if over := len(f.Facts) - 2*MaxFacts; over > drop { // the window's newest 1,000 and as many on their way
		drop = over
		f.More = f.More || s.Score || s.Keep > Horizon
	}
	if drop == 0 {
		return
	}
	if f.rough.n -= drop; f.rough.n <= 0 || old > 0 || s.Keeps&KeepHours == 0 {
		f.rough = rough{}
	}
	if s.Steps != nil {
		f.checkpoint(s, drop)
	}
	f.letGo(s, f.Facts[:drop], old)
	clear(f.Facts[:drop]) // their texts are nobody's any more; what stays need not move
	if f.Facts = f.Facts[drop:]; len(f.Facts) == 0 {
		f.Facts = nil
	}
}

// letGo keeps of the facts that are dropped what the shape wants; those from
// `old` on still stand in a window.
func (f *Fold) letGo(s Shape, facts []Fact, old int) {
	last := facts[len(facts)-1]
	if s.Keeps&KeepEnds != 0 && (f.Last == nil || CompareFact(last, *f.Last) > 0) {
		f.Last = &last
	}
	if s.Keeps&KeepExtremes != 0 {
		for _, fact := range facts {
			f.Low, f.High = lower(f.Low, &fact), higher(f.High, &fact)
		}
	}
	if s.Keeps&KeepHours != 0 {
		for _, fact := range facts[old:] {
			f.hour(fact.T, fact.N)
		}
	}
}

// checkpoint takes the first of the facts into the chain.
func (f *Fold) checkpoint(s Shape, drop int) {
	if f.Chain == nil {
		f.Chain = &Chain{}
	}
	f.walks.letGo(f.Facts, drop, f.Chain.Upto)
	f.Chain.walk(*s.Steps, f.Facts[:drop])
}

// hour adds to an hour; beyond MaxFacts hours the oldest two become one.
func (f *Fold) hour(t event.Time, n decimal.Decimal) {
	i, found := slices.BinarySearchFunc(f.Hours, t, func(h Hour, t event.Time) int { return cmp.Compare(h.T/hourLong, t/hourLong) })
	if !found {
		f.Hours = slices.Insert(f.Hours, i, Hour{T: t})
	}
	if t < f.Hours[i].T { // the hour becomes older
		f.Hours[i].T, f.rough = t, rough{}
	}
	f.rough.moved(n, t, f.Hours[i].T)
	f.Hours[i].N = addDecimal(f.Hours[i].N, n, &f.More)
	if len(f.Hours) > MaxFacts {
		f.rough.moved(f.Hours[0].N, f.Hours[0].T, f.Hours[1].T)
		f.Hours[1].N = addDecimal(f.Hours[1].N, f.Hours[0].N, &f.More)
		f.Hours = slices.Delete(f.Hours, 0, 1)
	}
}

func lower(a, b *Fact) *Fact {
	if a == nil || b != nil && order(a, b) > 0 {
		return b
	}
	return a
}

// order is that of the numbers, of equal ones that of the facts.
func order(a, b *Fact) int {
	if c := a.N.Cmp(b.N); c != 0 {
		return c
	}
	return CompareFact(*a, *b)
}

func higher(a, b *Fact) *Fact {
	if a == nil || b != nil && order(a, b) < 0 {
		return b
	}
	return a
}

// Merge adds another customer's fold: facts and sets as sets, lifetime totals
// once (the caller keeps merge ids).
func (f *Fold) Merge(s Shape, o *Fold, clock event.Time) {
	f.Fit(s)
	o.Fit(s)
	f.Count += o.Count
	f.Sum = addDecimal(f.Sum, o.Sum, &f.More)
	f.More = f.More || o.More
	for v, n := range o.Tally {
		f.tally(v, n)
	}
	f.unite(s, o.Facts)
	if o.First != nil && (f.First == nil || CompareFact(*o.First, *f.First) < 0) {
		f.First = o.First
	}
	if o.Last != nil && (f.Last == nil || CompareFact(*o.Last, *f.Last) > 0) {
		f.Last = o.Last
	}
	f.Low, f.High = lower(f.Low, o.Low), higher(f.High, o.High)
	for v, t := range o.Seen {
		f.see(v, t)
	}
	for _, h := range o.Hours {
		f.hour(h.T, h.N)
	}
	f.rough, f.walks = rough{}, walks{}
	if o.Chain != nil {
		if f.Chain == nil {
			f.Chain = &Chain{}
		}
		f.Chain.merge(o.Chain)
	}
	f.trim(s, clock)
}

// unite adds facts as a set: an event that reached both customers stands once,
// and the totals, which hold it twice, give one back.
func (f *Fold) unite(s Shape, facts []Fact) {
	have := make(map[uint64]event.Time, len(f.Facts))
	for _, fact := range f.Facts {
		have[fact.H] = fact.T
	}
	for _, fact := range facts {
		if t, again := have[fact.H]; again {
			if s.Keeps&KeepTotals != 0 {
				f.Count--
				f.Sum = addDecimal(f.Sum, fact.N.Neg(), &f.More)
			}
			if s.Keeps&KeepTally != 0 && fact.S != "" {
				f.tally(fact.S, -1)
			}
			if t <= fact.T {
				continue
			}
			if i, ok := slices.BinarySearchFunc(f.Facts, Fact{T: t, H: fact.H}, CompareFact); ok {
				f.Facts = slices.Delete(f.Facts, i, i+1) // its sender stamped it anew: the first stamp stands
			}
		}
		have[fact.H] = fact.T
		i, _ := slices.BinarySearchFunc(f.Facts, fact, CompareFact)
		f.Facts = slices.Insert(f.Facts, i, fact)
	}
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
