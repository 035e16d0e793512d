// Package ruleset gives the versions of the rule set compiled, each once.
//
// A version is immutable, so what was compiled stays good. It is called by the
// API, the live board and the activation; it reads definitions only.
package ruleset

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/rule"
)

// ErrUnknown is the answer about a version that was never saved.
var ErrUnknown = errors.New("no such version of the rules")

// Definitions is what is read of the definitions; *defs.Store is one.
type Definitions interface {
	At(kind, id string, version int64) (defs.Def, bool)
	Versions(kind, id string) []defs.Def
}

// Version is one version of the rules, compiled.
type Version struct {
	*rule.Set
	Def       defs.Def
	Files     map[string]string
	Warming   map[string]event.Time
	NoHistory bool
}

// maxKept compiled versions stay in memory.
const maxKept = 8

// Sets compiles on demand. Safe for concurrent use.
type Sets struct {
	defs Definitions
	mu   sync.Mutex
	kept map[int64]*Version
}

// New reads versions from definitions.
func New(d Definitions) *Sets { return &Sets{defs: d, kept: map[int64]*Version{}} }

// At is a version; 0 is the empty set, which judges nothing.
func (s *Sets) At(version int64) (*Version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.kept[version]; ok {
		return v, nil
	}
	v, err := s.compile(version)
	if err != nil {
		return nil, err
	}
	if len(s.kept) >= maxKept {
		delete(s.kept, slices.Min(slices.Collect(maps.Keys(s.kept))))
	}
	s.kept[version] = v
	return v, nil
}

func (s *Sets) compile(version int64) (*Version, error) {
	v := &Version{Files: map[string]string{}, Warming: map[string]event.Time{}}
	if version != 0 {
		d, ok := s.defs.At(defs.KindRules, defs.RulesID, version)
		if !ok || d.Deleted {
			return nil, fmt.Errorf("rules version %d: %w", version, ErrUnknown)
		}
		body, err := defs.Body[defs.Rules](d)
		if err != nil {
			return nil, err
		}
		v.Def, v.Files, v.NoHistory = d, body.Files, body.NoHistory
		maps.Copy(v.Warming, body.Warming)
	}
	var err error
	if v.Set, err = rule.Compile(version, v.Files); err != nil {
		return nil, fmt.Errorf("rules version %d: %w", version, err)
	}
	return v, nil
}

// Newest is the newest version that was saved and compiles; false when there
// is none.
func (s *Sets) Newest() (*Version, bool) {
	versions := s.defs.Versions(defs.KindRules, defs.RulesID)
	for _, d := range slices.Backward(versions) {
		if d.Deleted {
			continue
		}
		if v, err := s.At(d.Version); err == nil {
			return v, true
		}
	}
	return nil, false
}

// Warm is a measure whose facts began to be kept at a moment.
type Warm struct {
	Measure string     `json:"measure"`
	Since   event.Time `json:"since"`
	Until   event.Time `json:"until,omitzero"` // when it is whole; zero: it never is by itself
}

// WarmingAt are the measures that are not whole yet as of a moment, by name.
func (v *Version) WarmingAt(now event.Time) []Warm {
	var out []Warm
	for _, name := range slices.Sorted(maps.Keys(v.Warming)) {
		w := Warm{Measure: name, Since: v.Warming[name]}
		if m, ok := v.Measure(name); ok && m.Within > 0 {
			w.Until = w.Since.Add(m.Within)
		}
		if w.Until == 0 || now < w.Until {
			out = append(out, w)
		}
	}
	return out
}

// Carry is what is still warming of an older version when this set takes over
// at a moment, with those that begin now.
func Carry(older *Version, set *rule.Set, fresh []string, now event.Time) map[string]event.Time {
	out := map[string]event.Time{}
	for _, w := range older.WarmingAt(now) {
		if keeps(set, w.Measure) {
			out[w.Measure] = w.Since
		}
	}
	for _, name := range fresh {
		out[name] = now
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func keeps(set *rule.Set, name string) bool {
	if _, ok := set.Measure(name); ok {
		return true
	}
	for _, f := range set.Folds { // absent(…) has no name of its own
		if f.Naming == name {
			return true
		}
	}
	return false
}

// GroupOf is the group of a tag by these rules; empty for tags that no rule
// gives.
func (v *Version) GroupOf(tag string) string {
	if t, ok := v.RuleOf(tag); ok {
		return t.Group
	}
	return ""
}

// Reads says that the rule behind a tag reads one of the measures.
func (v *Version) Reads(tag string, measures []Warm) bool {
	t, ok := v.RuleOf(tag)
	if !ok {
		return false
	}
	return slices.ContainsFunc(measures, func(w Warm) bool {
		return slices.Contains(t.Uses.Measures, w.Measure) || strings.HasPrefix(w.Measure, "absent ") && v.readsFold(t, w.Measure)
	})
}

func (v *Version) readsFold(t *rule.Tag, naming string) bool {
	for key := range t.Uses.Folds {
		if f, ok := v.Folds[key]; ok && f.Naming == naming {
			return true
		}
	}
	return false
}

// Known are the tags that these rules name, families aside, in the order of the
// rules.
func (v *Version) Known() []string {
	var out []string
	for _, t := range v.Tags {
		switch {
		case t.Value != nil:
		case t.Choose != nil:
			for _, c := range t.Choose {
				out = append(out, c.Tag)
			}
		default:
			out = append(out, t.Name)
		}
	}
	return out
}
