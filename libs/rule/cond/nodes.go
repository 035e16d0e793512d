package cond

import (
	"regexp"
	"slices"
	"strings"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
)

// Const is a literal.
type Const struct{ Value Value }

// Eval gives the literal.
func (n Const) Eval(*Moment) Value { return n.Value }

// Next is never.
func (n Const) Next(*Moment) event.Time { return 0 }

// Func is a leaf without a clock: a field of the event, a trait.
type Func func(m *Moment) Value

// Eval calls the function.
func (n Func) Eval(m *Moment) Value { return n(m) }

// Next is never: only an event changes it.
func (n Func) Next(*Moment) event.Time { return 0 }

type and struct{ a, b Node }

func (n and) Eval(m *Moment) Value { return BoolOf(n.a.Eval(m).True() && n.b.Eval(m).True()) }

func (n and) Next(m *Moment) event.Time {
	// While one side is false only a change of that side can change the whole.
	va, vb := n.a.Eval(m).True(), n.b.Eval(m).True()
	switch {
	case !va && vb:
		return n.a.Next(m)
	case va && !vb:
		return n.b.Next(m)
	}
	return Earliest(n.a.Next(m), n.b.Next(m))
}

type or struct{ a, b Node }

func (n or) Eval(m *Moment) Value { return BoolOf(n.a.Eval(m).True() || n.b.Eval(m).True()) }

func (n or) Next(m *Moment) event.Time {
	va, vb := n.a.Eval(m).True(), n.b.Eval(m).True()
	switch {
	case va && !vb:
		return n.a.Next(m)
	case !va && vb:
		return n.b.Next(m)
	}
	return Earliest(n.a.Next(m), n.b.Next(m))
}

type not struct{ a Node }

func (n not) Eval(m *Moment) Value      { return BoolOf(!n.a.Eval(m).True()) }
func (n not) Next(m *Moment) event.Time { return n.a.Next(m) }

type choice struct{ cond, yes, no Node }

func (n choice) Eval(m *Moment) Value {
	if n.cond.Eval(m).True() {
		return n.yes.Eval(m)
	}
	return n.no.Eval(m)
}

func (n choice) Next(m *Moment) event.Time {
	return Earliest(n.cond.Next(m), Earliest(n.yes.Next(m), n.no.Next(m)))
}

// Crossing is a value that knows when it will pass a constant.
type Crossing interface {
	Node
	// Cross is the next moment after m.Now at which the limit's answer about the
	// value differs from that at m.Now; 0: never.
	Cross(m *Moment, limit Limit) event.Time
}

// Limit is a constant that a value is compared with.
type Limit struct {
	Number float64
	op     string
	value  Value
	left   bool // the constant stands on the left
}

// Compare orders a value and the limit's constant; ok is false where they cannot be
// compared.
func (l Limit) Compare(v Value) (c int, ok bool) { return compare(v, l.value) }

// On says that both limits have the same constant.
func (l Limit) On(o Limit) bool {
	c, ok := compare(l.value, o.value)
	return ok && c == 0
}

// Same says that the limits answer alike.
func (l Limit) Same(o Limit) bool { return l.On(o) && l.op == o.op && l.left == o.left }

// Above says that the limit holds for values above the constant.
func (l Limit) Above() bool {
	return l.op == "!=" || l.left == strings.HasPrefix(l.op, "<") && l.op != "=="
}

// Below says that it holds for values below.
func (l Limit) Below() bool {
	return l.op == "!=" || l.left == strings.HasPrefix(l.op, ">") && l.op != "=="
}

// At says that it holds for the constant itself.
func (l Limit) At() bool { return l.Holds(l.value) }

// Holds answers the comparison.
func (l Limit) Holds(v Value) bool {
	if l.left {
		return holds(l.op, l.value, v)
	}
	return holds(l.op, v, l.value)
}

type comparison struct {
	op    string
	a, b  Node
	of    Node     // a or b, when the other is a number that stands
	moves Crossing // likewise, when it knows when it passes the number
	limit Limit
}

// Threshold is a comparison of one value with a number that stands.
type Threshold struct {
	Of    Node
	Limit Limit
	whole comparison
}

// ThresholdOf is the threshold that a condition is, if it is nothing else.
func ThresholdOf(n Node) (Threshold, bool) {
	c, ok := n.(comparison)
	return Threshold{Of: c.of, Limit: c.limit, whole: c}, ok && c.of != nil
}

// Next is the moment at which the threshold is passed.
func (t *Threshold) Next(m *Moment) event.Time { return t.whole.Next(m) }

func compareNodes(op string, a, b Node) comparison {
	n := comparison{op: op, a: a, b: b}
	for i, side := range [][2]Node{{a, b}, {b, a}} {
		k, constant := side[1].(Const)
		if _, both := side[0].(Const); constant && !both && (k.Value.isNumber() || k.Value.Kind == Span) {
			n.of, n.limit = side[0], Limit{Number: k.Value.float(), op: op, value: k.Value, left: i == 1}
			n.moves, _ = side[0].(Crossing)
			break
		}
	}
	return n
}

func (n comparison) Eval(m *Moment) Value {
	return BoolOf(holds(n.op, n.a.Eval(m), n.b.Eval(m)))
}

func holds(op string, a, b Value) bool {
	if op == "==" || op == "!=" {
		if a.Kind == Absent || b.Kind == Absent {
			return (a.Kind == b.Kind) == (op == "==")
		}
		c, ok := compare(a, b)
		return ok && c == 0 == (op == "==") || !ok && op == "!="
	}
	c, ok := compare(a, b)
	if !ok {
		return false
	}
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	default:
		return c >= 0
	}
}

// maxSteps bounds the search for a flip; what lies beyond is found when the
// timer at the last step seen is judged again.
const maxSteps = 2200

// Next is the moment at which the comparison flips.
func (n comparison) Next(m *Moment) event.Time {
	if n.moves != nil {
		return n.moves.Cross(m, n.limit)
	}
	return n.step(m)
}

// step looks at each moment at which a side may change.
func (n comparison) step(m *Moment) event.Time {
	now := n.Eval(m).True()
	at := *m
	for range maxSteps {
		next := Earliest(n.a.Next(&at), n.b.Next(&at))
		if next == 0 || m.Before != 0 && next >= m.Before { // whether it flips there nobody asks
			return next
		}
		at.Now = next
		if n.Eval(&at).True() != now {
			return next
		}
	}
	return at.Now
}

type arithmetic struct {
	op   string
	a, b Node
}

func (n arithmetic) Eval(m *Moment) Value {
	a, b := n.a.Eval(m), n.b.Eval(m)
	if n.op == "+" && a.Kind == Text && b.Kind == Text {
		return TextOf(a.Text + b.Text)
	}
	if !a.isNumber() || !b.isNumber() {
		return Value{}
	}
	if a.Kind == Number && b.Kind == Number {
		var d decimal.Decimal
		var err error
		switch n.op {
		case "+":
			d, err = a.Number.Add(b.Number)
		case "-":
			d, err = a.Number.Sub(b.Number)
		case "*":
			d, err = a.Number.Mul(b.Number)
		case "/":
			d, err = a.Number.Quo(b.Number)
		}
		if err != nil { // division by zero, overflow: absent
			return Value{}
		}
		return NumberOf(d)
	}
	x, y := a.float(), b.float()
	switch n.op {
	case "+":
		return ScoreOf(x + y)
	case "-":
		return ScoreOf(x - y)
	case "*":
		return ScoreOf(x * y)
	}
	if y == 0 {
		return Value{}
	}
	return ScoreOf(x / y)
}

func (n arithmetic) Next(m *Moment) event.Time { return Earliest(n.a.Next(m), n.b.Next(m)) }

type member struct {
	a, set Node
	negate bool
}

func (n member) Eval(m *Moment) Value {
	v, set := n.a.Eval(m), n.set.Eval(m)
	in := false
	if set.Kind == List {
		switch v.Kind {
		case Absent:
		case List:
			in = slices.ContainsFunc(v.List, func(s string) bool { return slices.Contains(set.List, s) })
		default:
			in = slices.Contains(set.List, v.String())
		}
	}
	return BoolOf(in != n.negate)
}

func (n member) Next(m *Moment) event.Time { return Earliest(n.a.Next(m), n.set.Next(m)) }

type textTest struct {
	op   string
	a, b Node
	re   *regexp.Regexp // of `matches`
}

func (n textTest) Eval(m *Moment) Value {
	a, b := n.a.Eval(m), n.b.Eval(m)
	if a.Kind == List && n.op == "contains" {
		return BoolOf(slices.Contains(a.List, b.String()))
	}
	if a.Kind != Text || b.Kind != Text {
		return BoolOf(false)
	}
	switch n.op {
	case "contains":
		return BoolOf(strings.Contains(a.Text, b.Text))
	case "startsWith":
		return BoolOf(strings.HasPrefix(a.Text, b.Text))
	case "endsWith":
		return BoolOf(strings.HasSuffix(a.Text, b.Text))
	}
	return BoolOf(n.re.MatchString(a.Text)) // RE2: linear in the text
}

func (n textTest) Next(m *Moment) event.Time { return Earliest(n.a.Next(m), n.b.Next(m)) }

type coalesce struct{ a, b Node }

func (n coalesce) Eval(m *Moment) Value {
	if v := n.a.Eval(m); v.Kind != Absent {
		return v
	}
	return n.b.Eval(m)
}

func (n coalesce) Next(m *Moment) event.Time { return Earliest(n.a.Next(m), n.b.Next(m)) }

type negative struct{ a Node }

func (n negative) Eval(m *Moment) Value {
	switch v := n.a.Eval(m); v.Kind {
	case Number:
		return NumberOf(v.Number.Neg())
	case Score:
		return ScoreOf(-v.Score)
	}
	return Value{}
}

func (n negative) Next(m *Moment) event.Time { return n.a.Next(m) }

type length struct{ a Node }

func (n length) Eval(m *Moment) Value {
	switch v := n.a.Eval(m); v.Kind {
	case List:
		return IntOf(int64(len(v.List)))
	case Text:
		return IntOf(int64(len([]rune(v.Text))))
	}
	return IntOf(0)
}

// Limit is that of what is counted.
func (n length) Limit() int {
	if w, ok := n.a.(counted); ok {
		return w.Limit()
	}
	return 0
}

func (n length) Next(m *Moment) event.Time { return n.a.Next(m) }
