package rule_test

import (
	"testing"

	"github.com/stretchr/testify/require"
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
