package cond

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/govalues/decimal"
)

// Scope resolves what a condition names.
type Scope interface {
	// Name resolves an identifier, with the path of members behind it
	// (event.object.brand: "event", ["object","brand"]).
	Name(name string, path []string) (Node, error)
	// Call resolves a function of constant arguments.
	Call(name string, args []Value) (Node, error)
}

// Error is a refusal with its place: Column counts runes from 1 in the
// condition's text, Line from 1.
type Error struct {
	Line, Column int
	Message      string
}

func (e *Error) Error() string { return e.Message }

// Compile parses and resolves a condition.
func Compile(text string, scope Scope) (Node, error) {
	root, err := parse(text)
	if err != nil {
		return nil, err
	}
	c := compiler{scope: scope, text: text}
	return c.node(root)
}

func parse(text string) (ast.Node, error) {
	if err := fullWidth(text); err != nil {
		return nil, err
	}
	tree, err := parser.Parse(text)
	if err == nil {
		return tree.Node, nil
	}
	if err := fullWidthWord(text); err != nil {
		return nil, err
	}
	out := &Error{Line: 1, Column: 1, Message: parserError(err.Error())}
	if fe, ok := errors.AsType[*file.Error](err); ok {
		out = &Error{Line: fe.Line, Column: fe.Column + 1, Message: parserError(fe.Message)}
	}
	return nil, out
}

type compiler struct {
	scope Scope
	text  string
}

func (c compiler) errorf(n ast.Node, format string, args ...any) error {
	line, col := 1, 1
	for i, r := range []rune(c.text) {
		if i >= n.Location().From {
			break
		}
		col++
		if r == '\n' {
			line, col = line+1, 1
		}
	}
	return &Error{Line: line, Column: col, Message: fmt.Sprintf(format, args...)}
}

func (c compiler) node(n ast.Node) (Node, error) {
	switch n := n.(type) {
	case *ast.NilNode:
		return Const{}, nil
	case *ast.BoolNode:
		return Const{BoolOf(n.Value)}, nil
	case *ast.IntegerNode:
		return Const{IntOf(int64(n.Value))}, nil
	case *ast.FloatNode:
		return c.float(n)
	case *ast.StringNode:
		return Const{TextOf(n.Value)}, nil
	case *ast.ConstantNode:
		return Const{Of(n.Value)}, nil
	case *ast.ArrayNode:
		return c.array(n)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.ConditionalNode:
		return c.conditional(n)
	case *ast.IdentifierNode, *ast.MemberNode, *ast.ChainNode:
		return c.path(n)
	case *ast.CallNode:
		return c.call(n, n.Callee, n.Arguments)
	case *ast.BuiltinNode:
		return c.builtin(n)
	}
	return nil, c.errorf(n, "规则里不能这样写 / this is not part of the rule language")
}

func (c compiler) float(n *ast.FloatNode) (Node, error) {
	d, err := decimal.NewFromFloat64(n.Value)
	if at := n.Location(); err == nil && at.From >= 0 && at.To <= len([]rune(c.text)) && at.From < at.To {
		if written, bad := decimal.Parse(string([]rune(c.text)[at.From:at.To])); bad == nil {
			d = written // with all the digits that a float has not
		}
	}
	if err != nil || d.IsZero() && n.Value != 0 {
		return nil, c.errorf(n, "数字 %[1]v 超出范围 / the number %[1]v is out of range", n.Value)
	}
	return Const{NumberOf(d)}, nil
}

func (c compiler) array(n *ast.ArrayNode) (Node, error) {
	var list []string
	for _, e := range n.Nodes {
		v, err := c.node(e)
		if err != nil {
			return nil, err
		}
		k, ok := v.(Const)
		if !ok {
			return nil, c.errorf(e, "列表里只能是固定的值 / a list holds constants only")
		}
		list = append(list, k.Value.String())
	}
	return Const{ListOf(list)}, nil
}

func (c compiler) unary(n *ast.UnaryNode) (Node, error) {
	a, err := c.node(n.Node)
	if err != nil {
		return nil, err
	}
	switch n.Operator {
	case "not", "!":
		return not{a}, c.condition(n.Node, a)
	case "-":
		if err := c.kind(n.Node, a, Number, Score); err != nil {
			return nil, err
		}
		if k, ok := a.(Const); ok {
			return Const{negative{k}.Eval(nil)}, nil
		}
		return negative{a}, nil
	}
	return a, nil
}

func (c compiler) binary(n *ast.BinaryNode) (Node, error) {
	a, err := c.node(n.Left)
	if err != nil {
		return nil, err
	}
	b, err := c.node(n.Right)
	if err != nil {
		return nil, err
	}
	switch n.Operator {
	case "and", "&&":
		return and{a, b}, errors.Join(c.condition(n.Left, a), c.condition(n.Right, b))
	case "or", "||":
		return or{a, b}, errors.Join(c.condition(n.Left, a), c.condition(n.Right, b))
	case "==", "!=", "<", "<=", ">", ">=":
		return c.comparison(n, a, b)
	case "+", "-", "*", "/":
		return arithmetic{n.Operator, a, b}, c.operands(n, a, b)
	case "in", "not in":
		return member{a: a, set: b, negate: n.Operator == "not in"}, errors.Join(c.kind(n.Right, b, List), c.still(n.Left, a), c.members(n, a, b))
	case "??":
		return coalesce{a, b}, nil
	case "contains", "startsWith", "endsWith":
		return textTest{op: n.Operator, a: a, b: b}, errors.Join(c.kind(n.Left, a, Text, List), c.kind(n.Right, b, Text))
	case "matches":
		return c.matches(n, a, b)
	}
	return nil, c.errorf(n, "规则里没有运算符 %[1]s / the operator %[1]s is not part of the rule language", n.Operator)
}

func (c compiler) matches(n *ast.BinaryNode, a, b Node) (Node, error) {
	k, ok := b.(Const)
	if !ok || k.Value.Kind != Text {
		return nil, c.errorf(n.Right, "`matches` 后面要写固定的正则 / `matches` takes a constant pattern")
	}
	if len(k.Value.Text) > 500 {
		return nil, c.errorf(n.Right, "正则超过 500 个字符 / the pattern is longer than 500 characters")
	}
	if err := c.kind(n.Left, a, Text); err != nil {
		return nil, err
	}
	re, err := regexp.Compile(k.Value.Text)
	if err != nil {
		return nil, c.errorf(n.Right, "正则写法有误 / the pattern is not a regular expression: %v", err)
	}
	return textTest{op: "matches", a: a, b: b, re: re}, nil
}

func (c compiler) conditional(n *ast.ConditionalNode) (Node, error) {
	var parts [3]Node
	for i, e := range []ast.Node{n.Cond, n.Exp1, n.Exp2} {
		v, err := c.node(e)
		if err != nil {
			return nil, err
		}
		parts[i] = v
	}
	return choice{parts[0], parts[1], parts[2]}, nil
}

// path resolves a name with members: event.object.brand.
func (c compiler) path(n ast.Node) (Node, error) {
	var path []string
	for at := n; ; {
		switch v := at.(type) {
		case *ast.ChainNode:
			at = v.Node
		case *ast.MemberNode:
			s, ok := v.Property.(*ast.StringNode)
			if !ok {
				return nil, c.errorf(n, "下一级用点和名字写：event.object.brand / a member is named by a word: event.object.brand")
			}
			path = append([]string{s.Value}, path...)
			at = v.Node
		case *ast.IdentifierNode:
			out, err := c.scope.Name(v.Value, path)
			if err != nil {
				return nil, c.errorf(v, "%s", err)
			}
			return out, nil
		default:
			return nil, c.errorf(n, "规则里没有这样的名字 / this is not a name of the rule language")
		}
	}
}

func (c compiler) call(n ast.Node, callee ast.Node, args []ast.Node) (Node, error) {
	id, ok := callee.(*ast.IdentifierNode)
	if !ok {
		return nil, c.errorf(n, "只能直接调用函数，如 absent(…) / only plain functions can be called")
	}
	return c.function(n, id.Value, args)
}

func (c compiler) function(n ast.Node, name string, args []ast.Node) (Node, error) {
	var consts []Value
	for _, a := range args {
		v, err := c.node(a)
		if err != nil {
			return nil, err
		}
		k, ok := v.(Const)
		if !ok {
			return nil, c.errorf(a, "%[1]s 的参数要写固定的值 / %[1]s takes constants", name)
		}
		consts = append(consts, k.Value)
	}
	out, err := c.scope.Call(name, consts)
	if err != nil {
		return nil, c.errorf(n, "%s", err)
	}
	return out, nil
}

func (c compiler) builtin(n *ast.BuiltinNode) (Node, error) {
	if n.Name == "len" && len(n.Arguments) == 1 {
		a, err := c.node(n.Arguments[0])
		if err != nil {
			return nil, err
		}
		return length{a}, nil
	}
	return c.function(n, n.Name, n.Arguments)
}

// spans reads the constant that a length of time is compared with: "30d".
func (c compiler) spans(n *ast.BinaryNode, a, b Node) (Node, Node, error) {
	for i, side := range [][2]Node{{a, b}, {b, a}} {
		k, constant := side[1].(Const)
		if KindOf(side[0]) != Span || KindOf(side[1]) == Span {
			continue
		}
		if !constant || k.Value.Kind != Text {
			return nil, nil, c.errorf(n, `时长要与引号里的时长比较，如 "30d" / a length of time is compared with one in quotes, such as "30d"`)
		}
		d, err := ParseDuration(k.Value.Text)
		if err != nil {
			return nil, nil, c.errorf(n, "%s", err)
		}
		if i == 0 {
			return a, Const{SpanOf(d)}, nil
		}
		return Const{SpanOf(d)}, b, nil
	}
	return a, b, nil
}

func (c compiler) comparison(n *ast.BinaryNode, a, b Node) (Node, error) {
	a, b, err := c.spans(n, a, b)
	if err != nil {
		return nil, err
	}
	ka, kb := KindOf(a), KindOf(b)
	if ka == Score {
		ka = Number
	}
	if kb == Score {
		kb = Number
	}
	if ka != Absent && kb != Absent && ka != kb {
		return nil, c.errorf(n, "%[1]s不能与%[2]s比较 / a %[3]s cannot be compared with a %[4]s", KindOf(a).Chinese(), KindOf(b).Chinese(), KindOf(a), KindOf(b))
	}
	for _, side := range [][2]Node{{a, b}, {b, a}} {
		_, constant := side[1].(Const)
		if KindOf(side[0]) == Score && !constant {
			return nil, c.errorf(n, "分数只能与固定的值比较：它何时越过另一个变化的值算不准 / a score may be compared with a constant only: the moment at which it passes another moving value is not exact")
		}
		if constant {
			if err := c.within(n, side[0], compareNodes(n.Operator, a, b).limit); err != nil {
				return nil, err
			}
		}
		if k := KindOf(side[0]); k != Score && k != Span || computed(side[0]) {
			if err := c.still(n, side[0]); err != nil {
				return nil, err
			}
		}
	}
	return compareNodes(n.Operator, a, b), nil
}
