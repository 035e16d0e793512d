package cond

import (
	"regexp"
	"strings"
)

// unexpected is how the parser names what it did not expect.
var unexpected = regexp.MustCompile(`^unexpected token \w+\((.*)\)$`)

// parserError says in both languages what the parser has against a condition. What
// it says seldom is not translated; that something is wrong always is.
func parserError(en string) string {
	if strings.Contains(en, "maximum allowed nodes") {
		return `条件太长：请把其中几部分做成单独的标签，再用 tag("…") 引用 / the condition has too many parts: give some of them a tag of their own and read it with tag("…")`
	}
	if m := unexpected.FindStringSubmatch(en); m != nil {
		return "条件写法有误：这里不该有 " + m[1] + " / " + en
	}
	for _, known := range [][2]string{
		{"unexpected token EOF", "条件没有写完"},
		{"unexpected end of expression", "条件没有写完"},
		{"literal not terminated", "条件写法有误：缺少后一个引号"},
		{"unclosed comment", "条件写法有误：注释没有结束"},
		{"unrecognized character", "条件写法有误：不认识的符号"},
		{"bad number syntax", "条件写法有误：这不是数字"},
		{"literal is too large", "数字太大"},
		{"value out of range", "数字太大"},
		{"escape", "条件写法有误：反斜杠后面的写法不对"},
	} {
		if strings.Contains(en, known[0]) {
			return known[1] + " / " + en
		}
	}
	return "条件写法有误 / " + en
}
