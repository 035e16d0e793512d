package signs_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/rule/signs"
)

func known(key string) bool {
	return slices.Contains([]string{"tags", "when", "event", "group", "tag", "count", "within", "where", "title", "to", "choose", "lasts", "value", "alert", "words", "measures"}, key)
}

func TestSignsAreFoundWhereTheyMatter(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got := signs.Apply(in, signs.Find(in, known))
		require.Equal(t, want, got)
		require.Equal(t, want, signs.Apply(got, signs.Find(got, known)), "again")
	}
	same := func(text string) { t.Helper(); f(text, text) }
	// structure
	f("tags：\n  高意向：\n    when：打开 >= 3 # 注释：不动，也不改\n", "tags:\n  高意向:\n    when: 打开 >= 3 # 注释：不动，也不改\n")
	f("tags:\n  “高意向”：\n    group： 意向\n", "tags:\n  \"高意向\":\n    group: 意向\n")
	f("tags:\n\tA:\n\t\twhen: a\n", "tags:\n  A:\n    when: a\n")
	f("measures:\n    n:\n\tcount: a\n", "measures:\n    n:\n    count: a\n")
	f("  - {tag：钻石，when：净消费 >= 500}\n", "  - {tag: 钻石, when: 净消费 >= 500}\n")
	f("n: {count: [link.open，file.open]，within: 7d}\n", "n: {count: [link.open, file.open], within: 7d}\n")
	f("s: {score: {link.open：5，form.submit：20}}\n", "s: {score: {link.open: 5, form.submit: 20}}\n")
	f("alert: {title: “高，好”，to: owner}\n", "alert: {title: “高，好”, to: owner}\n")
	f("title: “{{name}}: 好”\n", "title: \"{{name}}: 好\"\n")
	// expressions
	f("when: a ≥ 3 且 b ＜＝ 2 或 非 c\n", "when: a >= 3 and b <= 2 or not c\n")
	f("when: （a ＝ 1）且（b ≠ 2）\n", "when: (a == 1) and (b != 2)\n")
	f("when: absent(“order.pay”，“90d”)\n", "when: absent(\"order.pay\", \"90d\")\n")
	f("when: “上海” == traits.city\n", "when: '\"上海\" == traits.city'\n")
	f("when: 'keyword(“询价”)'\n", "when: 'keyword(\"询价\")'\n")
	f("when: \"keyword(“询价”)\"\n", "when: \"keyword('询价')\"\n")
	f("when: !tag(‘a’)\n", "when: '!tag(''a'')'\n")
	f("when: ！tag(\"a\")\n", "when: not tag(\"a\")\n")
	f("  - {tag: A, when: absent(“a”，“1d”)}\n", "  - {tag: A, when: 'absent(\"a\", \"1d\")'}\n")
	f("when: |\n  a ≥ 1\n  且 b ≥ 2\ngroup: x≥y\n", "when: |\n  a >= 1\n  and b >= 2\ngroup: x≥y\n")
	f("when: a ≥ 1\n  且 b ≥ 2\n", "when: a >= 1\n  and b >= 2\n")
	f("when：a>＝3\r\ngroup：意向\r\n", "when: a>=3\r\ngroup: 意向\r\n")
	// what is meant for people, and what is right already
	same("title: 你好，价格：见下（含税）≥100\n")
	same("title: “高意向”\n")
	same("advice: 先问用途\n  注意：别报价，先问\n")
	same("words: [价格，多少钱, 报价：见附件]\n")
	same("words:\n  - 价格：多少\n  - “报价”\n")
	same("when: traits.city == \"上海，浦东（新区）\" and 且慢 > 1\n")
	same("title: |\n  你好：在吗，≥\n\twhen: x\n")
	same("alert: {title: \"{{name}}，在问：价格\", to: owner}\n")
	same("tags: {A: {when: 'a >= 1', title: 你好，再见}} # ：，\n")
	same("a: \"两行\n  when：b，\n\"\nb: 1\n")
	same("")
	same("#")
}

// Within double quotes YAML has signs of its own, such as \n and \".
func TestEscapedSignsOfDoubleQuotesStay(t *testing.T) {
	for text, want := range map[string]string{
		`when: "tag(\"甲，乙\") and\n a ≥ 1"`: `when: "tag(\"甲，乙\") and\n a >= 1"`,
		`when: "a \\ ≥ \t1\`:               `when: "a \\ >= \t1\`,
	} {
		require.Equal(t, want, signs.Apply(text, signs.Find(text, known)))
	}
}

func TestEditsSayWhereAndWhat(t *testing.T) {
	e := signs.Find("tags:\n  高意向：\n\twhen: a ≥ 3\n", known)
	require.Len(t, e, 3)
	require.Equal(t, []int{2, 6}, []int{e[0].Line, e[0].Column})
	require.Contains(t, e[0].Message(), `'：'`)
	require.Equal(t, []any{3, 1, signs.Indent}, []any{e[1].Line, e[1].Column, e[1].What})
	require.Contains(t, e[1].Message(), "制表符")
	require.Equal(t, []any{3, 10, signs.Expression, "≥"}, []any{e[2].Line, e[2].Column, e[2].What, e[2].Old})
	require.Contains(t, e[2].Message(), "type >=")
}

func FuzzFind(f *testing.F) {
	f.Add("tags：\n  A：{when：“a” ≥ 1，to: [b，c]}\n")
	f.Add("when: |\n\t且 \"\n'")
	f.Add("when: \"tag(\\\"A\\\") and\\n b\\")
	f.Fuzz(func(_ *testing.T, text string) {
		signs.Apply(text, signs.Find(text, known)) // never panics
	})
}
