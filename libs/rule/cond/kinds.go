package cond

import (
	"fmt"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// What a part of a condition must be, so far as that is known before it is judged. What
// can only be missing or wrong would be false for everybody, and its `not` true.

// kind refuses a part that is known to be none of the kinds.
func (c compiler) kind(at ast.Node, n Node, kinds ...Kind) error {
	if k := KindOf(n); k != Absent && !slices.Contains(kinds, k) {
		return c.errorf(at, "这里应该是%[1]s，现在是%[2]s / a %[3]s is expected here; this is a %[4]s", kinds[0].Chinese(), k.Chinese(), kinds[0], k)
	}
	return nil
}

// condition refuses what is no condition.
func (c compiler) condition(at ast.Node, n Node) error {
	if k := KindOf(n); k != Absent && k != Bool {
		return c.errorf(at, "%s", NoCondition(k))
	}
	return nil
}

// NoCondition says that what is of the kind is no condition.
func NoCondition(k Kind) string {
	return fmt.Sprintf("这里应该是条件，现在是%s：请把它与别的值比较 / a condition is expected here; this is a %s: compare it with something", k.Chinese(), k)
}

// operands refuses what cannot be reckoned with. Texts can be put together.
func (c compiler) operands(n *ast.BinaryNode, a, b Node) error {
	kinds := []Kind{Number, Score}
	if n.Operator == "+" && (KindOf(a) == Text || KindOf(b) == Text) {
		kinds = []Kind{Text}
	}
	if err := c.kind(n.Left, a, kinds...); err != nil {
		return err
	}
	return c.kind(n.Right, b, kinds...)
}

// still refuses what is made of a value that moves by itself: the moment at which such a
// thing passes anything is not known.
func (c compiler) still(at ast.Node, n Node) error {
	if k := moving(n); k != Absent {
		return c.errorf(at, "%s会自己变化：只能原样与固定的值比较，不能参与计算 / a %s moves by itself: compare it with a constant as it stands, not what is made of it", k.Chinese(), k)
	}
	return nil
}

// computed says that a value is made of others.
func computed(n Node) bool {
	switch n.(type) {
	case arithmetic, negative, coalesce, choice:
		return true
	}
	return false
}

// moving is the kind of what moves by itself and that a value is made of; Absent when
// there is none.
func moving(n Node) Kind {
	switch n := n.(type) {
	case arithmetic:
		return max(moving(n.a), moving(n.b))
	case negative:
		return moving(n.a)
	case coalesce:
		return max(moving(n.a), moving(n.b))
	case choice:
		return max(moving(n.yes), moving(n.no))
	case Const:
		return Absent
	}
	if k := KindOf(n); k == Score || k == Span {
		return k
	}
	return Absent
}

// reckoned is the kind of a sum, a difference, a product or a quotient.
func reckoned(n arithmetic) Kind {
	a, b := KindOf(n.a), KindOf(n.b)
	switch {
	case a == Score || b == Score:
		return Score
	case a == Number && b == Number:
		return Number
	case a == Text && b == Text:
		return Text
	}
	return Absent
}
