package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/cond"
)

// later are measure kinds of the language that this version does not serve.
var later = []string{"sequence", "avg", "min", "max", "top", "between"}

func (c *compilation) measure(e entry) {
	if _, ok := c.set.measures[e.key]; ok {
		c.fail(e.at.errorf("the measure %q stands in two files", e.key))
		return
	}
	if strings.ContainsAny(e.key, " .:()\"'") || e.key == "event" {
		c.fail(e.at.errorf("a measure's name is one word without signs, so that conditions can use it; not %q", e.key))
		return
	}
	for _, key := range c.keysOf(e.value) {
		if slices.Contains(later, key.key) {
			c.fail(key.at.errorf("%q is not served in this version", key.key))
			return
		}
	}
	f, err := e.value.fields(Keys("measure")...)
	if c.fail(err) {
		return
	}
	m, err := c.readMeasure(e, f)
	if c.fail(err) {
		return
	}
	m.Number = len(c.set.Measures)
	c.set.measures[m.Name] = m
	c.set.Measures = append(c.set.Measures, m)
}

func (c *compilation) keysOf(n yamlNode) []entry {
	es, err := n.entries()
	if err != nil {
		return nil // refused again, with its place, by whoever reads it
	}
	return es
}

func (c *compilation) readMeasure(e entry, f map[string]yamlNode) (*Measure, error) {
	m := &Measure{Name: e.key}
	spec := foldSpec{naming: e.key}
	for _, kind := range []MeasureKind{Count, Sum, Last, First, Distinct, Score} {
		n, ok := f[string(kind)]
		if !ok {
			continue
		}
		if m.Kind != "" {
			return nil, n.errorf("a measure is one of count, sum, last, first, distinct, score; here stand %s and %s", m.Kind, kind)
		}
		m.Kind = kind
		var err error
		if kind == Score {
			spec.points, err = points(n)
		} else {
			spec.types, err = n.texts()
		}
		if err != nil {
			return nil, err
		}
	}
	if m.Kind == "" {
		return nil, e.at.errorf("a measure needs one of count, sum, last, first, distinct, score")
	}
	if err := c.measureOptions(m, f, &spec); err != nil {
		return nil, err
	}
	spec.window, spec.score, spec.texts = m.Within, m.Kind == Score, m.Kind == Distinct
	if (m.Kind == Sum || m.Kind == Distinct) && spec.of == nil {
		return nil, e.at.errorf("%s needs `of`: what to take of each event, such as of: event.amount", m.Kind)
	}
	m.Fold = c.fold(spec)
	if n, ok := f["minus"]; ok {
		if m.Kind != Sum {
			return nil, n.errorf("only a sum has `minus`")
		}
		types, err := n.texts()
		if err != nil {
			return nil, err
		}
		less := spec
		less.types = types
		m.Minus = c.fold(less)
	}
	return m, nil
}

func (c *compilation) measureOptions(m *Measure, f map[string]yamlNode, spec *foldSpec) error {
	var err error
	if n, ok := f["where"]; ok {
		if spec.where, spec.whereText, err = c.boolean(n, scope{uses: &Uses{}, event: true}); err != nil {
			return err
		}
	}
	if n, ok := f["of"]; ok {
		if spec.of, spec.ofText, err = c.condition(n, scope{uses: &Uses{}, event: true}); err != nil {
			return err
		}
		if m.Kind == Count || m.Kind == Score {
			return n.errorf("%s takes no `of`", m.Kind)
		}
	} else if m.Kind == Last || m.Kind == First {
		spec.ofText = "event.time"
		if spec.of, err = cond.Compile(spec.ofText, scope{c: c, uses: &Uses{}, event: true}); err != nil {
			return err
		}
	}
	if n, ok := f["within"]; ok {
		if m.Within, err = duration(n); err != nil {
			return err
		}
	}
	if n, ok := f["half_life"]; ok {
		if m.HalfLife, err = duration(n); err != nil {
			return err
		}
		if m.Kind != Score {
			return n.errorf("only a score has `half_life`")
		}
	}
	return nil
}

func duration(n yamlNode) (time.Duration, error) {
	s, err := n.text()
	if err != nil {
		return 0, err
	}
	d, err := ParseDuration(s)
	if err != nil {
		return 0, n.errorf("%s", err)
	}
	return d, nil
}

func points(n yamlNode) (map[string]decimal.Decimal, error) {
	es, err := n.entries()
	if err != nil {
		return nil, err
	}
	out := map[string]decimal.Decimal{}
	for _, e := range es {
		s, err := e.value.text()
		if err != nil {
			return nil, err
		}
		d, err := decimal.Parse(s)
		if err != nil {
			return nil, e.value.errorf("points are a number, not %q", s)
		}
		out[e.key] = d
	}
	if len(out) == 0 {
		return nil, n.errorf("a score needs points: score: {link.open: 5}")
	}
	return out, nil
}

// foldSpec is the definition of a fold.
type foldSpec struct {
	types             []string
	points            map[string]decimal.Decimal
	where, of         cond.Node
	whereText, ofText string
	window            time.Duration
	score, texts      bool
	naming            string
}

// fold finds or makes the fold of a definition. Its key is made of what it
// keeps, not of its name.
func (c *compilation) fold(s foldSpec) *Fold {
	types := map[string]decimal.Decimal{}
	for _, t := range s.types {
		types[t] = decimal.One
	}
	maps.Copy(types, s.points)
	var parts []string
	for t, p := range types {
		parts = append(parts, t+"="+p.String())
	}
	sort.Strings(parts)
	parts = append(parts, "where="+s.whereText, "of="+s.ofText, "window="+s.window.String())
	if s.texts {
		parts = append(parts, "texts")
	}
	if s.score {
		parts = append(parts, "score")
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	key := hex.EncodeToString(sum[:5])
	if f, ok := c.set.Folds[key]; ok {
		return f
	}
	shape := profile.Shape{Window: s.window, Keep: s.window + profile.Horizon, Score: s.score}
	if s.score && s.window > 0 {
		shape.Score = false // a window bounds it
	}
	f := &Fold{Number: len(c.set.Folds), Key: key, Types: types, Where: s.where, Of: s.of, Shape: shape, Texts: s.texts, Money: s.ofText == "event.amount", Naming: s.naming}
	c.set.Folds[key] = f
	return f
}
