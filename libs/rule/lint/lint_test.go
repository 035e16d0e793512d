package lint_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/lint"
)

func look(t *testing.T, text string) []lint.Finding {
	t.Helper()
	files := map[string]string{"r.yaml": text}
	set, err := rule.Compile(1, files)
	require.NoError(t, err, text)
	found, err := lint.Set(set, files)
	require.NoError(t, err)
	for _, f := range found {
		for _, s := range []string{f.Zh, f.En, f.DoZh, f.DoEn, f.Check, f.Level, f.File} {
			require.NotEmpty(t, s)
		}
		require.Positive(t, f.Line)
	}
	return found
}

const measures = "measures:\n  n: {count: a, within: 7d}\n  m: {sum: a, of: event.amount}\n  s: {score: {a: 1}, half_life: 1d}\n  l: {last: a, of: event.amount}\n"

// names gives each finding but notes as check name.
func names(found []lint.Finding) []string {
	out := []string{}
	for _, f := range found {
		if f.Level != lint.Note {
			out = append(out, f.Check+" "+f.Name)
		}
	}
	return out
}

func TestConditionsThatDecideNothing(t *testing.T) {
	f := func(when string, want ...string) {
		t.Helper()
		got := names(look(t, measures+"tags:\n  T:\n    when: |-\n      "+when+"\n"))
		require.Equal(t, append([]string{}, want...), got, when)
	}
	const bad = "constant_condition T"
	f(`n > 5 and n < 3`, bad)
	f(`n >= 0`, bad)
	f(`n < 0`, bad)
	f(`n > 2 and n < 3`, bad) // whole numbers
	f(`m > 2 and m < 3`)
	f(`m >= 0`) // refunds
	f(`m >= 0 or m < 0`, bad)
	f(`l >= 0 or l < 0`) // may be missing
	f(`not (l >= 1) and not (l < 1)`)
	f(`l >= 1 and not (l >= 1)`)
	f(`s > 1 and not (s > 0.5)`, bad)
	f(`3 > n and 5 < n`, bad)
	f(`n == 1 and n != 1`, bad)
	f(`n <= 1 and n != 0 and n != 1`, bad)
	f(`traits.city == "苏州" and traits.city == "上海"`, bad)
	f(`traits.city == "苏州" or traits.city == "上海"`)
	f(`stage == "新" or stage != "新"`, bad)
	f(`absent("a", "1d") and not absent("a", "1d")`, bad)
	f(`known and (n >= 3 or m > 100)`)
	f(`len(owners) >= 0`, bad)
	f(`(n > 5 or m > 5) and (n < 3 or m < 3)`)
	f(`true`, bad)
}

func TestWhatIsHidden(t *testing.T) {
	found := look(t, measures+`tags:
  等级:
    choose:
      - {tag: 银, when: m >= 100}
      - {tag: 金, when: m >= 500}
      - {tag: 铜, when: m > 0 and n > 1}
      - {tag: 铁, when: 'm > 50 and n > 3'}
stages:
  - {name: 起, start: true}
  - {name: 忠, when: n >= 6}
  - {name: 活, when: n >= 2}
  - {name: 流, when: 'absent("a", "1d")'}
`)
	require.Equal(t, []string{"hidden_choice 金", "hidden_choice 铁", "hidden_stage 忠"}, names(found))
	for _, f := range found {
		switch f.Name {
		case "金":
			require.Equal(t, []any{"r.yaml", 10, 24}, []any{f.File, f.Line, f.Column})
			require.Contains(t, f.Zh, "（银）")
		case "铁":
			require.Contains(t, f.Zh, "（铜）")
		}
	}
}

func TestWhatIsNotUsedOrRepeats(t *testing.T) {
	found := look(t, `keywords:
  k: {words: [价格，多少钱]}
  j: {words: [好, "是，对"]}
measures:
  n: {count: a, within: 7d}
  unused: {count: b}
  shown: {count: b}
tags:
  A: {event: a, when: 'keyword("j")', times: {at_least: 2, per: week}, lasts: 3d}
  B: {event: a, when: n > 3, lasts: 1d}
  C: {event: a, alert: {each: match, title: '{{shown}}'}}
  D: {when: 'tag("没有") and tag("A")'}
  E: {event: x，lasts: 7d}
`)
	require.Equal(t, []string{
		"unused_keywords k", "signs k", "short_lasts A", "short_lasts B", "no_cooldown C", "unknown_tag D", "signs ，",
	}, names(found))
	var notes []string
	for _, f := range found {
		if f.Level == lint.Note {
			notes = append(notes, f.Name)
		}
	}
	require.Equal(t, []string{"unused"}, notes)
}

// The packs are clean, so that what lint says can be taken seriously.
func TestThePacksAreClean(t *testing.T) {
	dirs, err := filepath.Glob("../../../deploy/examples/*/rules")
	require.NoError(t, err)
	require.NotEmpty(t, dirs)
	for _, dir := range dirs {
		files := map[string]string{}
		paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
		require.NoError(t, err)
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.yaml") {
				continue
			}
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			files[filepath.Base(path)] = string(b)
		}
		set, err := rule.Compile(1, files)
		require.NoError(t, err)
		found, err := lint.Set(set, files)
		require.NoError(t, err)
		require.Empty(t, names(found), dir)
	}
}

func TestHowTagsWereHeld(t *testing.T) {
	files := map[string]string{"r.yaml": measures + "tags:\n  A: {when: n > 1}\n  B: {when: n > 2}\n  C: {when: n > 3}\n  F: {event: x, value: event.channel}\n  G: {event: x, value: event.channel}\n  T:\n    choose: [{tag: 金, when: n > 4}]\n"}
	set, err := rule.Compile(1, files)
	require.NoError(t, err)
	use := lint.Use{
		Days: 30, Profiles: 100,
		Held:    map[string]uint64{"A": 100, "B": 96, "F:抖音": 3, "手工": 100},
		Applied: map[string]uint64{"B": 1},
		Pairs:   []lint.Pair{{A: "A", B: "B", Both: 96, Either: 100}, {A: "B", B: "C", Both: 94, Either: 100}, {A: "A", B: "手工", Both: 100, Either: 100}, {A: "A", B: "C", Both: 5, Either: 5}},
	}
	found, err := lint.Used(set, files, use)
	require.NoError(t, err)
	require.Equal(t, []string{"held_by_all A", "never_applied C", "never_applied G", "never_applied 金", "overlap A"}, names(found))
	require.Contains(t, found[4].Zh, "96.0%")
	require.Equal(t, []any{"r.yaml", 9}, []any{found[1].File, found[1].Line})
}

func TestAKeywordListReadByAMeasureIsUsed(t *testing.T) {
	lists := "keywords: {k: {words: [贵]}, step: {words: [贵]}, idle: {words: [贵]}}\nmeasures:\n"
	found := look(t, lists+`  n: {count: chat.message, where: keyword("k")}
  s: {sequence: [{event: chat.message, where: keyword("step")}, order.pay], within: 2h}
tags:
  T: {when: n >= 2 and s >= 1}
`)
	require.Equal(t, []string{"unused_keywords idle"}, names(found))
}
