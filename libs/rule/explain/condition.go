package explain

import (
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/tagwire/tagwire/libs/rule/cond"
)

// reader reads one condition in one language.
type reader struct {
	w      words
	syntax *cond.Syntax
	counts map[string]bool // measures that count
	spans  map[string]bool // measures that are a length of time
}

// condition is a condition in words; one that does not parse stays as it is.
func (r reader) condition(text string) string { return r.within(text, 0) }

// joined is a condition that is followed or led by another `and`.
func (r reader) joined(text string) string { return r.within(text, rankAnd) }

func (r reader) within(text string, rank int) string {
	s, err := cond.Parse(text)
	if err != nil {
		return text
	}
	r.syntax = s
	return r.part(s.Root, rank)
}

// value is an expression that is not a condition, in words.
func (r reader) value(text string) string {
	s, err := cond.Parse(text)
	if err != nil {
		return text
	}
	r.syntax = s
	return r.operand(s.Root)
}

// Ranks of joins: what binds weaker stands in brackets within what binds
// stronger.
const (
	rankOr  = 1
	rankAnd = 2
)

func (r reader) part(n ast.Node, within int) string {
	op, parts := cond.Parts(n)
	switch op {
	case "and":
		return r.join(parts, both{"，并且", " and "}, rankAnd, within)
	case "or":
		return r.join(parts, both{"；或者", ", or "}, rankOr, within)
	case "not":
		return r.not(parts[0])
	case "if":
		return r.w.say("如果%s，则%s，否则%s", "if %s, then %s, otherwise %s", r.part(parts[0], 3), r.part(parts[1], 3), r.part(parts[2], 3))
	case "call":
		return r.call(n, false)
	case "name":
		return r.truth(n, false)
	}
	if c, ok := comparisons()[op]; ok && len(parts) == 2 {
		return r.compare(c, parts)
	}
	return r.operand(n)
}

func (r reader) join(parts []ast.Node, with both, rank, within int) string {
	out := make([]string, len(parts))
	for i, p := range parts {
		out[i] = r.part(p, rank)
	}
	text := strings.Join(out, r.w.pick(with))
	if within > rank {
		return r.w.say("（%s）", "(%s)", text)
	}
	return text
}

func (r reader) not(n ast.Node) string {
	op, parts := cond.Parts(n)
	switch op {
	case "call":
		return r.call(n, true)
	case "name":
		return r.truth(n, true)
	case "not":
		return r.part(parts[0], 3)
	}
	if c, ok := comparisons()[op]; ok && c.opposite != "" {
		return r.compare(comparisons()[c.opposite], parts)
	}
	return r.w.say("并非（%s）", "not (%s)", r.part(n, 0))
}

// truth is a name that stands alone: it holds when it is true.
func (r reader) truth(n ast.Node, negated bool) string {
	text := r.syntax.Text(n)
	if text == "known" {
		if negated {
			return r.w.say("身份未知", "the customer is not known")
		}
		return r.w.say("身份已知", "the customer is known")
	}
	if negated {
		return r.w.say("%s不成立", "%s is not true", r.w.name(text))
	}
	return r.w.say("%s成立", "%s is true", r.w.name(text))
}

// comparison is an operator in words: of counts with their unit, and of all
// else.
type comparison struct {
	count, other both // %s is the right side
	opposite     string
	none         both // where the right side is nil; %s is the left one
}

func comparisons() map[string]comparison {
	return map[string]comparison{
		">=":         {both{"至少 %s 次", " is at least %s times"}, both{"不低于 %s", " is at least %s"}, "", both{}},
		">":          {both{"多于 %s 次", " is more than %s times"}, both{"大于 %s", " is more than %s"}, "", both{}},
		"<=":         {both{"最多 %s 次", " is at most %s times"}, both{"不高于 %s", " is at most %s"}, "", both{}},
		"<":          {both{"少于 %s 次", " is fewer than %s times"}, both{"低于 %s", " is less than %s"}, "", both{}},
		"==":         {both{"为 %s 次", " is %s times"}, both{"是 %s", " is %s"}, "!=", both{"没有%s", "%s is missing"}},
		"!=":         {both{"不是 %s 次", " is not %s times"}, both{"不是 %s", " is not %s"}, "==", both{"有%s", "%s is present"}},
		"in":         {both{}, both{"是 %s 之一", " is one of %s"}, "not in", both{}},
		"not in":     {both{}, both{"不是 %s 之一", " is none of %s"}, "in", both{}},
		"contains":   {both{}, both{"包含 %s", " contains %s"}, "lacks", both{}},
		"lacks":      {both{}, both{"不包含 %s", " does not contain %s"}, "", both{}},
		"startsWith": {both{}, both{"以 %s 开头", " starts with %s"}, "", both{}},
		"endsWith":   {both{}, both{"以 %s 结尾", " ends with %s"}, "", both{}},
		"matches":    {both{}, both{"符合格式 %s", " matches %s"}, "", both{}},
	}
}

func (r reader) compare(c comparison, parts []ast.Node) string {
	left, right := parts[0], parts[1]
	text := r.operand(left)
	value := r.operand(right)
	if names, ok := valueNames()[r.syntax.Text(left)]; ok {
		if b, ok := names[value]; ok {
			value = r.w.pick(b)
		}
	}
	if r.spans[r.syntax.Text(left)] {
		value = r.w.span(value)
	}
	if r.syntax.Text(left) == "event.type" {
		value = r.w.event(value)
	}
	how := c.other
	if _, none := right.(*ast.NilNode); none && c.none.zh != "" {
		return r.w.say(c.none.zh, c.none.en, text)
	}
	if op, inner := cond.Parts(left); op == "len" && len(inner) == 1 {
		return r.w.say("%s的个数", "the number of %s", r.w.gap(r.operand(inner[0]))) + r.w.fill(how, value)
	}
	if r.counts[r.syntax.Text(left)] && c.count.zh != "" && isNumber(right) {
		how = c.count
		if value == "1" {
			how.en = strings.Replace(strings.TrimSuffix(how.en, "s"), "at least %s time", "at least once", 1)
		}
	}
	return r.w.gap(text) + r.w.fill(how, value)
}

func isNumber(n ast.Node) bool {
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		return true
	}
	return false
}

// operand is a value in words.
func (r reader) operand(n ast.Node) string {
	op, parts := cond.Parts(n)
	switch op {
	case "name":
		return r.w.name(r.syntax.Text(n))
	case "value":
		return r.constant(n)
	case "len":
		return r.w.say("%s的个数", "the number of %s", r.operand(parts[0]))
	case "call":
		return r.given(n)
	case "if":
		return r.w.say("（%s）", "(%s)", r.chosen(parts))
	case "+", "-", "*", "/":
		sign := map[string]both{"+": {"加", " plus "}, "-": {"减", " minus "}, "*": {"乘以", " times "}, "/": {"除以", " divided by "}}[op]
		return r.w.gap(r.inner(parts[0])) + r.w.fill(both{sign.zh + " %s", sign.en + "%s"}, r.inner(parts[1]))
	case "??":
		return r.operand(parts[0]) + r.w.fill(both{"（没有时取 %s）", " (%s when there is none)"}, r.operand(parts[1]))
	}
	return r.syntax.Text(n)
}

// chosen is a value that a condition chooses.
func (r reader) chosen(parts []ast.Node) string {
	text := r.w.say("%[1]s时为%[2]s", "%[2]s if %[1]s", r.w.gap(r.part(parts[0], 0)), r.operand(parts[1]))
	if op, more := cond.Parts(parts[2]); op == "if" {
		return text + r.w.pick(both{"，", ", "}) + r.chosen(more)
	}
	return text + r.w.say("，否则为%s", ", otherwise %s", r.operand(parts[2]))
}

func (r reader) inner(n ast.Node) string {
	if op, _ := cond.Parts(n); op == "+" || op == "-" || op == "*" || op == "/" {
		return r.w.say("（%s）", "(%s)", r.operand(n))
	}
	return r.operand(n)
}

// constant is a literal: texts without quotes of the language.
func (r reader) constant(n ast.Node) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.ArrayNode:
		out := make([]string, len(n.Nodes))
		for i, e := range n.Nodes {
			out[i] = r.constant(e)
		}
		return strings.Join(out, r.w.pick(both{"、", ", "}))
	}
	return r.syntax.Text(n)
}
