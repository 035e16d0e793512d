package rule_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/rule"
)

func refused(t *testing.T, text string) rule.Errors {
	t.Helper()
	_, err := rule.Compile(1, map[string]string{"rules.yaml": text})
	var errs rule.Errors
	require.True(t, errors.As(err, &errs), "%v\n%s", err, text)
	inBothLanguages(t, err)
	return errs
}

func TestWrongRulesAreRefusedWithTheirPlace(t *testing.T) {
	f := func(text string, line, column int, says string) {
		t.Helper()
		e := refused(t, text)[0]
		require.Equal(t, "rules.yaml", e.File)
		require.Contains(t, e.Message, says)
		require.Equal(t, []int{line, column}, []int{e.Line, e.Column}, e.Message)
	}
	f("tags:\n  A: {when: 打开次数 >= 3}\n", 2, 13, "unknown name")
	f("measures:\n  n: {count: a}\ntags:\n  A: {when: n ≥ 3}\n", 4, 15, ">=")
	f("measures:\n  n: {count: a}\ntags:\n  A: {when: 'n >= \"x\"'}\n", 4, 16, "cannot be compared")
	f("measures:\n  n: {count: a}\ntags:\n  A: {when: n}\n", 4, 13, "a condition is expected")
	f("measures:\n  n: {count: a, within: 7d}\ntags:\n  A: {when: n >= 2000}\n", 4, 15, "cannot be exact")
	f("measures:\n  s: {score: {a: 1}, half_life: 1d}\n  n: {count: a}\ntags:\n  A: {when: s > n}\n", 5, 15, "constant only")
	f("tags:\n  A: {when: 'tag(\"B\")'}\n  B: {when: 'tag(\"A\")'}\n", 2, 3, "A → B → A")
	f("tags:\n  A: {when: 'event.amount > 1'}\n", 2, 14, "event tags")
	f("tags:\n  A: {event: x, when: 'keyword(\"没有\")'}\n", 2, 24, "no keyword list")
	f("measures:\n  n: {count: a, within: 7 days}\n", 2, 25, "not a duration")
	f("measures:\n  n: {sequence: [a, b]}\n", 2, 3, "needs `within`")
	f("measures:\n  n: {sequence: [not a, b], within: 1h}\n", 2, 17, "begins with an event")
	f("measures:\n  n: {count: a, between: [90d, 30d]}\n", 2, 26, "nearer end")
	f("measures:\n  n: {count: a, within: 7d, per: day}\n", 2, 34, "one window")
	f("measures:\n  n: {distinct: a, of: event.event_id}\n", 2, 24, "has no end")
	f("measures:\n  n: {avg: a}\n", 2, 3, "needs `of`")
	f("measures:\n  n: {time_since: a}\ntags:\n  A: {when: n >= 3}\n", 4, 15, "length of time")
	f("tags:\n  A: {when: 'first(\"a\")'}\n", 2, 14, "event tags")
	f("tags:\n  A: {when: 'time_of_day(\"22:00-02:00\")'}\n", 2, 14, "event tags")
	f("tags:\n  A: {when: 'regular(\"a\", \"36h\", 4)'}\n", 2, 14, "whole days")
	f("tags:\n  A: {when: 'festival(\"春劫\")'}\n", 2, 14, "春节")
	f("measures:\n  n: {count: a}\ntags:\n  A: {when: 'n >= cut(\"n\", \"p80\")'}\n", 4, 19, "no cut points yet")
	f("cuts:\n  n: {date: 2026-11-01, p20: 5, p80: 3}\n", 2, 3, "must not fall")
	f("cuts:\n  n: {date: 2026-11-01, customers: many, p20: 5}\n", 2, 36, "how many customers")
	f("tags:\n  A: {when: 'trait.city matches \"(a{500}){500}\"'}\n", 2, 33, "regular expression")
	f("tags:\n  A: {when: 'trait.city matches \"(\"'}\n", 2, 33, "regular expression")
	f("colour: red\n", 1, 1, "unknown key")
	f("tags:\n  A: {whem: 1}\n", 2, 7, "unknown key")
	f("keywords:\n  k: {words: [！]}\n", 2, 3, "never match")
	f("tags: [\n", 1, 7, "")
}

func TestWhatDependsOnArrivalIsMarked(t *testing.T) {
	s, err := rule.Compile(1, map[string]string{"r.yaml": "measures:\n  n: {count: a, within: 1d}\ntags:\n  A: {event: a}\n  B: {when: n >= 1}\n  C: {when: 'tag(\"A\")'}\n"})
	require.NoError(t, err)
	var noted []string
	for _, n := range s.Notes {
		require.Contains(t, n.Message, "as it arrived")
		noted = append(noted, n.Message[:1])
	}
	require.ElementsMatch(t, []string{"A", "C"}, noted)
}

// A renamed measure keeps its facts; one that keeps other facts needs history.
func TestNeedsHistory(t *testing.T) {
	compile := func(text string) *rule.Set {
		s, err := rule.Compile(1, map[string]string{"r.yaml": text})
		require.NoError(t, err)
		return s
	}
	older := compile("measures:\n  n: {count: a, within: 7d}\n")
	require.Empty(t, compile("measures:\n  opens: {count: a, within: 7d}\n").NeedsHistory(older))
	require.Equal(t, []string{"n"}, compile("measures:\n  n: {count: a, within: 8d}\n").NeedsHistory(older))
	require.NotEmpty(t, compile("tags:\n  T: {when: 'absent(\"pay\", \"1d\")'}\n").NeedsHistory(older))
}

// TestNeedsHistoryOfAKeywordList: a measure whose list has other words takes other
// facts, so what was kept by the old list is not gone on with.
func TestNeedsHistoryOfAKeywordList(t *testing.T) {
	compile := func(word, measure string) *rule.Set {
		set, err := rule.Compile(1, map[string]string{"r.yaml": "keywords: {k: {words: [" + word + "]}, other: {words: [" + word + "]}}\nmeasures:\n  n: " + measure + "\n"})
		require.NoError(t, err)
		return set
	}
	for _, measure := range []string{
		`{count: chat.message, where: keyword("k")}`,
		`{sequence: [{event: chat.message, where: keyword("k")}, order.pay], within: 2h}`,
		`{sequence: [chat.message, {not: order.pay, where: keyword("k")}], within: 2h}`,
	} {
		old := compile("贵", measure)
		require.Empty(t, compile("贵", measure).NeedsHistory(old))
		require.Equal(t, []string{"n"}, compile("便宜", measure).NeedsHistory(old), measure)
		require.Equal(t, []string{"k"}, old.Measures[0].Keywords, measure)
	}
	plain := `{count: chat.message, where: event.from == "customer"}`
	require.Empty(t, compile("便宜", plain).NeedsHistory(compile("贵", plain)))
}

var block = regexp.MustCompile("(?s)```yaml tagwire-rules\n(.*?)```")

// Every rule block of the guides compiles; packs have tests of their own.
func TestTheGuidesRulesCompile(t *testing.T) {
	n := 0
	require.NoError(t, filepath.WalkDir("../../docs", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".md") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range block.FindAllStringSubmatch(string(b), -1) {
			n++
			_, cerr := rule.Compile(1, map[string]string{path: m[1]})
			require.NoError(t, cerr, "%s:\n%s", path, m[1])
		}
		return err
	}))
	require.Positive(t, n)
}

func FuzzCompile(f *testing.F) {
	f.Add("tags:\n  A: {when: 'event.amount > 1', lasts: 7d}\n")
	f.Add("measures:\n  n: {count: a, within: 7d, where: 'event.from == \"customer\"'}\ntags:\n  A: {when: n >= 3 and not tag(\"B\")}\n")
	f.Add("keywords:\n  k: {words: [a], not_after: [b]}\nstages:\n  - {name: x, start: true}\n")
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = rule.Compile(1, map[string]string{"r.yaml": text}) // it refuses or compiles; it never panics
	})
}
