package cond

import (
	"math"

	"github.com/expr-lang/expr/ast"
	"github.com/govalues/decimal"
)

// A window keeps its newest events: what it counts is known up to a number, and above
// that only that there are at least so many. A comparison is exact when it has the
// same answer for all of them.

// counted is a node whose value is known up to a number only.
type counted interface {
	// Limit is the number; 0: the value is known whatever it is.
	Limit() int
}

// reach is what is known of a value made of such counts, the others being constants.
type reach struct {
	limit int     // of the counts
	way   int     // 1: it rises with every count, -1: it falls, 0: it is made of no such count
	least float64 // where every count is 0
	full  float64 // where one of them is at its limit, and it makes the smallest difference
}

// reachOf is ok where the value rises or falls with every count that it is made of, so
// that there is a number beyond which nothing is known of it.
func reachOf(n Node) (r reach, ok bool) {
	switch n := n.(type) {
	case Const:
		return reach{least: n.Value.float(), full: math.Inf(1)}, n.Value.isNumber()
	case counted:
		if n.Limit() > 0 {
			return reach{limit: n.Limit(), way: 1, full: float64(n.Limit())}, true
		}
	case negative:
		a, ok := reachOf(n.a)
		return a.times(-1), ok
	case coalesce: // a count is never missing
		return reachOf(n.a)
	case arithmetic:
		a, oka := reachOf(n.a)
		b, okb := reachOf(n.b)
		if !oka || !okb {
			return reach{}, false
		}
		switch n.op {
		case "+":
			return a.plus(b)
		case "-":
			return a.plus(b.times(-1))
		case "*":
			if a.way == 0 {
				a, b = b, a
			}
			return a.times(b.least), b.way == 0
		case "/":
			return a.times(1 / b.least), b.way == 0 && b.least != 0
		}
	}
	return reach{}, false
}

func (r reach) plus(o reach) (reach, bool) {
	out := reach{limit: max(r.limit, o.limit), way: r.way, least: r.least + o.least}
	if r.way == 0 {
		out.way = o.way
	}
	one, other := r.full+o.least, o.full+r.least
	switch {
	case r.way == 0:
		out.full = other
	case o.way == 0:
		out.full = one
	case r.way != o.way:
		return reach{}, false
	case r.way > 0:
		out.full = min(one, other)
	default:
		out.full = max(one, other)
	}
	return out, true
}

func (r reach) times(k float64) reach {
	out := reach{limit: r.limit, way: r.way, least: r.least * k}
	switch {
	case k == 0 || r.way == 0:
		return reach{least: out.least, full: math.Inf(1)}
	case k < 0:
		out.way = -r.way
	}
	out.full = r.full * k
	return out
}

// within refuses a comparison of a value that asks for more than is known.
func (c compiler) within(at ast.Node, n Node, l Limit) error {
	r, ok := reachOf(n)
	if !ok || r.way == 0 {
		return nil
	}
	from, to, above, past := ">=", "<", l.Above(), l.Number > r.full
	if r.way < 0 {
		from, to, above, past = "<=", ">", l.Below(), l.Number < r.full
	}
	if !past && (l.Number != r.full || above == l.At()) {
		return nil
	}
	return c.errorf(at, "时间窗只保留最新的 %[1]d 个事件，与 %[2]s 比较不会准确；可以准确比较的是 %[3]s %[4]s 和 %[5]s %[4]s / a window keeps its newest %[1]d events, so a comparison with %[2]s cannot be exact; what can be is %[3]s %[4]s and %[5]s %[4]s", r.limit, l.value, from, Of(r.full), to)
}

// members refuses a list that asks for more than is known.
func (c compiler) members(at ast.Node, n, list Node) error {
	k, ok := list.(Const)
	if !ok {
		return nil
	}
	for _, text := range k.Value.List {
		d, err := decimal.Parse(text)
		if err != nil { // no count is in the list for it
			continue
		}
		v := NumberOf(d)
		if err := c.within(at, n, Limit{Number: v.float(), op: "==", value: v}); err != nil {
			return err
		}
	}
	return nil
}
