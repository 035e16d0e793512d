package rule_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/cond"
)

var atPlace = regexp.MustCompile(`^\d+:\d+: `)

// inBothLanguages says that each refusal is in Chinese and in English.
func inBothLanguages(t *testing.T, err error) {
	t.Helper()
	var errs rule.Errors
	require.True(t, errors.As(err, &errs), "%v", err)
	for _, e := range errs {
		zh, en, both := strings.Cut(e.Message, " / ")
		require.True(t, both, e.Message)
		require.Regexp(t, `\p{Han}`, zh)
		require.Regexp(t, `[a-z]{2}`, en)
	}
}

// What could only be false for everybody, or could not be served exactly, is refused at
// its place.
func TestRefusals(t *testing.T) {
	const n = "measures: {n: {count: a, within: 7d}, all: {count: a}, s: {score: {a: 1}, half_life: 1d}, l: {distinct: a, of: event.channel}, e: {time_since: a}}\n"
	when := func(text string) string { return n + "tags:\n  A:\n    when: '" + text + "'\n" }
	for text, want := range map[string]string{
		when(`not n`):                     "4:16: a condition is expected here; this is a number",
		when(`known and 3`):               "4:22: a condition is expected here; this is a number",
		when(`"x" or known`):              "4:12: a condition is expected here; this is a text",
		when(`"x" in n`):                  "4:19: a list is expected here; this is a number",
		when(`n contains "x"`):            "4:12: a text is expected here; this is a number",
		when(`n matches "x"`):             "4:12: a text is expected here; this is a number",
		when(`n + "x" > 3`):               "4:12: a text is expected here; this is a number",
		when(`l * 2 > 3`):                 "4:12: a number is expected here; this is a list",
		when(`-"a" > 3`):                  "4:13: a number is expected here; this is a text",
		when(`n > 1000`):                  "4:14: a window keeps its newest 1000 events",
		when(`n <= 1000`):                 "4:14: a window keeps its newest 1000 events",
		when(`n == 1000`):                 "4:14: a window keeps its newest 1000 events",
		when(`1000 < n`):                  "4:17: a window keeps its newest 1000 events",
		when(`1001 <= n`):                 "4:17: a window keeps its newest 1000 events",
		when(`n + 1 > 1001`):              "4:18: a window keeps its newest 1000 events, so a comparison with 1001 cannot be exact; what can be is >= 1001 and < 1001",
		when(`2 * n >= 2001`):             "what can be is >= 2000 and < 2000",
		when(`n / 2 + n > 1000`):          "what can be is >= 500 and < 500",
		when(`5000 - n < 3000`):           "what can be is <= 4000 and > 4000",
		when(`n in [3, 1000]`):            "a window keeps its newest 1000 events, so a comparison with 1000 cannot be exact; what can be is >= 1000 and < 1000",
		when(`-n == -1000`):               "what can be is <= -1000 and > -1000",
		when(`n + len(l) > 1500`):         "what can be is >= 1000 and < 1000",
		when(`(n ?? 0) - 1 < 1000`):       "what can be is >= 999 and < 999",
		when(`len(l) >= 1001`):            "4:19: a window keeps its newest 1000 events",
		when(`s + 1 > 3`):                 "4:18: a score moves by itself",
		when(`-s < -3`):                   "4:15: a score moves by itself",
		when(`(s ?? 0) > 3`):              "a score moves by itself",
		when(`(known ? s : 0) > 3`):       "a score moves by itself",
		when(`s in [1, 2]`):               "4:12: a score moves by itself",
		when(`(e ?? "3d") > "1d"`):        "a length of time moves by itself",
		"tags: {'': {when: known}}\n":     "1:8: a name is missing here",
		"tags: {\"\\0\": {when: known}}":  "1:8: a name is missing here",
		"tags:\n  A\xff: {when: known}\n": "2:4: 文件不是 UTF-8 编码",
		"tags:\n  A\x00: {when: known}\n": "2:4: 看不见的控制字符",
		"stages:\n  - {name: a, start: true}\n  - {name: b, start: true}\n":                                                            "3:22: the stage \"a\" is the start already",
		"stages:\n  - {name: new, start: true}\n  - {name: old, when: known, from: [neu]}\n":                                           "3:36: there is no stage \"neu\" (did you mean new?); there are new, old",
		"tags: {A: {when: known, alert: {title: 'x {{name'}}}\n":                                                                       "has no }} behind it",
		"tags:\n  Y: {when: stage == \"a\"}\n  X: {when: tag(\"Y\")}\nstages: [{name: a, start: true}, {name: b, when: tag(\"X\")}]\n": "the stage \"b\" reads the tag \"X\", which reads the stage",
		"tags:\n  A: {when: absent(\"pay\", \"9d\")}\n":                                                                                "stands in single quotes",
		"tags:\n  A:\n    when: |\n      known and\n      xyz > 3\n":                                                                   "5:7: unknown name",
		"tags:\n  A:\n    when: |\n      xyz > 3\n":                                                                                    "4:7: unknown name",
		"tags:\n  A:\n    when: >-\n      known and\n      not xyz\n":                                                                  "5:11: unknown name",
		when("known" + strings.Repeat(" and known", 20000)):                                                                            "the condition has too many parts",
		when("all > 0.00000000000000000000000001"):                                                                                     "4:18: the number 1e-26 is out of range",
		"tags: {A: {when: \"tag(\\\"B\\\") and\\n x > 3\"}}\n":                                                                         "unknown name \"x\"",
	} {
		_, err := rule.Compile(1, map[string]string{"r.yaml": text})
		place := atPlace.FindString(want)
		require.ErrorContains(t, err, place, text)
		require.ErrorContains(t, err, want[len(place):], text)
		inBothLanguages(t, err)
	}
	for _, ok := range []string{"n >= 1000", "n < 1000", "1000 <= n", "n > 999", "all > 5000", "len(l) >= 1000", "all + 1 > 3", "n + 1 >= 1001", "n + 1 > 1000", "n * 2 < 2000", "-n <= -1000", "n + len(l) >= 1000", "n in [3, 999]", "n / all > 5000", "n - all > 5000", "all + 1 > 5000", "n * all > 1", "not (all > 3)", `traits.x contains "a"`, `"a" + traits.x == "ab"`, "traits.vip and known"} {
		_, err := rule.Compile(1, map[string]string{"r.yaml": when(ok)})
		require.NoError(t, err, ok)
	}
}

// An editor of Windows puts a mark in front of the file.
func TestAByteOrderMarkIsNoPartOfTheFirstKey(t *testing.T) {
	_, err := rule.Compile(1, map[string]string{"r.yaml": "\ufefftags: {A: {when: known}}\n"})
	require.NoError(t, err)
	_, err = rule.Compile(1, map[string]string{"r.yaml": strings.Repeat("#\n", 3) + "tags: {A: {when: knwn}}\n"})
	require.ErrorContains(t, err, "r.yaml:4:18:")
}

// 12345678901234567.89 is more than a float can hold, and not more than a number has.
func TestNumbersKeepTheirDigits(t *testing.T) {
	s, err := rule.Compile(1, map[string]string{"r.yaml": "tags: {A: {when: 12345678901234567.89 - 12345678901234567 == 0.89}}\n"})
	require.NoError(t, err)
	require.True(t, s.Tags[0].When.Eval(&cond.Moment{Profile: profile.New("p")}).True())
}
