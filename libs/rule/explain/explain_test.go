package explain_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/explain"
	"github.com/tagwire/tagwire/schemas"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares the sentences of a set with a file.
func golden(t *testing.T, name string, files map[string]string) {
	t.Helper()
	_, err := rule.Compile(1, files)
	require.NoError(t, err)
	said, err := explain.Set(files)
	require.NoError(t, err)
	var b strings.Builder
	for _, s := range said {
		fmt.Fprintf(&b, "%s %s:%d\n%s\n%s\n\n", s.Kind, s.File, s.Line, s.Zh, s.En)
	}
	path := filepath.Join("testdata", name+".golden")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String())
}

func TestTheDesignsRulesInWords(t *testing.T) {
	b, err := os.ReadFile("testdata/design.yaml")
	require.NoError(t, err)
	golden(t, "design", map[string]string{"design.yaml": string(b)})
}

func TestTheShopsRulesInWords(t *testing.T) {
	files := map[string]string{}
	found, err := filepath.Glob("../../../deploy/examples/wecom-shop/rules/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, found)
	for _, path := range found {
		if strings.HasSuffix(path, "_test.yaml") {
			continue
		}
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		files[filepath.Base(path)] = string(b)
	}
	golden(t, "wecom-shop", files)
}

func TestConditionsInWords(t *testing.T) {
	f := func(when, zh, en string) {
		t.Helper()
		said, err := explain.Set(map[string]string{"r.yaml": "measures:\n  n: {count: a}\n  m: {sum: a, of: event.amount}\n  t: {time_since: a}\ntags:\n  T:\n    when: |-\n      " + when + "\n"})
		require.NoError(t, err)
		last := said[len(said)-1]
		require.Equal(t, "T："+zh+"时打上，条件不再成立就取消。", strings.Replace(last.Zh, " 时打上", "时打上", 1))
		require.Equal(t, "T: given while "+en+"; taken off when the condition ends.", last.En)
	}
	f(`n >= 1`, "n 至少 1 次", "n is at least once")
	f(`n == 1`, "n 为 1 次", "n is 1 time")
	f(`m > 2.5`, "m 大于 2.5", "m is more than 2.5")
	f(`(n < 2 or m <= 3) and not tag("VIP")`, "（n 少于 2 次；或者m 不高于 3），并且没有标签「VIP」", "(n is fewer than 2 times, or m is at most 3) and the tag “VIP” is not held")
	f(`not (traits.city in ["苏州", "上海"])`, "属性 city 不是苏州、上海之一", "the trait city is none of 苏州, 上海")
	f(`not (n > 1 and m > 1)`, "并非（n 多于 1 次，并且m 大于 1）", "not (n is more than 1 time and m is more than 1)")
	f(`not absent("order.pay", "90d")`, "最近 90 天内有过“付款”", "there was “order paid” within the last 90 days")
	f(`first("x.y")`, "第一次“x.y”", "it is the first “x.y”")
	f(`tag("VIP", "3d") and known_for("7d")`, "有标签「VIP」已满 3 天，并且认识已满 7 天", "the tag “VIP” has been held for 3 days and the customer has been known for 7 days")
	f(`festival("春节", "7d") or not birthday("birthday")`, "春节当天或之前 7 天内；或者今天不是生日（属性 birthday）", "it is 春节 or at most 7 days before, or it is not the birthday (trait birthday)")
	f(`regular("order.pay", "7d", 4)`, "最近 4 个完整周期（每期 7 天）里每期都有“付款”", "there was “order paid” in each of the last 4 whole periods of 7 days")
	f(`m >= cut("m", "p80")`, "m 不低于 m 的分位点 p80", "m is at least the cut point p80 of m")
	f(`t > "30d"`, "t 大于 30 天", "t is more than 30 days")
	f(`soon("x")`, `soon("x") 成立`, `soon("x") holds`)
	f(`len(owners) == 2`, "服务员工的个数是 2", "the number of the staff who serve is 2")
	f(`m / n > 10 and known`, "m 除以 n 大于 10，并且身份已知", "m divided by n is more than 10 and the customer is known")
	f(`stage != "忠诚"`, "阶段不是忠诚", "the stage is not 忠诚")
	f(`stage == nil and trait.city != nil`, "没有阶段，并且有属性 city", "the stage is missing and the trait city is present")
}

// Every function and every kind of measure of the language has words of its own.
func TestNoConstructLacksWords(t *testing.T) {
	for _, fn := range rule.Functions() {
		if fn.Name == "cut" || fn.Name == "tags" {
			continue // values, not conditions
		}
		usage, _, _ := strings.Cut(fn.Usage, " or ")
		said, err := explain.Set(map[string]string{"r.yaml": "tags:\n  T:\n    when: |-\n      " + usage + "\n"})
		require.NoError(t, err)
		require.NotContains(t, said[0].Zh, fn.Name+"(", "a line for %s in functions.go", fn.Name)
	}
	for _, kind := range rule.MeasureKinds() {
		said, err := explain.Set(map[string]string{"r.yaml": "measures:\n  m: {" + string(kind) + ": a.b}\n"})
		require.NoError(t, err)
		require.Len(t, said, 1, "a line for %s in measures.go", kind)
	}
}

func TestNewerConstructsInWords(t *testing.T) {
	said, err := explain.Set(map[string]string{"r.yaml": `measures:
  弃单: {sequence: [cart.add*2, {not: order.pay, where: event.amount > 5}], within: 2h, same: event.properties.cart_id}
  均价: {avg: order.pay, of: event.amount, between: [30d, 90d]}
tags:
  T: {event: a.b, times: {at_least: 2, per: week, once: period}, alert: [{each: enter}, {each: exit, to: leader}]}
`})
	require.NoError(t, err)
	require.Equal(t, "弃单：依次完成“加购物车” 2 次、然后没有“付款”（金额大于 5）的次数，按事件的 cart_id 对应，全程不超过 2 小时。", said[0].Zh)
	require.Equal(t, "均价：90 天前到 30 天前之间“付款”的金额的平均值。", said[1].Zh)
	require.Contains(t, said[2].Zh, "（每个周期只算一次）")
	require.Contains(t, said[2].Zh, "打上时提醒负责人（中）；取消时提醒主管（中）")
	require.Len(t, said, 5)
}

// What a client of Segment can send has a name, and days are told as people say them.
func TestEventsAndDaysInWords(t *testing.T) {
	names, err := schemas.LoadAliases()
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, name := range names {
		if typ := name.Type; !seen[typ] {
			seen[typ] = true
			said, err := explain.Set(map[string]string{"r.yaml": "tags:\n  T: {event: " + typ + "}\n"})
			require.NoError(t, err)
			require.NotContains(t, said[0].Zh, typ, "a line in events.go")
		}
	}
	require.Greater(t, len(seen), 30)
	for when, want := range map[string][2]string{
		`weekday("mon-fri,7")`:    {"事件在周一到周五、周日", "the event is on Monday to Friday, Sunday"},
		`weekday("周六")`:           {"事件在周六", "the event is on Saturday"},
		`month_day("1,15,-1,-2")`: {"事件在每月 1 日、15 日、最后一天、倒数第 2 天", "the event is on day 1, day 15, the last day, day 2 from the end of the month"},
		`month_day("-1")`:         {"事件在每月最后一天", "the event is on the last day of the month"},
	} {
		said, err := explain.Set(map[string]string{"r.yaml": "tags:\n  T:\n    event: a.b\n    when: |-\n      " + when + "\n"})
		require.NoError(t, err)
		require.Contains(t, said[0].Zh, want[0])
		require.Contains(t, said[0].En, want[1])
	}
	said, err := explain.Set(map[string]string{"r.yaml": "tags:\n  T:\n    event: a.b\n    value: |-\n      event.channel == nil ? \"无\" : event.amount > 5 ? \"大\" : \"小\"\n"})
	require.NoError(t, err)
	require.Contains(t, said[0].Zh, "按（没有渠道时为无，金额大于 5 时为大，否则为小）打上「T:…」")
	require.Contains(t, said[0].En, "by (无 if the channel is missing, 大 if the amount is more than 5, otherwise 小)")
}
