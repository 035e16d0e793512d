package cutpoints

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/cond"
	"github.com/tagwire/tagwire/libs/rule/source"
)

// Standing are the cut points of a measure as a rule set has them.
type Standing struct {
	Measure   string          `json:"measure"`
	Date      string          `json:"date"`
	Customers uint64          `json:"customers,omitempty"` // 0: it was not noted
	Points    []StandingPoint `json:"points"`              // rising
	File      string          `json:"file"`
	Line      int             `json:"line"`
}

// StandingPoint is one of them, with the tags and stages that compare with it.
type StandingPoint struct {
	Point
	ReadBy []string `json:"read_by"`
}

// In finds the cut points of a set, in the order in which they stand.
func In(set *rule.Set, files map[string]string) ([]Standing, error) {
	src, err := source.Read(files)
	if err != nil {
		return nil, fmt.Errorf("read the rules: %w", err)
	}
	read := readers(set)
	out := []Standing{}
	for _, e := range src.Block("cuts") {
		cuts := set.Cuts[e.Key]
		s := Standing{Measure: e.Key, Date: cuts.Date, Customers: cuts.Customers, File: e.At.File, Line: e.At.Line}
		for _, name := range rising(cuts) {
			by := append([]string{}, read[[2]string{e.Key, name}]...) // none is [], not null
			s.Points = append(s.Points, StandingPoint{Point{name, cuts.Points[name].Trim(0).String()}, by})
		}
		out = append(out, s)
	}
	return out, nil
}

// rising are the names of cut points by their percentages.
func rising(c rule.Cuts) []string {
	return slices.SortedFunc(maps.Keys(c.Points), func(a, b string) int { return percent(a) - percent(b) })
}

func percent(point string) int {
	p, _ := strconv.Atoi(point[1:]) // the set compiles, so it is one
	return p
}

// readers are the tags and stages by the measure and point that they read.
func readers(set *rule.Set) map[[2]string][]string {
	out := map[[2]string][]string{}
	note := func(name, when string) {
		syntax, err := cond.Parse(when)
		if err != nil { // there is none: the set has compiled
			return
		}
		for _, texts := range syntax.Calls("cut") {
			if at := [2]string(texts); !slices.Contains(out[at], name) {
				out[at] = append(out[at], name)
			}
		}
	}
	for _, t := range set.Tags {
		note(t.Name, t.WhenText)
		for _, c := range t.Choose {
			note(c.Tag, c.WhenText)
		}
	}
	for _, s := range set.Stages {
		note(s.Name, s.WhenText)
	}
	return out
}
