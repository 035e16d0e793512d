package rule

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/cond"
	"github.com/tagwire/tagwire/libs/rule/keyword"
)

// Catalogue is the built-in rule that applies the tags of channels, links and
// forms.
const Catalogue = "catalogue"

// MaxFamily is how many values a family of tags may have per profile.
const MaxFamily = 2000

// Error is one refusal with its place.
type Error struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`

	unread bool // the file is no YAML
}

func (e Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// Errors are all refusals of a set.
type Errors []Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Set is a compiled rule set.
type Set struct {
	Version    int64
	Zone       *time.Location
	Population string // known or all
	Currency   string // base currency
	Keywords   []keyword.List
	Dictionary *keyword.Dictionary
	Measures   []*Measure
	Tags       []*Tag // a rule stands behind those it reads
	Stages     []Stage
	Folds      map[string]*Fold
	Cuts       map[string]Cuts // by measure
	Groups     []Group
	Dimensions profile.Dimensions // of the groups
	Traits     profile.TraitRules
	Notes      []Error // not refusals: what depends on arrival

	rates   map[string][]rate // by currency, oldest first
	readers readers

	ladders   []ladder
	ladderOf  []int   // by the rule's place in Tags; -1: on none
	laddersOf [][]int // by the fold's number

	measures     map[string]*Measure
	foldsByType  map[string][]*Fold
	tagsByType   map[string][]*Tag
	owners       map[string]*Tag // tag name (of choose) → rule
	listVersions map[string]int  // keyword list → hash of its content
}

// Fold is what a measure keeps of events.
type Fold struct {
	Number int                        // within the set, from 0
	Key    string                     // of its definition: a renamed measure keeps its state
	Types  map[string]decimal.Decimal // event type → points (score), 1 otherwise
	Where  cond.Node                  // nil: all
	Of     cond.Node                  // nil: none
	Same   cond.Node                  // of a sequence: what correlates its events; nil: nothing
	Shape  profile.Shape
	Texts  bool   // numbers are kept as texts too: distinct
	Money  bool   // Of is the amount: only of the base currency
	Naming string // text of the definition, for people

	wheres map[int]cond.Node // of single steps of a sequence
}

// Steps are, as bits, the steps of a sequence that an event of a type matches.
func (f *Fold) Steps(m *cond.Moment) decimal.Decimal {
	bits, _, _ := f.Types[m.Event.Type].Int64(0)
	for at, where := range f.wheres {
		if bits&(1<<at) != 0 && !where.Eval(m).True() {
			bits &^= 1 << at
		}
	}
	return decimal.MustNew(bits, 0)
}

// Measure is a named number or set of a profile.
type Measure struct {
	Number   int // within the set, from 0
	Name     string
	Kind     MeasureKind
	Fold     *Fold
	Minus    *Fold // of a sum
	Within   time.Duration
	Between  []time.Duration // [near, far]: a window that does not touch now
	Per      string          // the calendar day, week or month that is
	HalfLife time.Duration
	Keywords []string      // lists that its conditions look for
	Over     time.Duration // of a sequence: completions of so long; 0: of a lifetime
	nothing  string        // Text without facts
	zone     *time.Location
}

// MeasureKind is how a measure reads its fold.
type MeasureKind string

// The kinds of measures.
const (
	Count     MeasureKind = "count"
	Sum       MeasureKind = "sum"
	Avg       MeasureKind = "avg"
	Min       MeasureKind = "min"
	Max       MeasureKind = "max"
	Last      MeasureKind = "last"
	First     MeasureKind = "first"
	Distinct  MeasureKind = "distinct"
	Top       MeasureKind = "top" // the value that came most often
	Score     MeasureKind = "score"
	Sequence  MeasureKind = "sequence"
	TimeSince MeasureKind = "time_since"
)

// MeasureKinds are all of them, in the order of the documents.
func MeasureKinds() []MeasureKind {
	return []MeasureKind{Count, Sum, Avg, Min, Max, Distinct, First, Last, Top, Score, Sequence, TimeSince}
}

// Numeric says that the value is a number, so that the base has quantiles of it.
func (m *Measure) Numeric() bool {
	switch m.Kind {
	case Count, Sum, Avg, Min, Max, Score, Sequence:
		return true
	}
	return false
}

// Tag is a tag rule. Exactly one of When (with or without Events), Value and
// Choose says what it gives.
type Tag struct {
	Name     string
	Group    string
	Events   map[string]bool // an event tag; nil: a state tag
	When     cond.Node       // nil with Events: every such event
	WhenText string
	Value    cond.Node // a family: Name:value
	Choose   []Choice
	Lasts    time.Duration
	Times    *Times
	Alerts   []*Alert
	Uses     Uses
	Index    int
}

// Choice is one of a choose rule: the first that holds.
type Choice struct {
	Tag      string
	When     cond.Node
	WhenText string
}

// Times says how many matches within a calendar period make the tag.
type Times struct {
	AtLeast int
	Per     string // day, week, month; week from Monday
	Once    string // "": each match counts; period: one a period; ever: one for ever
}

// Alert says whom to tell what when the tag is applied.
type Alert struct {
	Each     string // enter, match, exit
	To       string
	Severity string
	Title    Template
	Advice   Template
	Cooldown time.Duration
	Escalate *Escalation
}

// Escalation is whom to tell when nobody acts.
type Escalation struct {
	After time.Duration
	To    string
}

// Stage is one stage of the lifecycle; the last whose When holds is the stage.
type Stage struct {
	Name     string
	Start    bool
	When     cond.Node
	WhenText string
	From     []string
	After    time.Duration // the stage before must have been held so long
	Uses     Uses
}

// Uses is what a condition reads.
type Uses struct {
	Folds    map[string]bool
	Measures []string
	Tags     []string
	Keywords []string
	Traits   bool
	Event    bool
	Stage    bool
	Cuts     bool
	Zone     bool // days and times of day, as the set's zone has them
	Since    bool // how long a tag or stage has been held
	Timed    bool // time alone may change it
	Clock    bool // … also where none of its folds has a fact

	numbers FoldNumbers // of Folds
}

// ReadsAny says that the condition reads one of the folds.
func (u *Uses) ReadsAny(folds FoldNumbers) bool { return u.numbers.meets(folds) }

// clock notes that time alone may change the condition, whatever has happened.
func (u *Uses) clock() { u.Timed, u.Clock = true, true }

// FoldNumbers is a set of folds by their numbers.
type FoldNumbers []uint64

// Add puts a fold in.
func (n *FoldNumbers) Add(f *Fold) {
	word := f.Number / 64
	for len(*n) <= word {
		*n = append(*n, 0)
	}
	(*n)[word] |= 1 << (f.Number % 64)
}

func (n FoldNumbers) meets(o FoldNumbers) bool {
	for i := range min(len(n), len(o)) {
		if n[i]&o[i] != 0 {
			return true
		}
	}
	return false
}

// FoldsOf are the folds that events of a type feed.
func (s *Set) FoldsOf(eventType string) []*Fold { return s.foldsByType[eventType] }

// EventTags are the rules judged when an event of the type comes.
func (s *Set) EventTags(eventType string) []*Tag { return s.tagsByType[eventType] }

// Measure finds a measure by name.
func (s *Set) Measure(name string) (*Measure, bool) {
	m, ok := s.measures[name]
	return m, ok
}

// RuleOf is the rule that gives a tag: by its name, a choice of it, or the
// family in front of the colon.
func (s *Set) RuleOf(tag string) (*Tag, bool) {
	if t, ok := s.owners[tag]; ok {
		return t, true
	}
	family, _, found := strings.Cut(tag, ":")
	if !found {
		return nil, false
	}
	t, ok := s.owners[family]
	return t, ok && t.Value != nil
}

// State says that the rule decides at every moment whether its tag holds; others give
// theirs when an event comes.
func (t *Tag) State() bool { return t.Events == nil }

// Shape is how a fold of this set keeps facts; ok is false for folds that no
// measure of the set reads.
func (s *Set) Shape(key string) (profile.Shape, bool) {
	f, ok := s.Folds[key]
	if !ok {
		return profile.Shape{}, false
	}
	return f.Shape, true
}

// NeedsHistory names the measures whose facts the older set did not keep.
func (s *Set) NeedsHistory(older *Set) []string {
	var names []string
	for _, m := range s.Measures {
		for _, f := range []*Fold{m.Fold, m.Minus} {
			if f == nil {
				continue
			}
			if had, ok := older.Folds[f.Key]; !ok || !had.Shape.Covers(f.Shape) {
				names = append(names, m.Name)
				break
			}
		}
	}
	read := map[string]bool{}
	for _, m := range s.Measures {
		for _, f := range []*Fold{m.Fold, m.Minus} {
			if f != nil {
				read[f.Key] = true
			}
		}
	}
	for key, f := range s.Folds { // of functions: absent, regular, …
		if had, ok := older.Folds[key]; !read[key] && (!ok || !had.Shape.Covers(f.Shape)) {
			names = append(names, f.Naming)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Match finds the keyword lists that a text holds. Version names a list by its
// content, so that a match stays good for every version of the rules that has
// the same list.
func (s *Set) Match(text, from string) []event.Match {
	var out []event.Match
	for _, f := range s.Dictionary.Match(text, from) {
		out = append(out, event.Match{List: f.List, Version: s.listVersions[f.List], Words: f.Words})
	}
	return out
}
