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
