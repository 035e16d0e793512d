package explain

import (
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// phrase is a function in words; %1, %2 … are its arguments. A function that is
// said in another way with two arguments stands as name/2.
type phrase struct {
	is, isNot both
	args      string // how each argument is read: e event type, d duration, w weekdays, m days of the month, n as it is
}

// functions are the language's functions by name.
func functions() map[string]phrase {
	return map[string]phrase{
		"keyword":     {both{"消息命中词表「%1」", "the message has a word of the list “%1”"}, both{"消息没有命中词表「%1」", "the message has no word of the list “%1”"}, "n"},
		"tag":         {both{"有标签「%1」", "the tag “%1” is held"}, both{"没有标签「%1」", "the tag “%1” is not held"}, "n"},
		"absent":      {both{"已有 %2没有%1", "there has been no %1 for %2"}, both{"最近 %2内有过%1", "there was %1 within the last %2"}, "ed"},
		"first":       {both{"第一次%1", "it is the first %1"}, both{"不是第一次%1", "it is not the first %1"}, "e"},
		"regular":     {both{"最近 %3 个完整周期（每期 %2）里每期都有%1", "there was %1 in each of the last %3 whole periods of %2"}, both{"最近 %3 个完整周期（每期 %2）里并非每期都有%1", "there was not %1 in each of the last %3 whole periods of %2"}, "edn"},
		"stopped":     {both{"%1曾经规律（每 %2，连续 %3 期），最近两期没有了", "%1 came regularly (every %2, %3 periods) and not in the last two"}, both{"%1没有停下", "%1 has not stopped"}, "edn"},
		"restarted":   {both{"至少 %2没有之后又有%1", "%1 came again after at least %2 without"}, both{"没有隔 %2之后又有%1", "%1 did not come again after %2 without"}, "ed"},
		"restarted/1": {both{"很久没有之后又有%1", "%1 came again after a long time without"}, both{"没有隔很久之后又有%1", "%1 did not come again after a long time without"}, "e"},
		"tag/2":       {both{"有标签「%1」已满 %2", "the tag “%1” has been held for %2"}, both{"有标签「%1」不满 %2", "the tag “%1” has not been held for %2"}, "nd"},
		"known_for":   {both{"认识已满 %1", "the customer has been known for %1"}, both{"认识不满 %1", "the customer has not been known for %1"}, "d"},
		"stage_for":   {both{"在现在的阶段已满 %1", "the stage has been held for %1"}, both{"在现在的阶段不满 %1", "the stage has not been held for %1"}, "d"},
		"birthday":    {both{"今天是生日（属性 %1）", "it is the birthday (trait %1)"}, both{"今天不是生日（属性 %1）", "it is not the birthday (trait %1)"}, "n"},
		"birthday/2":  {both{"生日（属性 %1）当天或之前 %2内", "it is the birthday (trait %1) or at most %2 before"}, both{"不在生日（属性 %1）当天或之前 %2内", "it is not the birthday (trait %1) nor %2 before"}, "nd"},
		"festival":    {both{"今天是%1", "it is %1"}, both{"今天不是%1", "it is not %1"}, "n"},
		"festival/2":  {both{"%1当天或之前 %2内", "it is %1 or at most %2 before"}, both{"不在%1当天或之前 %2内", "it is neither %1 nor %2 before"}, "nd"},
		"weekday":     {both{"事件在%1", "the event is on %1"}, both{"事件不在%1", "the event is not on %1"}, "w"},
		"month_day":   {both{"事件在每月%1", "the event is on %1 of the month"}, both{"事件不在每月%1", "the event is not on %1 of the month"}, "m"},
		"time_of_day": {both{"事件在 %1 之间", "the event is at %1"}, both{"事件不在 %1 之间", "the event is not at %1"}, "n"},
	}
}

// call is a function in words; one that the table does not know is shown as it
// is written.
func (r reader) call(n ast.Node, negated bool) string {
	name, args := calledAs(n)
	p, ok := functions()[name+"/"+strconv.Itoa(len(args))]
	if !ok {
		p, ok = functions()[name]
	}
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
		} else if i < len(p.args) && p.args[i] == 'w' {
			s = r.w.weekdays(s)
		} else if i < len(p.args) && p.args[i] == 'm' {
			s = r.w.monthDays(s)
		}
		text = strings.ReplaceAll(text, "%"+string(rune('1'+i)), s)
	}
	return text
}

// given is a function that gives a value, in words.
func (r reader) given(n ast.Node) string {
	name, args := calledAs(n)
	switch {
	case name == "tags" && len(args) == 1:
		return r.w.say("标签族「%s」的取值", "the values of the family “%s”", r.constant(args[0]))
	case name == "age" && len(args) == 1:
		return r.w.say("年龄（由属性 %s 算出）", "the age (by the trait %s)", r.constant(args[0]))
	case name == "cut" && len(args) == 2:
		return r.w.say("%s的分位点 %s", "the cut point %[2]s of %[1]s", r.w.gap(r.constant(args[0])), r.constant(args[1]))
	}
	return r.syntax.Text(n)
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
