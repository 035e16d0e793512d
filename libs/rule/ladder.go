package rule

import (
	"cmp"
	"slices"
	"sort"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/cond"
)

// ladder is a measure with the rules that do nothing but compare it with numbers.
// The numbers are its rungs, ascending. As long as the measure stays between the same
// two, none of these rules changes its mind: so a step costs by the rungs that the
// measure passes, not by the rules there are.
//
// Levels of a value: -1 cannot be compared (there is none), 2i between the rungs
// i-1 and i, 2i+1 on the rung i.
type ladder struct {
	measure *Measure
	node    cond.Node
	rungs   []rung
	timed   bool
	fades   bool // time alone may leave no value
	place   int  // among the ladders of the measure's fold
	ground  int  // level of a profile without facts
}

type rung struct {
	limit cond.Limit       // its number is the rung's
	asks  []cond.Threshold // each comparison with the number once
	rules []int            // places in Set.Tags
	above []int            // of those, which hold above the rung
	below []int            // which below
	sides bool             // a rule holds on one side of the rung and not on the other
	gone  [3]bool          // a rule answers a value below, on, above the rung otherwise than none
}

const levelNone = -1

// buildLadders finds the rules that stand on ladders.
func (s *Set) buildLadders() {
	s.ladderOf, s.laddersOf, s.ladders = make([]int, len(s.Tags)), make([][]int, len(s.Folds)), nil
	number := map[*Measure]int{}
	for i, t := range s.Tags {
		s.ladderOf[i] = -1
		m, th, ok := t.threshold()
		if !ok {
			continue
		}
		n, ok := number[m]
		if !ok {
			n = len(s.ladders)
			number[m] = n
			s.ladders = append(s.ladders, ladder{measure: m, node: th.Of, timed: t.Uses.Timed, fades: m.fades(), place: len(s.laddersOf[m.Fold.Number])})
			for _, f := range []*Fold{m.Fold, m.Minus} {
				if f != nil && !slices.Contains(s.laddersOf[f.Number], n) {
					s.laddersOf[f.Number] = append(s.laddersOf[f.Number], n)
				}
			}
		}
		if s.ladders[n].stand(i, th) {
			s.ladderOf[i] = n
		}
	}
	nobody := &cond.Moment{Profile: profile.New("")}
	for _, m := range s.Measures {
		m.nothing = m.Value(nobody.Profile, 0).String()
	}
	for n := range s.ladders {
		l := &s.ladders[n]
		l.ground = l.level(l.node.Eval(nobody))
	}
}

// threshold is the measure and the limit of a rule that does nothing but compare the
// two. With `lasts` what was before counts as well.
func (t *Tag) threshold() (*Measure, cond.Threshold, bool) {
	if t.When == nil || t.Events != nil || t.Choose != nil || t.Lasts > 0 {
		return nil, cond.Threshold{}, false
	}
	th, ok := cond.ThresholdOf(t.When)
	if !ok {
		return nil, th, false
	}
	n, ok := th.Of.(interface{ read() *Measure })
	if !ok {
		return nil, th, false
	}
	return n.read(), th, true
}

func (n measureNode) read() *Measure { return n.m }

// stand puts a rule on its rung; false when its number has no place of its own among
// the others, as two that differ behind the 15th digit only.
func (l *ladder) stand(rule int, th cond.Threshold) bool {
	of := func(i int) float64 { return l.rungs[i].limit.Number }
	i := sort.Search(len(l.rungs), func(i int) bool { return of(i) >= th.Limit.Number })
	if i == len(l.rungs) || of(i) != th.Limit.Number {
		l.rungs = slices.Insert(l.rungs, i, rung{limit: th.Limit})
	} else if !l.rungs[i].limit.On(th.Limit) {
		return false
	}
	r := &l.rungs[i]
	r.rules = append(r.rules, rule)
	if th.Limit.Above() {
		r.above = append(r.above, rule)
	}
	if th.Limit.Below() {
		r.below = append(r.below, rule)
	}
	r.sides = r.sides || th.Limit.Above() != th.Limit.Below()
	none := th.Limit.Holds(cond.Value{})
	for i, holds := range []bool{th.Limit.Below(), th.Limit.At(), th.Limit.Above()} {
		r.gone[i] = r.gone[i] || holds != none
	}
	if !slices.ContainsFunc(r.asks, func(o cond.Threshold) bool { return o.Limit.Same(th.Limit) }) {
		r.asks = append(r.asks, th)
	}
	return true
}

func (l *ladder) level(v cond.Value) int {
	comparable, equal := true, false
	i := sort.Search(len(l.rungs), func(i int) bool {
		c, ok := l.rungs[i].limit.Compare(v)
		comparable = comparable && ok
		equal = equal || c == 0 && ok
		return c <= 0
	})
	switch {
	case !comparable:
		return levelNone
	case equal:
		return 2*i + 1
	}
	return 2 * i
}

// near are the rungs of which one changes a rule's mind first when the measure leaves
// a level. A value may jump over a rung on which rules ask for equality only, and
// change nobody's mind there.
func (l *ladder) near(level int) []rung {
	if level == levelNone {
		return l.rungs
	}
	from, to := max(level/2-1, 0), min((level+3)/2, len(l.rungs))
	for from > 0 && !l.rungs[from].sides {
		from--
	}
	for to < len(l.rungs) && !l.rungs[to-1].sides {
		to++
	}
	return l.rungs[from:to]
}

// ask are the rungs of which one changes a rule's mind first: those near, and one that
// tells when there is no value any more, which no rung near may tell.
func (l *ladder) ask(level int) []rung {
	near := l.near(level)
	if !l.fades || level == levelNone {
		return near
	}
	for i := range l.rungs {
		if l.rungs[i].gone[1+cmp.Compare(level, 2*i+1)] {
			return append(slices.Clip(near), l.rungs[i])
		}
	}
	return near
}

// between are the rungs that are passed on the way from one level to another.
func (l *ladder) between(from, to int) []rung {
	if from == levelNone || to == levelNone {
		return l.rungs
	}
	return l.rungs[min(from, to)/2 : (max(from, to)+1)/2]
}

// open adds the rules whose mind the way from one level to another may have changed.
func (l *ladder) open(from, to int, set TagSet) {
	if from == profile.LevelUnknown {
		l.holding(to, set)
		return
	}
	for _, r := range l.between(from, to) {
		set.addAll(r.rules)
	}
}

// holding adds the rules that may hold at a level. Of the others those matter whose
// tag is held.
func (l *ladder) holding(level int, set TagSet) {
	for i, r := range l.rungs {
		switch {
		case level == levelNone || level == 2*i+1:
			set.addAll(r.rules)
		case level > 2*i:
			set.addAll(r.above)
		default:
			set.addAll(r.below)
		}
	}
}

// Climb adds the rules of the measures that the step has brought to another level, and
// keeps the new levels.
func (s *Set) Climb(m *cond.Moment, step Step, open TagSet) {
	if step.All {
		m.Profile.ForgetLevels()
	}
	c := climb{s: s, m: m, open: open}
	switch {
	case step.All:
		for n := range s.ladders {
			c.to(n, s.level(m.Profile, n))
		}
	case step.Timer:
		for key := range m.Profile.Folds {
			if f, ok := s.Folds[key]; ok {
				c.passed(f.Number)
			}
		}
	default:
		step.Folds.each(func(number int) {
			for _, n := range s.laddersOf[number] {
				c.to(n, s.level(m.Profile, n))
			}
		})
	}
	if len(c.unknown) == 0 {
		return
	}
	for name := range m.Profile.Tags {
		if t, ok := s.RuleOf(name); ok && slices.Contains(c.unknown, s.ladderOf[t.Index]) {
			open.add(t.Index)
		}
	}
}

// level is what is known of a measure's level: nothing without facts.
func (s *Set) level(p *profile.Profile, n int) *profile.Level {
	l := &s.ladders[n]
	if f := p.Folds[l.measure.Fold.Key]; f != nil {
		return &p.Levels(s, f, len(s.laddersOf[l.measure.Fold.Number]))[l.place]
	}
	return &profile.Level{At: profile.LevelUnknown}
}

// climb is one step's way over the ladders.
type climb struct {
	s       *Set
	m       *cond.Moment
	open    TagSet
	unknown []int // ladders of which no level was known
}

// passed climbs where time alone may have done something.
func (c *climb) passed(number int) {
	for _, n := range c.s.laddersOf[number] {
		if l := c.s.level(c.m.Profile, n); c.s.ladders[n].timed && (l.At == profile.LevelUnknown || l.Open || !l.Known || l.Due != 0 && l.Due <= c.m.Now) {
			c.to(n, l)
		}
	}
}

func (c *climb) to(n int, level *profile.Level) {
	l, was := &c.s.ladders[n], int(level.At)
	at := l.at(c.m)
	*level = profile.Level{At: int32(at)} //nolint:gosec // at most twice the rules
	if was == at {
		return
	}
	if was == profile.LevelUnknown {
		c.unknown = append(c.unknown, n)
	}
	l.open(was, at, c.open)
}

// at is the measure's level.
func (l *ladder) at(m *cond.Moment) int {
	if l.measure.factless(m.Profile) {
		return l.ground
	}
	if n, ok := l.node.(scoreNode); ok {
		if level, ok := l.clear(n.Rough(m)); ok {
			return level
		}
	}
	return l.level(l.node.Eval(m))
}

// clear is the level of a score that is known up to an error, unless a rung is within
// it.
func (l *ladder) clear(score, within float64, ok bool) (int, bool) {
	if !ok {
		return 0, false
	}
	i := sort.Search(len(l.rungs), func(i int) bool { return l.rungs[i].limit.Number >= score-within })
	return 2 * i, i == len(l.rungs) || l.rungs[i].limit.Number > score+within
}

// fades says that time alone may leave the measure without a value: its window empties.
func (m *Measure) fades() bool {
	switch m.Kind {
	case Avg, Min, Max, First, Last:
		return m.far() > 0
	}
	return false
}

// factless says that nothing that the measure reads has happened.
func (m *Measure) factless(p *profile.Profile) bool {
	return p.Folds[m.Fold.Key] == nil && (m.Minus == nil || p.Folds[m.Minus.Key] == nil)
}

// Climbs is the earlier of due and the next moment at which time alone brings a
// measure past a rung. It sets m.Before.
func (s *Set) Climbs(m *cond.Moment, due event.Time) event.Time {
	m.Profile.LevelsUpTo()
	var some [16]int
	open := some[:0] // ladders that are to be asked
	for key := range m.Profile.Folds {
		f, ok := s.Folds[key]
		if !ok {
			continue
		}
		for _, n := range s.laddersOf[f.Number] {
			at := s.level(m.Profile, n)
			switch {
			case !s.ladders[n].timed:
			case !at.Known || !at.Exact || at.Due != 0 && at.Due <= m.Now:
				open = append(open, n)
			default:
				due = cond.Earliest(due, at.Due)
			}
		}
	}
	for _, sums := range []bool{false, true} { // what others find spares a sum's way through its facts
		for _, n := range open {
			if l := &s.ladders[n]; (l.measure.Kind == Sum) == sums {
				due = cond.Earliest(due, l.due(m, s.level(m.Profile, n), due))
			}
		}
	}
	return due
}

// due is when the measure passes a rung, or a moment that is not earlier than bound.
func (l *ladder) due(m *cond.Moment, level *profile.Level, bound event.Time) event.Time {
	if level.Known && level.Due > m.Now && bound != 0 && level.Due >= bound {
		return level.Due // still not earlier than what else there is
	}
	level.Open = level.Open || level.Known && level.Due != 0 && level.Due <= m.Now
	next, before := event.Time(0), bound
	for _, r := range l.ask(l.at(m)) {
		for i := range r.asks {
			m.Before = before
			next = cond.Earliest(next, r.asks[i].Next(m))
			before = cond.Earliest(bound, next)
		}
	}
	level.Known, level.Due, level.Exact = !l.measure.ahead(m), next, next == 0 || bound == 0 || next < bound
	return next
}

// ahead says that facts lie ahead of the moment: what is due behind them is not known.
func (m *Measure) ahead(at *cond.Moment) bool {
	return at.Profile.Folds[m.Fold.Key].NextFact(at.Now) != 0 || m.Minus != nil && at.Profile.Folds[m.Minus.Key].NextFact(at.Now) != 0
}
