package rule_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/rule"
)

// A fold that took its facts by another zone, or counted in another currency, is
// another fold; those that look at neither stay what they are.
func TestFoldsAreOfTheirZoneAndCurrency(t *testing.T) {
	const measures = `measures:
  opens: {count: link.open}
  nights: {count: link.open, where: 'time_of_day("22:00-06:00")'}
  weekends: {sequence: [{event: link.open, where: 'weekday("sat,sun")'}, order.pay], within: 2d}
  paid: {sum: order.pay, of: event.amount}
tags:
  A: {when: opens > 1 and nights > 1 and weekends > 1 and paid > 1}
`
	keys := func(head string) map[string]string {
		s, err := rule.Compile(1, map[string]string{"r.yaml": head + measures})
		require.NoError(t, err)
		out := map[string]string{}
		for _, m := range s.Measures {
			out[m.Name] = m.Fold.Key
		}
		return out
	}
	plain := keys("")
	require.Equal(t, plain, keys("zone: Asia/Shanghai\ncurrency: CNY\n"))
	for head, others := range map[string][]string{
		"zone: Asia/Urumqi\n": {"nights", "weekends"},
		"currency: HKD\n":     {"paid"},
	} {
		for name, key := range keys(head) {
			if slices.Contains(others, name) {
				require.NotEqual(t, plain[name], key, "%s, %s", head, name)
			} else {
				require.Equal(t, plain[name], key, "%s, %s", head, name)
			}
		}
	}
}
