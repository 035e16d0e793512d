package profile

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tagwire/tagwire/libs/event"
)

// MaxUnion is how many texts a trait keeps that is the union of all values; of
// more the first in the order of text stay.
const MaxUnion = 200

// Policy says which value of a trait stays when there are two.
type Policy string

// The policies. Each picks by a total order of value, source and time, or unites
// sets, so neither the order of arrival nor that of merges matters.
const (
	MergeNewest Policy = "newest" // the default
	MergeOldest Policy = "oldest"
	MergeRank   Policy = "rank" // of the source that stands first; newest among equals
	MergeMax    Policy = "max"  // numbers by value, then dates, then texts
	MergeUnion  Policy = "union"
)

// TraitRule is how one trait merges.
type TraitRule struct {
	Merge   Policy
	Sources []string // of rank: the best first; sources that are not listed come last
}

// TraitRules are the policies by the trait's name; nil: the newest of each.
type TraitRules map[string]TraitRule

// SetTrait takes a value in by the trait's policy and reports a change of value.
// What has lost is gone: a policy that changes later cannot bring it back.
func (p *Profile) SetTrait(name string, t event.Trait, rules TraitRules) bool {
	r := rules[name]
	old, ok := p.Traits[name]
	next := r.united(t)
	if ok {
		next = r.merge(old, t)
	}
	if p.Traits == nil {
		p.Traits = map[string]event.Trait{}
	}
	p.Traits[name] = next
	return !ok || traitText(old) != traitText(next)
}

// FitTraits brings kept values into the form of the policies, when they are new.
// It reports a change.
func (p *Profile) FitTraits(rules TraitRules) bool {
	changed := false
	for name, r := range rules {
		if t, ok := p.Traits[name]; ok && r.Merge == MergeUnion {
			fit := union(t, t)
			changed = changed || traitText(fit) != traitText(t)
			p.Traits[name] = fit
		}
	}
	return changed
}

func (r TraitRule) merge(a, b event.Trait) event.Trait {
	if r.Merge == MergeUnion {
		return union(a, b)
	}
	if r.compare(a, b) >= 0 {
		return a
	}
	return b
}

// united is a single value in the form that the policy keeps.
func (r TraitRule) united(t event.Trait) event.Trait {
	if r.Merge == MergeUnion {
		return union(t, t)
	}
	return t
}

// compare is positive when a stays. Ties are broken by time, then text, then
// source.
func (r TraitRule) compare(a, b event.Trait) int {
	age := cmp.Compare(a.Time, b.Time)
	var first int
	switch r.Merge {
	case MergeOldest:
		age = -age
	case MergeRank:
		first = cmp.Compare(r.place(b.Source), r.place(a.Source))
	case MergeMax:
		first = compareValues(a, b)
	}
	return cmp.Or(first, age, strings.Compare(traitText(a), traitText(b)), strings.Compare(a.Source, b.Source))
}

// place of a source among the ranked ones.
func (r TraitRule) place(source string) int {
	if i := slices.Index(r.Sources, source); i >= 0 {
		return i
	}
	return len(r.Sources)
}

// compareValues puts numbers above dates above texts.
func compareValues(a, b event.Trait) int {
	x, y := measured(a), measured(b)
	return cmp.Or(cmp.Compare(x.class, y.class), cmp.Compare(x.number, y.number), strings.Compare(x.text, y.text))
}

type magnitude struct {
	class  int // 2: a number, 1: a date, 0: a text
	number float64
	text   string
}

func measured(t event.Trait) magnitude {
	text, ok := t.Value.(string)
	if !ok {
		text = traitText(t)
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(n) { // NaN has no order
		return magnitude{class: 2, number: n}
	}
	if at, err := event.ParseTime(text); err == nil {
		return magnitude{class: 1, number: float64(at)}
	}
	return magnitude{text: text}
}

// union unites the texts of two values; the newer says where and when from.
func union(a, b event.Trait) event.Trait {
	set := append(textsOf(a), textsOf(b)...)
	slices.Sort(set)
	set = slices.Compact(set)
	set = set[:min(len(set), MaxUnion)]
	values := make([]any, len(set))
	for i, s := range set {
		values[i] = s
	}
	out := event.Trait{Value: values, Source: a.Source, Time: a.Time}
	if cmp.Or(cmp.Compare(b.Time, a.Time), strings.Compare(b.Source, a.Source)) > 0 {
		out.Source, out.Time = b.Source, b.Time
	}
	return out
}

// textsOf are the texts of a value: of a list its entries.
func textsOf(t event.Trait) []string {
	var out []string
	add := func(v any) {
		s, ok := v.(string)
		if !ok {
			s = traitText(event.Trait{Value: v})
		}
		if s != "" && s != "null" {
			out = append(out, s)
		}
	}
	switch v := t.Value.(type) {
	case []any:
		for _, one := range v {
			add(one)
		}
	case []string:
		for _, one := range v {
			add(one)
		}
	default:
		add(v)
	}
	return out
}
