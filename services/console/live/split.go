package live

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
)

// split are the known profiles by dimension, tag and value.
type split map[string]map[string]map[string]int64

func (s split) add(f field, n int64) {
	if strings.HasSuffix(f.dimension, profile.AnonymousSuffix) {
		return
	}
	tags := s[f.dimension]
	if tags == nil {
		tags = map[string]map[string]int64{}
		s[f.dimension] = tags
	}
	if tags[f.tag] == nil {
		tags[f.tag] = map[string]int64{}
	}
	tags[f.tag][f.value] += n
}

// By is the view with every tag's count by the values of a dimension.
func (v *View) By(dimension string) *View {
	out := *v
	out.Tags = slices.Clone(v.Tags)
	counted := map[string]bool{}
	for _, g := range v.Groups {
		counted[g.Name] = slices.Contains(g.CountBy, dimension)
	}
	for i := range out.Tags {
		t := &out.Tags[i]
		if t.By = v.split[dimension][t.Tag]; t.By == nil && counted[t.Group] {
			t.By = map[string]int64{}
		}
	}
	return &out
}

// groupsOf are the groups of the rules, in the order that they say: those that
// say none behind, by name.
func groupsOf(set *rule.Set) []rule.Group {
	out := append([]rule.Group{}, set.Groups...)
	for _, t := range set.Tags {
		if t.Group != "" && !slices.ContainsFunc(out, func(g rule.Group) bool { return g.Name == t.Group }) {
			out = append(out, rule.Group{Name: t.Group, CountBy: []string{}})
		}
	}
	slices.SortStableFunc(out, func(a, b rule.Group) int {
		if (a.Order == 0) != (b.Order == 0) {
			return cmp.Compare(b2i(a.Order == 0), b2i(b.Order == 0))
		}
		return cmp.Or(cmp.Compare(a.Order, b.Order), strings.Compare(a.Name, b.Name))
	})
	return out
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// wire keeps a view as it was encoded, by dimension. Safe for concurrent use.
type wire struct {
	mu  sync.Mutex // guards out
	out map[string][]byte
}

func (w *wire) encode(v *View, by string) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if b, ok := w.out[by]; ok {
		return b, nil
	}
	if by != "" {
		v = v.By(by)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode the board: %w", err)
	}
	if w.out == nil {
		w.out = map[string][]byte{}
	}
	w.out[by] = b
	return b, nil
}
