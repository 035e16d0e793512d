package lint

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/cond"
)

// analysis looks at one condition as alternatives of facts that must hold
// together.
type analysis struct {
	set    *rule.Set
	syntax *cond.Syntax
}

// literal is one fact about a value. Of op "": whether the part with this text
// holds; otherwise a comparison with a number or a text.
type literal struct {
	key    string
	op     string // <, <=, >, >=, ==, != or ""
	number float64
	text   string
	texts  bool
	not    bool // of op ""
}

// maxTerms bounds the alternatives; a condition with more is not judged.
const maxTerms = 256

func (a *analysis) never(n ast.Node) bool {
	terms, ok := a.terms(n, false)
	return ok && unsatisfiable(a.set, terms)
}

func (a *analysis) always(n ast.Node) bool {
	terms, ok := a.terms(n, true)
	return ok && unsatisfiable(a.set, terms)
}

func (l *linter) unsatisfiable(terms [][]literal) bool { return unsatisfiable(l.set, terms) }

// terms are the alternatives of a condition, or of its opposite.
func (a *analysis) terms(n ast.Node, negated bool) ([][]literal, bool) {
	op, parts := cond.Parts(n)
	switch {
	case op == "not":
		return a.terms(parts[0], !negated)
	case op == "and" && !negated, op == "or" && negated:
		out := [][]literal{{}}
		for _, p := range parts {
			t, ok := a.terms(p, negated)
			if !ok {
				return nil, false
			}
			if out, ok = product(out, t); !ok {
				return nil, false
			}
		}
		return out, true
	case op == "and", op == "or":
		var out [][]literal
		for _, p := range parts {
			t, ok := a.terms(p, negated)
			if !ok || len(out)+len(t) > maxTerms {
				return nil, false
			}
			out = append(out, t...)
		}
		return out, true
	}
	if b, ok := n.(*ast.BoolNode); ok {
		if b.Value == negated {
			return nil, true
		}
		return [][]literal{{}}, true
	}
	if l, ok := a.comparison(op, parts, negated); ok {
		return [][]literal{{l}}, true
	}
	return [][]literal{{{key: a.syntax.Text(n), not: negated}}}, true
}

func product(a, b [][]literal) ([][]literal, bool) {
	if len(a)*len(b) > maxTerms {
		return nil, false
	}
	var out [][]literal
	for _, x := range a {
		for _, y := range b {
			out = append(out, slices.Concat(x, y))
		}
	}
	return out, true
}

// comparison reads `value op constant`, in either order.
func (a *analysis) comparison(op string, parts []ast.Node, negated bool) (literal, bool) {
	opposite := map[string]string{"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
	mirrored := map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
	if opposite[op] == "" || len(parts) != 2 {
		return literal{}, false
	}
	l := literal{op: op}
	value, constant := parts[0], parts[1]
	if !l.take(constant) {
		value, constant = constant, value
		l.op = mirrored[op]
		if !l.take(constant) {
			return literal{}, false
		}
	}
	l.key = a.syntax.Text(value)
	if negated {
		// A missing value makes every order false, so only of values that are
		// never missing is the opposite of < the same as >=.
		if l.op != "==" && l.op != "!=" && !present(a.set, l.key) {
			return literal{key: l.key + " " + l.op + " " + a.syntax.Text(constant), not: true}, true
		}
		l.op = opposite[l.op]
	}
	return l, true
}

func (l *literal) take(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IntegerNode:
		l.number = float64(n.Value)
	case *ast.FloatNode:
		l.number = n.Value
	case *ast.StringNode:
		l.text, l.texts = n.Value, true
	case *ast.UnaryNode:
		if n.Operator != "-" || !l.take(n.Node) || l.texts {
			return false
		}
		l.number = -l.number
	default:
		return false
	}
	return true
}

// present says that a value is never missing.
func present(set *rule.Set, key string) bool {
	m, ok := set.Measure(key)
	return strings.HasPrefix(key, "len(") || ok && (m.Kind == rule.Count || m.Kind == rule.Sum || m.Kind == rule.Score)
}

// whole says that a value is a whole number that is not below 0.
func whole(set *rule.Set, key string) bool {
	m, ok := set.Measure(key)
	return strings.HasPrefix(key, "len(") || ok && m.Kind == rule.Count
}

func unsatisfiable(set *rule.Set, terms [][]literal) bool {
	for _, t := range terms {
		if possible(set, t) {
			return false
		}
	}
	return true
}

// possible says that the facts can hold together.
func possible(set *rule.Set, term []literal) bool {
	byKey := map[string][]literal{}
	for _, l := range term {
		if l.op == "" {
			if slices.Contains(term, literal{key: l.key, not: !l.not}) {
				return false
			}
			continue
		}
		byKey[l.key] = append(byKey[l.key], l)
	}
	for key, facts := range byKey {
		r := span{lo: math.Inf(-1), hi: math.Inf(1)}
		if whole(set, key) {
			r = span{lo: 0, hi: math.Inf(1), whole: true}
		}
		for _, f := range facts {
			r.and(f)
		}
		if r.empty() {
			return false
		}
	}
	return true
}

// span is what values are left.
type span struct {
	lo, hi         float64
	openLo, openHi bool
	whole          bool
	is, isNot      []string // == and != of texts and numbers
}

func (s *span) and(l literal) {
	as := "n" + strconv.FormatFloat(l.number, 'g', -1, 64)
	if l.texts {
		as = "t" + l.text
	}
	switch l.op {
	case "==":
		s.is = append(s.is, as)
	case "!=":
		s.isNot = append(s.isNot, as)
	}
	if l.texts {
		return
	}
	low, high := l.op == ">" || l.op == ">=" || l.op == "==", l.op == "<" || l.op == "<=" || l.op == "=="
	if low && (l.number > s.lo || l.number == s.lo && l.op == ">") {
		s.lo, s.openLo = l.number, l.op == ">"
	}
	if high && (l.number < s.hi || l.number == s.hi && l.op == "<") {
		s.hi, s.openHi = l.number, l.op == "<"
	}
}

func (s *span) empty() bool {
	for i, v := range s.is {
		if slices.Contains(s.isNot, v) || i > 0 && v != s.is[0] {
			return true
		}
	}
	lo, hi := s.lo, s.hi
	if s.whole {
		if s.openLo && lo == math.Trunc(lo) {
			lo++
		}
		if s.openHi && hi == math.Trunc(hi) {
			hi--
		}
		lo, hi = math.Ceil(lo), math.Floor(hi)
		for slices.Contains(s.isNot, "n"+strconv.FormatFloat(lo, 'g', -1, 64)) && lo <= hi {
			lo++
		}
		return lo > hi
	}
	return lo > hi || lo == hi && (s.openLo || s.openHi)
}

// tags are the tags that a condition reads.
func (a *analysis) tags() []string {
	var out []string
	for _, texts := range a.syntax.Calls("tag") {
		if len(texts) > 0 {
			out = append(out, texts[0])
		}
	}
	return out
}
