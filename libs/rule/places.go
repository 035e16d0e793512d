package rule

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/cond"
)

// Places is a set of tag rules by their places in Set.Tags, which is the order of
// dependency.
type Places []uint64

// Put puts a place in.
func (p *Places) Put(place int) {
	for len(*p) <= place/64 {
		*p = append(*p, 0)
	}
	(*p)[place/64] |= 1 << (place % 64)
}

// Join puts in whatever is in o.
func (p *Places) Join(o Places) {
	for len(*p) < len(o) {
		*p = append(*p, 0)
	}
	for i, word := range o {
		(*p)[i] |= word
	}
}

// Next is the first place from `from` on; -1: there is none.
func (p Places) Next(from int) int {
	for word := from / 64; word < len(p); word++ {
		left := p[word]
		if word == from/64 {
			left &= ^uint64(0) << (from % 64)
		}
		if left != 0 {
			return word*64 + bits.TrailingZeros64(left)
		}
	}
	return -1
}

// places finds the rules that something can affect, so that a step looks at these
// alone, however many rules there are. Rules judged by their event stand by its type
// only.
type places struct {
	byType    map[string]Places
	byFold    []Places
	byTag     map[string]Places
	state     Places // all that are not judged by an event
	timed     Places
	traits    Places
	stage     Places
	late      Places // event rules too: those that read the stage, which are judged after it
	clock     Places // timed ones that time may change without any fact
	timedFold []Places
	ladders   []map[*Measure][]rung // by fold: those that compare a count alone
}

// rung is a rule that compares a count of a window with a constant. Time takes facts
// out of the window, so it changes nothing while the count is below the constant.
type rung struct {
	limit float64
	place int
}

// climb notes such a rule; false when it is another.
func (s *Set) climb(t *Tag) bool {
	if t.When == nil || t.Uses.clock || !t.Uses.Timed {
		return false
	}
	value, limit, ok := cond.Threshold(t.When)
	count, counts := value.(countNode)
	if !ok || !counts {
		return false
	}
	n := count.m.Fold.Number
	if s.places.ladders[n] == nil {
		s.places.ladders[n] = map[*Measure][]rung{}
	}
	ladder := s.places.ladders[n][count.m]
	i, _ := slices.BinarySearchFunc(ladder, limit.Number, func(r rung, l float64) int { return cmp.Compare(r.limit, l) })
	s.places.ladders[n][count.m] = slices.Insert(ladder, i, rung{limit.Number, t.Index})
	return true
}

// place notes a rule under all that it reads.
func (s *Set) place(t *Tag) {
	at, p := t.Index, &s.places
	if t.Uses.Stage {
		p.late.Put(at)
	}
	if t.Events != nil {
		for typ := range t.Events {
			put(p.byType, typ, at)
		}
		return
	}
	p.state.Put(at)
	climbs := s.climb(t)
	for _, name := range t.Uses.Tags {
		put(p.byTag, name, at)
	}
	for key := range t.Uses.Folds {
		n := s.Folds[key].Number
		p.byFold[n].Put(at)
		if t.Uses.Timed && !climbs {
			p.timedFold[n].Put(at)
		}
	}
	for in, ok := range map[*Places]bool{&p.timed: t.Uses.Timed, &p.traits: t.Uses.Traits, &p.stage: t.Uses.Stage, &p.clock: t.Uses.Timed && t.Uses.clock} {
		if ok {
			in.Put(at)
		}
	}
}

func put(in map[string]Places, key string, at int) {
	p := in[key]
	p.Put(at)
	in[key] = p
}

// Step is what a step over a profile has changed.
type Step struct {
	Type   string // of the event, "" without one
	All    bool   // everything is judged again
	Timer  bool   // time alone moved
	Traits bool
	Folds  FoldNumbers // that the event has fed
}

// Affected are the rules that the step can affect by itself; what the rules change
// on the way affects [Set.Readers] and [Set.StageReaders].
func (s *Set) Affected(step Step) Places {
	p := make(Places, (len(s.Tags)+63)/64)
	if step.Type != "" {
		p.Join(s.places.byType[step.Type])
	}
	if step.All {
		p.Join(s.places.state)
		return p
	}
	if step.Timer {
		p.Join(s.places.timed)
	}
	if step.Traits {
		p.Join(s.places.traits)
	}
	for word, left := range step.Folds {
		for ; left != 0; left &= left - 1 {
			p.Join(s.places.byFold[word*64+bits.TrailingZeros64(left)])
		}
	}
	return p
}

// Readers are the state rules that read a tag by name. They stand behind the rule
// that gives it.
func (s *Set) Readers(tag string) Places { return s.places.byTag[tag] }

// StageReaders are the state rules that read the stage.
func (s *Set) StageReaders() Places { return s.places.stage }

// ReadsStage says that the rule at a place is judged after the stage.
func (s *Set) ReadsStage(place int) bool {
	return place/64 < len(s.places.late) && s.places.late[place/64]&(1<<(place%64)) != 0
}

// Ticking are the state rules that time alone may change for the profile: of those
// that rest on facts only the ones whose facts it has.
func (s *Set) Ticking(p *profile.Profile) Places {
	out := make(Places, (len(s.Tags)+63)/64)
	out.Join(s.places.clock)
	for key, facts := range p.Folds {
		f, ok := s.Folds[key]
		if !ok {
			continue
		}
		out.Join(s.places.timedFold[f.Number])
		for m, ladder := range s.places.ladders[f.Number] {
			count := float64(facts.CountAt(m.view(p.Clock)))
			if facts.NextFact(p.Clock) != 0 { // facts will come in as well
				count = math.MaxFloat64
			}
			for _, r := range ladder {
				if r.limit > count {
					break
				}
				out.Put(r.place)
			}
		}
	}
	return out
}
