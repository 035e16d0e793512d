package trial_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/trial"
)

// A tag of a family has a colon, which in a list needs no quotes.
func TestTagsOfFamiliesInLists(t *testing.T) {
	set, err := rule.Compile(1, map[string]string{"r.yaml": "tags: {渠道: {event: add, value: event.channel}}\n"})
	require.NoError(t, err)
	rep, err := trial.Run(set, map[string]string{"r_test.yaml": `
- test: families
  events: [{at: 0, type: add, channel: 抖音}, {at: 0, type: add, channel: a}]
  expect:
    - {at: 0, has: [渠道:抖音, "渠道:a"], has_not: [渠道:b]}
`})
	require.NoError(t, err)
	require.Equal(t, []int{1, 0}, []int{rep.Passed, rep.Failed})
}

// What would be served otherwise than it is written, or never come to an end, is refused.
func TestTestFilesThatAreRefused(t *testing.T) {
	set, err := rule.Compile(1, map[string]string{"r.yaml": "tags: {A: {when: known}}\n"})
	require.NoError(t, err)
	for event, want := range map[string]string{
		"properties: {a: &a [x, x], b: [*a, *a]}": "a_test.yaml:2:60: 不支持 YAML 锚点（*）：请直接写出来 / aliases (*) are not read",
		"times: -5":    "times is 1 to 10000",
		"times: 10001": "times is 1 to 10000",
	} {
		_, err := trial.Run(set, map[string]string{"a_test.yaml": "- test: a\n  events: [{at: 0, type: x, " + event + "}]\n  expect: [{has_not: A}]\n"})
		require.ErrorContains(t, err, want)
	}
}
