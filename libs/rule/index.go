package rule

import (
	"math/bits"
	"strings"

	"github.com/tagwire/tagwire/libs/profile"
)

// TagSet is a set of tag rules by their place in Set.Tags.
type TagSet []uint64

func (s TagSet) add(i int) { s[i/64] |= 1 << (i % 64) }

func (s TagSet) addAll(rules []int) {
	for _, i := range rules {
		s.add(i)
	}
}

// Add puts all rules of another set in; both are of the same rule set.
func (s TagSet) Add(o TagSet) {
	for i := range o {
		s[i] |= o[i]
	}
}

// Next is the first rule behind i, -1 when there is none. Rules that are added
// behind i while a set is walked are met.
func (s TagSet) Next(i int) int {
	i++
	for word := i / 64; word < len(s); word++ {
		rest := s[word]
		if word == i/64 {
			rest &= ^uint64(0) << (i % 64)
		}
		if rest != 0 {
			return word*64 + bits.TrailingZeros64(rest)
		}
	}
	return -1
}

// readers says which tag rules look at what, so that a step costs by the rules
// that it can affect, not by all there are.
type readers struct {
	all, timed, traits, stage TagSet
	folds                     []TagSet // by the fold's number
	events                    map[string]TagSet
	tags                      map[string]TagSet // by the tag that is read, or its family
	always                    TagSet            // state tags that time alone may change, whatever has happened
	clocked                   []TagSet          // likewise, once the fold with the number has facts
}

func (s *Set) empty() TagSet { return make(TagSet, (len(s.Tags)+63)/64) }

// Step is what a step has changed, for finding the rules that it can affect.
type Step struct {
	All, Timer, Traits, Stage bool
	Event                     string // type of the event at hand
	Folds                     FoldNumbers
	Tags                      map[string]bool
}

// Affected are the rules that the step may affect, but for those on ladders: at
// least those, and few others.
func (s *Set) Affected(step Step) TagSet {
	out := s.empty()
	r := &s.readers
	out.Add(r.events[step.Event])
	if step.All {
		out.Add(r.all)
		return out
	}
	for _, on := range []struct {
		is  bool
		set TagSet
	}{{step.Timer, r.timed}, {step.Traits, r.traits}, {step.Stage, r.stage}} {
		if on.is {
			out.Add(on.set)
		}
	}
	step.Folds.each(func(n int) { out.Add(r.folds[n]) })
	for name := range step.Tags {
		out.Add(s.TagReaders(name))
	}
	return out
}

// TagReaders are the rules that read a tag, or the family of which it is a value.
func (s *Set) TagReaders(name string) TagSet {
	if set, ok := s.readers.tags[name]; ok {
		return set
	}
	family, _, _ := strings.Cut(name, ":")
	return s.readers.tags[family]
}

// StageReaders are the rules that read the stage.
func (s *Set) StageReaders() TagSet { return s.readers.stage }

// Clocked are the state tags that time alone may change, of a profile with such
// folds.
func (s *Set) Clocked(folds map[string]*profile.Fold) TagSet {
	out := s.empty()
	out.Add(s.readers.always)
	for key := range folds {
		if f, ok := s.Folds[key]; ok {
			out.Add(s.readers.clocked[f.Number])
		}
	}
	return out
}

func (n FoldNumbers) each(do func(int)) {
	for word, rest := range n {
		for ; rest != 0; rest &= rest - 1 {
			do(word*64 + bits.TrailingZeros64(rest))
		}
	}
}

// indexReaders builds the index of a set that has compiled.
func (c *compilation) indexReaders() {
	s := c.set
	s.buildLadders()
	r := readers{
		all: s.empty(), timed: s.empty(), traits: s.empty(), stage: s.empty(), always: s.empty(),
		folds: make([]TagSet, len(s.Folds)), clocked: make([]TagSet, len(s.Folds)),
		events: map[string]TagSet{}, tags: map[string]TagSet{},
	}
	in := func(m map[string]TagSet, key string, i int) {
		if m[key] == nil {
			m[key] = s.empty()
		}
		m[key].add(i)
	}
	for i, t := range s.Tags {
		if t.Events != nil {
			for typ := range t.Events {
				in(r.events, typ, i)
			}
			continue // judged when such an event comes, whatever else changes
		}
		if s.ladderOf[i] >= 0 {
			continue // found by the level of its measure
		}
		r.all.add(i)
		if t.Uses.Timed {
			r.timed.add(i)
		}
		if t.Uses.Clock {
			r.always.add(i)
		}
		if t.Uses.Traits {
			r.traits.add(i)
		}
		if t.Uses.Stage {
			r.stage.add(i)
		}
		for key := range t.Uses.Folds {
			n := s.Folds[key].Number
			if r.folds[n] == nil {
				r.folds[n] = s.empty()
			}
			r.folds[n].add(i)
			if t.Uses.Timed {
				if r.clocked[n] == nil {
					r.clocked[n] = s.empty()
				}
				r.clocked[n].add(i)
			}
		}
		for _, name := range t.Uses.Tags {
			in(r.tags, name, i)
		}
	}
	s.readers = r
}
