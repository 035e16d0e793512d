package rule_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/rule"
)

// Trees are made of a set that others read at the same time: nothing of it may
// change, whatever the condition calls.
func TestTreesChangeNothing(t *testing.T) {
	s, err := rule.Compile(1, map[string]string{"r.yaml": `measures:
  n: {count: a, within: 7d}
tags:
  A: {when: 'n >= 3 and absent("b", "1d") and regular("a", "7d", 4) and not tag("B", "3d")', lasts: 30d}
  B: {event: a, when: 'first("a") and weekday("mon-fri")'}
  C: {choose: [{tag: D, when: 'n > 5'}]}
stages:
  - {name: 起, start: true}
  - {name: 活, when: n > 1}
`})
	require.NoError(t, err)
	before := map[string]rule.Fold{}
	for key, f := range s.Folds {
		before[key] = *f
	}
	for _, tag := range s.Tags {
		tree, err := s.Tree(tag)
		require.NoError(t, err)
		require.Equal(t, tag.When != nil, tree != nil, tag.Name)
		for _, c := range tag.Choose {
			tree, err := s.ChoiceTree(c)
			require.NoError(t, err)
			require.Equal(t, "n > 5", tree.Text)
		}
	}
	for _, st := range s.Stages {
		tree, err := s.StageTree(st)
		require.NoError(t, err)
		require.Equal(t, st.When != nil, tree != nil, st.Name)
	}
	require.Len(t, s.Folds, len(before))
	for key, f := range s.Folds {
		require.Equal(t, before[key].Shape, f.Shape)
	}
}
