package rule_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
)

func TestGroupsAndTraits(t *testing.T) {
	s, err := rule.Compile(1, map[string]string{"r.yaml": `
groups:
  意向: {count_by: [channel, store, staff, city], color: red, order: 1}
  其他: {order: 2}
traits:
  首次来源: {merge: oldest}
  会员等级: {merge: rank, sources: [crm, wecom]}
  积分: {merge: max}
  name: {merge: oldest}
`})
	require.NoError(t, err)
	require.Equal(t, profile.Dimensions{"意向": {"channel", "store", "staff", "city"}}, s.Dimensions)
	require.Equal(t, []rule.Group{
		{Name: "意向", CountBy: []string{"channel", "store", "staff", "city"}, Color: "red", Order: 1}, {Name: "其他", CountBy: []string{}, Order: 2},
	}, s.Groups)
	require.Equal(t, profile.TraitRule{Merge: profile.MergeRank, Sources: []string{"crm", "wecom"}}, s.Traits["会员等级"])
}

func TestWrongGroupsAndTraitsAreRefusedWithTheirPlace(t *testing.T) {
	f := func(text string, line, column int, says string) {
		t.Helper()
		e := refused(t, text)[0]
		require.Contains(t, e.Message, says)
		require.Equal(t, []int{line, column}, []int{e.Line, e.Column}, e.Message)
	}
	f("groups:\n  g: {count_by: [store, shop]}\n", 2, 25, `not "shop"`)
	f("groups:\n  g: {count_by: [store, store]}\n", 2, 25, "twice")
	f("groups:\n  g: {color: url(x)}\n", 2, 14, "a color is a word")
	f("groups:\n  g: {order: first}\n", 2, 14, "whole number")
	f("traits:\n  x: {merge: latest}\n", 2, 14, `not "latest"`)
	f("traits:\n  x: {merge: rank}\n", 2, 14, "needs `sources`")
	f("traits:\n  x: {merge: max, sources: [crm]}\n", 2, 28, "rank")
	f("traits:\n  name: {merge: max}\n", 2, 17, "sealed")
	f("traits:\n  phone: {merge: union}\n", 2, 18, "sealed")
	f("traits:\n  name: {merge: rank, sources: [crm]}\n", 2, 17, "sealed")
	f("traits:\n  x: {}\n", 2, 3, "needs `merge`")
}
