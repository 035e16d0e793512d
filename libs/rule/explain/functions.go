package explain

import (
	"strings"

	"github.com/expr-lang/expr/ast"
)

// phrase is a function in words; %1, %2 … are its arguments.
type phrase struct {
	is, isNot both
	args      string // how each argument is read: e event type, d duration, n as it is
}

// functions are the language's functions by name.
func functions() map[string]phrase {
	return map[string]phrase{
		"keyword":   {both{"消息命中词表「%1」", "the message has a word of the list “%1”"}, both{"消息没有命中词表「%1」", "the message has no word of the list “%1”"}, "n"},
		"tag":       {both{"有标签「%1」", "the tag “%1” is held"}, both{"没有标签「%1」", "the tag “%1” is not held"}, "n"},
		"absent":    {both{"已有 %2没有%1", "there has been no %1 for %2"}, both{"最近 %2内有过%1", "there was %1 within the last %2"}, "ed"},
		"first":     {both{"第一次%1", "it is the first %1"}, both{"不是第一次%1", "it is not the first %1"}, "e"},
		"regular":   {both{"最近 %3 个完整的 %2里每期都有%1", "there was %1 in each of the last %3 whole periods of %2"}, both{"最近 %3 个完整的 %2里并非每期都有%1", "there was not %1 in each of the last %3 whole periods of %2"}, "edn"},
		"stopped":   {both{"曾经规律的%1停了", "%1 was regular and has stopped"}, both{"%1没有停下", "%1 has not stopped"}, "edn"},
		"restarted": {both{"隔了很久之后又有%1", "%1 came again after a long time"}, both{"%1不是隔了很久再来的", "%1 did not come again after a long time"}, "edn"},
	}
}

// call is a function in words; one that the table does not know is shown as it
// is written.
func (r reader) call(n ast.Node, negated bool) string {
	name, args := calledAs(n)
	p, ok := functions()[name]
	if !ok {
		text := r.syntax.Text(n)
		if negated {
			return r.w.say("%s 不成立", "%s does not hold", text)
		}
		return r.w.say("%s 成立", "%s holds", text)
	}
	text := r.w.pick(p.is)
	if negated {
		text = r.w.pick(p.isNot)
	}
	for i, a := range args {
		s := r.constant(a)
		if i < len(p.args) && p.args[i] == 'e' {
			s = r.w.event(s)
		} else if i < len(p.args) && p.args[i] == 'd' {
			s = r.w.span(s)
		}
		text = strings.ReplaceAll(text, "%"+string(rune('1'+i)), s)
	}
	return text
}

func calledAs(n ast.Node) (string, []ast.Node) {
	switch n := n.(type) {
	case *ast.CallNode:
		if id, ok := n.Callee.(*ast.IdentifierNode); ok {
			return id.Value, n.Arguments
		}
	case *ast.BuiltinNode:
		return n.Name, n.Arguments
	}
	return "", nil
}
