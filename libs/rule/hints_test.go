package rule_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/rule"
)

func TestRefusalsSayWhatWouldBeRight(t *testing.T) {
	const head = "keywords:\n  询价: {words: [价格]}\nmeasures:\n  近7天打开次数: {count: link.open, within: 7d}\ntags:\n  高意向: {when: 近7天打开次数 >= 3}\n"
	f := func(text, says string) {
		t.Helper()
		require.Contains(t, refused(t, head+text)[0].Message, says)
	}
	f("  A: {whem: 近7天打开次数 >= 3}\n", "did you mean when?")
	f("  A: {when: 近7天打开数 >= 3}\n", "did you mean 近7天打开次数?")
	f("  A: {when: 打开次数 >= 3}\n", "是不是 近7天打开次数？")
	f("  A: {when: 高意向}\n", `it is a tag: write tag("高意向")`)
	f("  A: {event: chat.message, when: 询价}\n", `it is a keyword list: write keyword("询价")`)
	f("  A: {when: trat.city == \"苏州\"}\n", "did you mean trait?")
	f("  A: {event: a, when: amount > 1}\n", "the event's field is event.amount")
	f("  A: {when: 'absnt(\"a\", \"1d\")'}\n", "did you mean absent?")
	f("  A: {event: a, when: 'keyword(\"询介\")'}\n", "did you mean 询价?")
	f("  A: {event: a, when: event.chanel == \"x\"}\n", "did you mean channel?")
	f("  A: {event: a, when: event.object.prize > 1}\n", "did you mean price?")
	f("  A: {event: a, alert: {each: matches}}\n", "did you mean match?")
	f("  A: {event: a, alert: {severity: hihg}}\n", "did you mean high?")
	f("  A: {event: a, alert: {to: ownr}}\n", "did you mean owner?")
	f("  A: {event: a, times: {per: weak}}\n", "did you mean week?")
}

func TestSignsInTheStructureAreNamed(t *testing.T) {
	f := func(text string, line, column int, says string) {
		t.Helper()
		errs := refused(t, text)
		require.Len(t, errs, 1, errs.Error())
		require.Equal(t, []int{line, column}, []int{errs[0].Line, errs[0].Column})
		require.Contains(t, errs[0].Message, says)
	}
	f("tags：\n  A: {event: x}\n", 1, 5, "请输入 :")
	f("tags:\n  A: {event：x}\n", 2, 12, "full-width sign '：': type :")
	f("tags:\n  A:\n    event：x\n", 3, 10, "type :")
	f("tags:\n  A: {lasts: 7d，event: x}\n", 2, 16, "type ,")
	f("tags:\n  A:\n\tevent: x\n", 3, 1, "制表符")
}

// A full-width digit or letter looks like the one that is meant, so it is named.
func TestFullWidthDigitsAndLettersAreNamed(t *testing.T) {
	const head = "measures:\n  近7天: {count: a}\n  Ｖ次: {count: b}\n  n: {count: a}\ntags:\n  A: {when: '"
	f := func(when string, column int, says string) {
		t.Helper()
		e := refused(t, head+when+"'}\n")[0]
		require.Equal(t, []int{6, column}, []int{e.Line, e.Column}, e.Message)
		require.Contains(t, e.Message, says)
	}
	f("n >= ３", 19, "全角或中文符号 '３'：请输入 3 / full-width sign '３': type 3")
	f("n >= 1０", 20, "type 0")
	f("n >= ３．５", 19, "type 3")
	f("n >= 3．5", 20, "type .")
	f("n in [１, 2]", 20, "type 1")
	f("近７天 >= 3", 14, "full-width sign '７': type 7")
	f("ｎ >= 3", 14, "full-width sign 'ｎ': type n")
	f("ａｂｓｅｎｔ(\"a\", \"1d\")", 14, "full-width sign 'ａ': type a")
	f("known ａｎｄ n > 1", 20, "full-width sign 'ａ': type a")
	f("Ｖ数 >= 3", 14, "did you mean Ｖ次?")
	f("traits.x == \"３\" and", 32, "条件没有写完")
	for _, ok := range []string{"Ｖ次 >= 3", "traits.Ａ１ == \"３ａ\"", "n > 1 /* ３ 次 */"} {
		_, err := rule.Compile(1, map[string]string{"r.yaml": head + ok + "'}\n"})
		require.NoError(t, err, ok)
	}
}

func TestWhatTheParserSaysHasChineseInFront(t *testing.T) {
	f := func(when, says string) {
		t.Helper()
		require.Contains(t, refused(t, "tags:\n  A:\n    when: |\n      "+when+"\n")[0].Message, says)
	}
	f(`known and`, "条件没有写完 / unexpected token EOF")
	f(`known )`, `条件写法有误：这里不该有 ")" / unexpected token`)
	f(`known known`, `这里不该有 "known" / unexpected token`)
	f(`stage == "新`, "缺少后一个引号 / literal not terminated")
	f(`3x > 1`, "这不是数字 / bad number syntax")
	f(`stage == "\q"`, "反斜杠后面的写法不对 / ")
	f(`known ~ 1`, "不认识的符号 / unrecognized character")
	f(`stage in {a b}`, "条件写法有误")
}

func TestWhatYAMLSaysHasChineseInFront(t *testing.T) {
	for text, says := range map[string]string{
		"tags: {A: {when: known}, A: {when: known}}\n":     "这个键写了两次 / mapping key",
		"tags:\n A: {when: 'known}\n":                      "缺少后一个单引号 / ",
		"tags: [\n":                                        "缺少 ] / ",
		"tags: {A: {when: known}\n":                        "缺少 } / ",
		"tags: a: b\n":                                     "值里有冒号时请加引号 / ",
		"tags:\n  - a\n b: c\n":                            "请检查缩进、冒号、引号和括号 / value is not allowed",
		"tags:\n  A: {when: absent(\"pay\", \"9d\")}\n":    "请整个放进单引号",
		"tags: {A: {when: '99999999999999999999999 > 1'}}": "数字太大 / ",
	} {
		require.Contains(t, refused(t, text)[0].Message, says, text)
	}
}
