package trial_test

import (
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/trial"
)

const shop = `
keywords:
  询价: {words: [多少钱], from: customer}
measures:
  近7天打开次数: {count: link.open, within: 7d}
  意向分: {score: {form.submit: 20}, half_life: 3d}
  净消费: {sum: order.pay, of: event.amount, minus: order.refund}
  看过品牌: {distinct: page.view, of: event.object.brand}
  首单金额: {first: order.pay, of: event.amount}
tags:
  高意向: {when: 近7天打开次数 >= 3, lasts: 7d, alert: {severity: high, title: "{{name}} 打开 {{近7天打开次数}} 次"}}
  询价: {event: chat.message, when: keyword("询价"), lasts: 1d}
  渠道: {event: contact.add, value: event.channel}
  等级: {choose: [{tag: 黄金, when: 净消费 >= 100}, {tag: 普通, when: 净消费 > 0}]}
stages:
  - {name: 潜在, start: true}
  - {name: 新, when: 净消费 > 0}
`

func compile(t testing.TB) *rule.Set {
	t.Helper()
	set, err := rule.Compile(1, map[string]string{"rules.yaml": shop})
	require.NoError(t, err)
	return set
}

const passing = `
- test: time moves, tags come and go
  start: 2026-03-02 10:00
  events:
    - {at: 0, type: link.open, times: 3, every: 1d, traits: {name: 王芳}}
    - {at: +1h, type: chat.message, text: 这个 多 少钱？}
    - {at: 3d, type: contact.add, channel: 抖音, tags: [门店A], staff_id: zhang}
  expect:
    - {at: 1d, has_not: [高意向, 询价], alerts: 0, measures: {近7天打开次数: 2}, stage: 潜在}
    - {at: 2d1h, has: [高意向, 询价], alerts: [{tag: 高意向, severity: high, title: 王芳 打开 3 次}], measures: {近7天打开次数: 3}}
    - {at: 3d1h, has: ["渠道:抖音", 门店A], has_not: 询价, alerts: 1}
    - {at: "2026-03-15T15:59:59.999+08:00", has: 高意向}
    - {at: 14d, has_not: 高意向, measures: {近7天打开次数: 0}}
- test: values of all kinds
  events:
    - {type: form.submit, times: 2}
    - {type: order.pay, amount: 99.90, event_id: o1}
    - {type: order.pay, amount: 99.90, event_id: o1}
    - {type: page.view, object: {brand: 甲}, times: 2, every: 1h}
    - {type: page.view, object: {brand: 乙}}
  expect:
    - {measures: {净消费: 99.9, 看过品牌: [乙, 甲], 首单金额: 99.9, 意向分: 39.6}, has: 普通, stage: 新, at: 1h}
    - {at: 3d, measures: {意向分: 20}}
- test: absent values and a late event
  events:
    - {at: 1d, type: page.view}
    - {at: 0, received_at: 1d2h, type: order.pay, amount: 150}
  expect:
    - {at: 1d, measures: {首单金额: null, 净消费: 0}, has_not: 黄金}
    - {has: 黄金}
`

func TestPassing(t *testing.T) {
	rep, err := trial.Run(compile(t), map[string]string{"a_test.yaml": passing})
	require.NoError(t, err)
	b, err := json.MarshalIndent(rep, "", " ")
	require.NoError(t, err)
	require.Zero(t, rep.Failed, string(b))
	require.Equal(t, 3, rep.Passed)
}

// TestFailing holds every kind of expectation against what does not hold.
func TestFailing(t *testing.T) {
	for what, want := range map[string]string{
		`has: 高意向`: "has|高意向|高意向|没有标签 no tags|", `has: [普通, 高意向]`: "", `has_not: 高意象`: "has_not|高意象", `has: 高意象`: "has|高意象",
		`stage: 新`: "stage||新|潜在|", `stage: 老`: "stage||老|潜在|没有阶段", `alerts: 2`: "alerts||2|0: 没有 none|", `alerts: 高意向`: "alerts|高意向|高意向|没有 none|",
		`measures: {近7天打开次数: 2}`: "measures|近7天打开次数|2|1|", `measures: {首单金额: 1}`: "measures|首单金额|1|缺失 absent|",
		`measures: {净消费: null}`: "measures|净消费|缺失 absent|0|", `measures: {没有: 1}`: "measures|没有|1|没有这个指标", `measures: {意向分: 0.1}`: "measures|意向分|0.1|0.00|",
		`measures: {看过品牌: [甲]}`: "measures|看过品牌|甲||",
	} {
		file := "- test: x\n  events:\n    - {type: link.open}\n  expect:\n    - {at: 1h, " + what + "}\n"
		rep, err := trial.Run(compile(t), map[string]string{"a_test.yaml": file})
		require.NoError(t, err, what)
		require.Equal(t, 1, rep.Failed, what)
		require.False(t, rep.Tests[0].OK)
		f := rep.Tests[0].Failures[0]
		require.Equal(t, []int{5, 8}, []int{f.Line, f.Column}, what)
		require.Equal(t, "2026-01-01 01:00:00", f.Local)
		got := strings.Join([]string{f.What, f.Name, f.Expected, f.Got, f.Hint}, "|")
		require.True(t, strings.HasPrefix(got, want), "%s: %s", what, got)
	}
}

func TestMoreAlertsThanExpected(t *testing.T) {
	file := "- test: x\n  events:\n    - {type: link.open, times: 3}\n  expect:\n    - {alerts: []}\n"
	rep, err := trial.Run(compile(t), map[string]string{"a_test.yaml": file})
	require.NoError(t, err)
	require.Equal(t, "没有更多提醒 no further alert", rep.Tests[0].Failures[0].Expected)
	require.Contains(t, rep.Tests[0].Failures[0].Got, "打开 3 次")
}

func TestRefusedFiles(t *testing.T) {
	for file, want := range map[string]string{
		"- test: a\n  expcet: []\n": `2:3: unknown key "expcet"`,
		"- test: a\n":               "expects nothing",
		"- expect: [{has: x}]\n":    "`test` is missing",
		"just text":                 "a list of tests is expected",
		"- test: a\n  events: {at: 1}\n  expect: [{has: x}]\n":                                   "2:12: a list is expected here",
		"- test: a\n  events:\n    - {typ: x}\n  expect: [{has: x}]\n":                           `3:8: unknown field "typ"`,
		"- test: a\n  events:\n    - {at: 1d}\n  expect: [{has: x}]\n":                           "3:8: `type` is missing",
		"- test: a\n  events:\n    - {at: soon, type: x}\n  expect: [{has: x}]\n":                `"soon" is not a time`,
		"- test: a\n  events:\n    - {type: x, times: 2, every: day}\n  expect: [{has: x}]\n":    "not a duration",
		"- test: a\n  events:\n    - {type: x, amount: much}\n  expect: [{has: x}]\n":            "amount is a number",
		"- test: a\n  events:\n    - {type: x, identities: [u]}\n  expect: [{has: x}]\n":         "an identity is namespace:value",
		"- test: a\n  events:\n    - {at: 2d, received_at: 1d, type: x}\n  expect: [{has: x}]\n": "before the event itself",
		"- test: a\n  start: then\n  expect: [{has: x}]\n":                                       "is not a time",
		"- test: a\n  expect:\n    - {at: 2d, has_not: 询价}\n    - {at: 1d, has_not: 询价}\n":       "4:8: this expectation is earlier",
		"- test: a\n  expect:\n    - {alerts: {a: 1}}\n":                                         "alerts is a number or a list",
		"- test: a\n  expect:\n    - {measures: {净消费: {a: 1}}}\n":                                "a number, text or list is expected",
		"- test: [\n": "1:",
	} {
		_, err := trial.Run(compile(t), map[string]string{"a_test.yaml": file})
		var refused rule.Errors
		require.True(t, errors.As(err, &refused), "%s: %v", file, err)
		place := atPlace.FindString(want)
		require.Contains(t, err.Error(), "a_test.yaml:"+place, file)
		require.Contains(t, err.Error(), want[len(place):], file)
		zh, _, both := strings.Cut(refused[0].Message, " / ")
		require.True(t, both, err)
		require.Regexp(t, `\p{Han}`, zh)
	}
}

var atPlace = regexp.MustCompile(`^\d+:(\d+: )?`)

// TestExample runs the tests of the example that people copy.
func TestExample(t *testing.T) {
	read := func(name string) string {
		b, err := os.ReadFile("../../../deploy/examples/cdnow/rules/" + name)
		require.NoError(t, err)
		return string(b)
	}
	set, err := rule.Compile(0, map[string]string{"rules.yaml": read("rules.yaml")})
	require.NoError(t, err)
	rep, err := trial.Run(set, map[string]string{"rules_test.yaml": read("rules_test.yaml")})
	require.NoError(t, err)
	require.Zero(t, rep.Failed)
	require.NotZero(t, rep.Passed)
}

var block = regexp.MustCompile("(?s)```yaml (tagwire-rules(?:-test)?)\n(.*?)```")

// TestGuides runs the tests in the guides, each against the rules before it.
func TestGuides(t *testing.T) {
	for _, path := range []string{"../../../docs/guides/en/rules.md", "../../../docs/guides/zh/rules.md"} {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		rules, passed := "", 0
		for _, found := range block.FindAllStringSubmatch(string(text), -1) {
			if found[1] == "tagwire-rules" {
				rules = found[2]
				continue
			}
			set, err := rule.Compile(0, map[string]string{"rules.yaml": rules})
			require.NoError(t, err, path)
			rep, err := trial.Run(set, map[string]string{"rules_test.yaml": found[2]})
			require.NoError(t, err, path)
			require.Zero(t, rep.Failed, "%s: %v", path, rep.Tests)
			passed += rep.Passed
		}
		require.Equal(t, 1, passed, path)
	}
}

func FuzzRun(f *testing.F) {
	f.Add(passing)
	f.Add("- test: a\n  events: [{type: order.pay, amount: 1e9, times: 3, every: 1h}]\n  expect: [{alerts: [x], measures: {净消费: [1]}, stage: 新}]\n")
	f.Add("test: a\nexpect: [{at: +1d, has: [高意向]}]\n")
	f.Add("- {test: a, expect: [{at: 9999-12-31}]}\n")
	set, err := rule.Compile(1, map[string]string{"rules.yaml": shop})
	require.NoError(f, err)
	many := regexp.MustCompile(`times:\s*\S{3,}`)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 || many.MatchString(text) {
			return // a test that asks for thousands of events is only slow
		}
		rep, err := trial.Run(set, map[string]string{"a_test.yaml": text})
		if err == nil && rep.Passed+rep.Failed != len(rep.Tests) {
			t.Fatalf("%d passed, %d failed of %d", rep.Passed, rep.Failed, len(rep.Tests))
		}
		var refused rule.Errors
		if err != nil && !errors.As(err, &refused) {
			t.Fatalf("an error without a place: %v", err)
		}
	})
}

// TestTimersFireWhenTheyAreDue: an alert that time alone raises comes, however far
// the next entry of the test is away.
func TestTimersFireWhenTheyAreDue(t *testing.T) {
	set, err := rule.Compile(1, map[string]string{"rules.yaml": `tags: {沉睡: {when: 'absent("order.pay", "7d")', alert: {cooldown: 1m}}}`})
	require.NoError(t, err)
	for _, next := range []string{"7d", "7d30m", "7d2h", "20d"} {
		rep, err := trial.Run(set, map[string]string{"a_test.yaml": `
- test: before an expectation
  events: [{at: 0, type: order.pay}]
  expect: [{at: 6d23h, alerts: 0}, {at: ` + next + `, has: 沉睡, alerts: 1}]
- test: before an event
  events: [{at: 0, type: order.pay}, {at: ` + next + `, type: page.view}, {at: 20d, type: order.pay}]
  expect: [{at: 20d, has_not: 沉睡, alerts: 1}]
`})
		require.NoError(t, err)
		require.Zero(t, rep.Failed, "%s: %+v", next, rep.Tests)
	}
}
