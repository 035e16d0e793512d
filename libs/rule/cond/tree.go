package cond

import (
	"github.com/expr-lang/expr/ast"

	"github.com/tagwire/tagwire/libs/event"
)

// Tree is a condition taken apart, so that people see which part of it holds.
type Tree struct {
	Op       string // and, or, not, ==, in, contains, +, if, call, name, value …
	Text     string // the part of the source
	Children []*Tree
	Node     Node
}

// CompileTree is Compile's sibling: it resolves every part of a condition. The
// error is of type *Error.
func CompileTree(text string, scope Scope) (*Tree, error) {
	s, err := Parse(text)
	if err != nil {
		return nil, err
	}
	t := treeMaker{s: s, c: compiler{scope: scope, text: text}}
	return t.tree(s.Root)
}

type treeMaker struct {
	s *Syntax
	c compiler
}

func (t treeMaker) tree(n ast.Node) (*Tree, error) {
	node, err := t.c.node(n)
	if err != nil {
		return nil, err
	}
	op, parts := Parts(n)
	out := &Tree{Op: op, Text: t.s.Text(n), Node: node}
	for _, p := range parts {
		child, err := t.tree(p)
		if err != nil {
			return nil, err
		}
		out.Children = append(out.Children, child)
	}
	return out, nil
}

// Parts names the operation of a node and gives its operands; those of `a and b
// and c` are three. A leaf (name, call, value) has none.
func Parts(n ast.Node) (op string, parts []ast.Node) {
	switch n := n.(type) {
	case *ast.BinaryNode:
		op = plain(n.Operator)
		if op == "and" || op == "or" {
			return op, flat(op, n, nil)
		}
		return op, []ast.Node{n.Left, n.Right}
	case *ast.UnaryNode:
		switch n.Operator {
		case "not", "!":
			return "not", []ast.Node{n.Node}
		case "-":
			if _, constant := n.Node.(*ast.IntegerNode); constant {
				return "value", nil
			}
			if _, constant := n.Node.(*ast.FloatNode); constant {
				return "value", nil
			}
			return "negative", []ast.Node{n.Node}
		}
		return Parts(n.Node)
	case *ast.ConditionalNode:
		return "if", []ast.Node{n.Cond, n.Exp1, n.Exp2}
	case *ast.BuiltinNode:
		if n.Name == "len" {
			return "len", n.Arguments
		}
		return "call", nil
	case *ast.CallNode:
		return "call", nil
	case *ast.IdentifierNode, *ast.MemberNode, *ast.ChainNode:
		return "name", nil
	}
	return "value", nil
}

// plain is the operator as the guides write it.
func plain(op string) string {
	switch op {
	case "&&":
		return "and"
	case "||":
		return "or"
	}
	return op
}

func flat(op string, n ast.Node, into []ast.Node) []ast.Node {
	b, ok := n.(*ast.BinaryNode)
	if !ok || plain(b.Operator) != op {
		return append(into, n)
	}
	return flat(op, b.Right, flat(op, b.Left, into))
}

// Shown is a tree with its values as of a moment. Holds stands with parts that
// are true or false, Value with all others; Next is when time alone may change
// the part.
type Shown struct {
	Op       string     `json:"op,omitempty"`
	Text     string     `json:"text,omitempty"`
	Holds    *bool      `json:"holds,omitempty"`
	Value    any        `json:"value,omitempty"` // null: missing
	AtLeast  bool       `json:"at_least,omitempty"`
	Left     *Shown     `json:"left,omitempty"`
	Right    *Shown     `json:"right,omitempty"`
	Children []*Shown   `json:"children,omitempty"`
	Next     event.Time `json:"next,omitzero"`
}

// At judges every part.
func (t *Tree) At(m *Moment) *Shown {
	v := t.Node.Eval(m)
	out := &Shown{Op: t.Op, Text: t.Text, Next: t.Node.Next(m)}
	if v.Kind == Bool || v.Kind == Absent && KindOf(t.Node) == Bool {
		holds := v.True()
		out.Holds = &holds
	} else {
		out.Value, out.AtLeast = v.JSON(), v.More
	}
	if sided(t.Op) && len(t.Children) == 2 {
		out.Left, out.Right = t.Children[0].side(m), t.Children[1].side(m)
		return out
	}
	for _, c := range t.Children {
		out.Children = append(out.Children, c.At(m))
	}
	return out
}

// side is an operand: a constant needs no text beside its value.
func (t *Tree) side(m *Moment) *Shown {
	s := t.At(m)
	s.Next = 0
	if _, constant := t.Node.(Const); constant && t.Op != "call" {
		return &Shown{Value: s.Value, Holds: s.Holds}
	}
	if t.Op == "name" || t.Op == "call" {
		s.Op = ""
	}
	return s
}

func sided(op string) bool {
	switch op {
	case "and", "or", "not", "negative", "len", "if":
		return false
	}
	return true
}
