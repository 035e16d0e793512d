package cutpoints_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/services/console/cutpoints"
)

const spendRules = `measures:
  净消费: {sum: order.pay, of: event.amount, minus: order.refund}
  订单数: {count: order.pay}
tags:
  有消费: {when: 净消费 > 0}
`

func TestPutTouchesItsLineOnly(t *testing.T) {
	taken := cutpoints.Taken{Measure: "净消费", Date: "2026-11-01", Points: []cutpoints.Point{{Point: "p80", Value: "8.5"}}}
	const line = "  净消费: {date: 2026-11-01, p80: 8.5}\n"
	const rates = "# 汇率\nrates:\n  USD: {2026-01-01: 7.10}"
	for name, c := range map[string]struct{ was, is string }{
		"no file":                 {"", "cuts:\n" + line},
		"something else in it":    {rates, rates + "\ncuts:\n" + line},
		"another measure":         {"cuts: # 分位\n  订单数: {date: 2026-10-01, p80: 3}  # 旧\n", "cuts: # 分位\n" + line + "  订单数: {date: 2026-10-01, p80: 3}  # 旧\n"},
		"in place of its own":     {"cuts:\n  净消费: {date: 2026-10-01, p50: 3}\n  订单数: {date: 2026-10-01, p80: 3}\n", "cuts:\n" + line + "  订单数: {date: 2026-10-01, p80: 3}\n"},
		"its own on many lines":   {"cuts:\n  净消费:\n    date: 2026-10-01\n    p50: 3\n# 后\n" + rates + "\n", "cuts:\n" + line + "# 后\n" + rates + "\n"},
		"indented in another way": {"cuts:\n    净消费: {date: 2026-10-01, p50: 3}", "cuts:\n  " + line},
	} {
		files := map[string]string{"shop.yaml": spendRules, cutpoints.File: c.was}
		require.NoError(t, cutpoints.Put(files, taken), name)
		require.Equal(t, map[string]string{"shop.yaml": spendRules, cutpoints.File: c.is}, files, name)
	}
	for name, files := range map[string]map[string]string{
		"in one line of another file": {"shop.yaml": spendRules + "cuts: {净消费: {date: 2026-10-01, p50: 3}}\n"},
		"all in one line":             {"shop.yaml": spendRules, cutpoints.File: "cuts: {净消费: {date: 2026-10-01, p50: 3}, 订单数: {date: 2026-10-01, p50: 3}}\n"},
	} {
		was := files[cutpoints.File]
		var refused *cutpoints.RefusedError
		require.ErrorAs(t, cutpoints.Put(files, taken), &refused, name)
		require.Equal(t, was, files[cutpoints.File], name)
	}
}

func TestPutReplacesWhereItStands(t *testing.T) {
	files := map[string]string{"shop.yaml": "cuts:\n  净消费: {date: 2026-10-01, customers: 9, p50: 3}\n" + spendRules}
	taken := cutpoints.Taken{Measure: "净消费", Date: "2026-11-01", Customers: 12, Points: []cutpoints.Point{{Point: "p50", Value: "4"}}}
	require.NoError(t, cutpoints.Put(files, taken))
	require.Equal(t, map[string]string{"shop.yaml": "cuts:\n  净消费: {date: 2026-11-01, customers: 12, p50: 4}\n" + spendRules}, files)
}

func TestPutTakesNothingButCutPoints(t *testing.T) {
	for name, taken := range map[string]cutpoints.Taken{
		"no day":         {Measure: "净消费", Date: "today", Points: []cutpoints.Point{{Point: "p50", Value: "4"}}},
		"no number":      {Measure: "净消费", Date: "2026-11-01", Points: []cutpoints.Point{{Point: "p50", Value: "4}\ntags: {x: {when: known}"}}},
		"no percentage":  {Measure: "净消费", Date: "2026-11-01", Points: []cutpoints.Point{{Point: "p50: 1, p60", Value: "4"}}},
		"falling points": {Measure: "净消费", Date: "2026-11-01", Points: []cutpoints.Point{{Point: "p50", Value: "4"}, {Point: "p60", Value: "3"}}},
		"another key":    {Measure: "净消费: {date: 2026-11-01, p50: 4}\n  订单数", Date: "2026-11-01", Points: []cutpoints.Point{{Point: "p50", Value: "4"}}},
		"no points":      {Measure: "净消费", Date: "2026-11-01"},
	} {
		files := map[string]string{"shop.yaml": spendRules}
		require.Error(t, cutpoints.Put(files, taken), name)
		require.Equal(t, map[string]string{"shop.yaml": spendRules}, files, name)
	}
}

func TestPutKeepsWhatRulesRead(t *testing.T) {
	text := "cuts:\n  净消费: {date: 2026-10-01, p50: 3, p80: 4}\n" + spendRules + "  高价值: {when: '净消费 >= cut(\"净消费\", \"p80\")'}\n"
	files := map[string]string{"shop.yaml": text}
	taken := cutpoints.Taken{Measure: "净消费", Date: "2026-11-01", Points: []cutpoints.Point{{Point: "p50", Value: "4"}}}
	require.ErrorContains(t, cutpoints.Put(files, taken), "p80")
	require.Equal(t, map[string]string{"shop.yaml": text}, files)
	taken.Points = append(taken.Points, cutpoints.Point{Point: "p80", Value: "9"})
	require.NoError(t, cutpoints.Put(files, taken))
}

func TestInTellsWhatStandsAndWhoReadsIt(t *testing.T) {
	files := map[string]string{
		"cuts.yaml": "cuts:\n  净消费: {date: 2026-10-01, customers: 1200, p80: 880.50, p5: 2}\n  订单数:\n    date: 2026-11-01\n    p50: 3\n",
		"shop.yaml": `measures:
  净消费: {sum: order.pay, of: event.amount, minus: order.refund}
  订单数: {count: order.pay}
tags:
  高价值: {when: '净消费 >= cut("净消费", "p80") and 净消费 < 2 * cut("净消费", "p80")'}
  等级:
    choose:
      - {tag: 黄金, when: "净消费 >= cut('净消费', 'p80')"}
      - {tag: 普通, when: '净消费 >= cut("净消费", "p5")'}
stages:
  - {name: 潜在, start: true}
  - {name: 老客, when: '订单数 > cut("订单数", "p50")'}
`,
	}
	set, err := rule.Compile(1, files)
	require.NoError(t, err)
	got, err := cutpoints.In(set, files)
	require.NoError(t, err)
	point := func(p, v string, by ...string) cutpoints.StandingPoint {
		return cutpoints.StandingPoint{Point: cutpoints.Point{Point: p, Value: v}, ReadBy: by}
	}
	require.Equal(t, []cutpoints.Standing{
		{Measure: "净消费", Date: "2026-10-01", Customers: 1200, File: "cuts.yaml", Line: 2, Points: []cutpoints.StandingPoint{point("p5", "2", "普通"), point("p80", "880.5", "高价值", "黄金")}},
		{Measure: "订单数", Date: "2026-11-01", File: "cuts.yaml", Line: 3, Points: []cutpoints.StandingPoint{point("p50", "3", "老客")}},
	}, got)
}

// What is wrong with the numbers themselves is said so, and never blamed on the file.
func TestPutRefusesWhatCouldStandInNoFile(t *testing.T) {
	rules := "measures:\n  c: {count: page.view}\n  newest: {last: page.view}\ntags: {x: {when: 'c > 1 and newest != nil'}}\n"
	good := []cutpoints.Point{{Point: "p50", Value: "4"}}
	one := func(p, v string) []cutpoints.Point { return []cutpoints.Point{{Point: p, Value: v}} }
	for name, c := range map[string]struct {
		taken cutpoints.Taken
		says  string
	}{
		"a measure that there is not": {cutpoints.Taken{Measure: "zz", Date: "2026-11-01", Points: good}, `no measure "zz"`},
		"a measure that is a time":    {cutpoints.Taken{Measure: "newest", Date: "2026-11-01", Points: good}, `no measure "newest"`},
		"no number":                   {cutpoints.Taken{Measure: "c", Date: "2026-11-01", Points: one("p50", "NaN")}, "these are no cut points"},
		"no value":                    {cutpoints.Taken{Measure: "c", Date: "2026-11-01", Points: one("p50", "")}, "these are no cut points"},
		"no day":                      {cutpoints.Taken{Measure: "c", Date: "2026-13-41", Points: good}, "these are no cut points"},
		"p0":                          {cutpoints.Taken{Measure: "c", Date: "2026-11-01", Points: one("p0", "1")}, "these are no cut points"},
		"p05":                         {cutpoints.Taken{Measure: "c", Date: "2026-11-01", Points: one("p05", "1")}, "these are no cut points"},
		"p100":                        {cutpoints.Taken{Measure: "c", Date: "2026-11-01", Points: one("p100", "1")}, "these are no cut points"},
	} {
		files := map[string]string{"shop.yaml": rules}
		var refused *cutpoints.RefusedError
		require.ErrorAs(t, cutpoints.Put(files, c.taken), &refused, name)
		require.Contains(t, refused.En, c.says, name)
		require.Equal(t, map[string]string{"shop.yaml": rules}, files, name)
	}
}
