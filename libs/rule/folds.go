package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/cond"
)

// foldSpec is the definition of a fold.
type foldSpec struct {
	types                       []string
	points                      map[string]decimal.Decimal
	steps                       *profile.Steps
	wheres                      map[int]cond.Node // of single steps
	stepText                    string
	where, of, same             cond.Node
	whereText, ofText, sameText string
	shape                       profile.Shape
	texts                       bool
	naming                      string
	uses                        Uses // of where, of and same
}

// baseCurrency is that of a set which names none.
const baseCurrency = "CNY"

// longMonth is longer than any calendar period.
const longMonth = 32 * 24 * time.Hour

// far is how far back the measure looks; 0: for ever.
func (m *Measure) far() time.Duration {
	switch {
	case len(m.Between) == 2:
		return m.Between[1]
	case m.Per != "":
		return longMonth
	}
	return m.Within
}

// shape says what the measure needs its fold to keep.
func (m *Measure) shape(s *foldSpec) {
	far := m.far()
	s.shape.Keep = far + profile.Horizon
	s.texts = m.Kind == Distinct || m.Kind == Top
	switch {
	case m.Kind == Sequence:
		s.steps.Within = m.Within
		s.shape.Keep += m.Over
		s.shape.Steps = s.steps
	case m.Kind == TimeSince:
		s.shape.Keeps = profile.KeepEnds
	case m.Kind == Score:
		s.shape.Score = far == 0 // a window bounds it
		s.shape.Keeps = profile.KeepHours
	case far > 0 && m.Kind == Sum:
		s.shape.Keeps = profile.KeepHours
	case far > 0:
	case m.Kind == Count || m.Kind == Sum || m.Kind == Avg:
		s.shape.Keeps = profile.KeepTotals
	case m.Kind == Min || m.Kind == Max:
		s.shape.Keeps = profile.KeepExtremes
	case m.Kind == Distinct:
		s.shape.Keeps = profile.KeepValues
	case m.Kind == Top:
		s.shape.Keeps = profile.KeepTally
	default:
		s.shape.Keeps = profile.KeepEnds
	}
}

// fold finds or makes the fold of a definition. Its key is made of which facts it
// takes, not of its name: measures of the same facts share one, which keeps what
// all of them need.
func (c *compilation) fold(s foldSpec) *Fold {
	key := s.key(c.set)
	f, ok := c.set.Folds[key]
	if ok && c.reading {
		return f
	}
	if !ok {
		types := map[string]decimal.Decimal{}
		for _, t := range s.types {
			types[t] = decimal.One
		}
		maps.Copy(types, s.points)
		f = &Fold{
			Number: len(c.set.Folds), Key: key, Types: types, Where: s.where, Of: s.of, Same: s.same, wheres: s.wheres,
			Texts: s.texts, Money: s.ofText == "event.amount", Naming: s.naming, Shape: profile.Shape{Steps: s.shape.Steps},
		}
		c.set.Folds[key] = f
	}
	f.Shape.Keep = max(f.Shape.Keep, s.shape.Keep)
	f.Shape.Score = f.Shape.Score || s.shape.Score
	f.Shape.Keeps |= s.shape.Keeps
	return f
}

// key names the facts that are taken. The versions of the keyword lists that the
// conditions read are part of it, the zone if they read days or times of day, and the
// base currency of money: with others, other facts are taken.
func (s foldSpec) key(set *Set) string {
	var parts []string
	for _, t := range s.types {
		parts = append(parts, t+"=1")
	}
	for t, p := range s.points {
		parts = append(parts, t+"="+p.String())
	}
	sort.Strings(parts)
	parts = append(slices.Compact(parts), "where="+s.whereText, "of="+s.ofText)
	for _, list := range s.uses.Keywords {
		parts = append(parts, fmt.Sprint("list=", list, " ", set.listVersions[list]))
	}
	if s.uses.Zone {
		parts = append(parts, "zone="+set.Zone.String())
	}
	if s.ofText == "event.amount" && set.Currency != baseCurrency {
		parts = append(parts, "currency="+set.Currency)
	}
	if s.texts {
		parts = append(parts, "texts")
	}
	if s.points != nil {
		parts = append(parts, "score")
	}
	if s.steps != nil {
		parts = append(parts, "steps="+s.stepText, "same="+s.sameText, "within="+s.shape.Steps.Within.String())
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:5])
}

const maxSteps = 32

// sequence reads steps: `link.open`, `not order.pay`, `link.open*3`, or a mapping
// {event: link.open, where: …} or {not: order.pay, where: …}.
func (c *compilation) sequence(n yamlNode, spec *foldSpec) error {
	items, err := n.items()
	if err != nil {
		return err
	}
	spec.steps, spec.points, spec.wheres = &profile.Steps{}, map[string]decimal.Decimal{}, map[int]cond.Node{}
	bits := map[string]int64{}
	var texts []string
	for _, item := range items {
		st, err := c.step(item, &spec.uses)
		if err != nil {
			return err
		}
		for range st.times {
			at := len(spec.steps.Not)
			if at == maxSteps {
				return n.errorf("序列最多 %[1]d 步 / a sequence has at most %[1]d steps", maxSteps)
			}
			spec.steps.Not = append(spec.steps.Not, st.not)
			bits[st.event] |= 1 << at
			if st.where != nil {
				spec.wheres[at] = st.where
			}
			texts = append(texts, fmt.Sprint(st.not, " ", st.event, " ", st.whereText))
		}
	}
	positive := slices.Contains(spec.steps.Not, false)
	if !positive || spec.steps.Not[0] || len(spec.steps.Not) < 2 {
		return n.errorf("序列以事件开头，至少两步，如 [cart.add, not order.pay] / a sequence begins with an event and has at least two steps, such as [cart.add, not order.pay]")
	}
	for t, b := range bits {
		spec.points[t] = decimal.MustNew(b, 0)
	}
	spec.stepText = strings.Join(texts, "\x01")
	return nil
}

// step is one step of a sequence.
type step struct {
	event     string
	not       bool
	times     int
	where     cond.Node
	whereText string
}

func (c *compilation) step(n yamlNode, uses *Uses) (step, error) {
	out := step{times: 1}
	if n.isMapping() {
		f, err := n.fields(Keys("step")...)
		if err != nil {
			return out, err
		}
		what, ok := f["event"]
		if no, has := f["not"]; has {
			if ok {
				return out, no.errorf("一步只写 `event` 或 `not` 之一 / a step is `event` or `not`, not both")
			}
			what, out.not, ok = no, true, true
		}
		if !ok {
			return out, n.errorf("一步要写 `event` 或 `not` / a step needs `event` or `not`")
		}
		if out.event, err = what.text(); err != nil {
			return out, err
		}
		if w, ok := f["where"]; ok {
			out.where, out.whereText, err = c.boolean(w, scope{uses: uses, event: true})
		}
		return out, err
	}
	text, err := n.text()
	if err != nil {
		return out, err
	}
	if rest, found := strings.CutPrefix(text, "not "); found {
		out.not, text = true, strings.TrimSpace(rest)
	}
	if name, count, found := strings.Cut(text, "*"); found {
		k, err := strconv.Atoi(strings.TrimSpace(count))
		if err != nil || k < 1 || k > maxSteps || out.not {
			return out, n.errorf("重复写成 link.open*3，次数是 1 到 %[1]d / a repetition is written link.open*3, with a number from 1 to %[1]d", maxSteps)
		}
		text, out.times = strings.TrimSpace(name), k
	}
	out.event = text
	return out, nil
}
