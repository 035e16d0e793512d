package source_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/rule/source"
)

func TestReadKeepsPlacesAndOrder(t *testing.T) {
	r, err := source.Read(map[string]string{
		"b.yaml": "tags:\n  乙: {when: 'a >= 1', lasts: 7d}\n  甲:\n    event: [x.y, z]\n",
		"a.yaml": "tags: {丙: }\nstages:\n  - {name: 潜在, start: true}\n",
	})
	require.NoError(t, err)
	tags := r.Block("tags")
	require.Equal(t, []string{"丙", "乙", "甲"}, []string{tags[0].Key, tags[1].Key, tags[2].Key})
	require.Equal(t, source.None, tags[0].Value.Kind)
	when := tags[1].Value.Get("when")
	require.Equal(t, []any{"b.yaml", 2, 13, "a >= 1", true}, []any{when.File, when.Line, when.Column, when.Text, when.Quoted})
	require.Equal(t, []int{3, 3}, []int{tags[2].At.Line, tags[2].At.Column})
	require.Equal(t, []string{"x.y", "z"}, tags[2].Value.Get("event").Texts())
	require.Equal(t, []string{"7d"}, tags[1].Value.Get("lasts").Texts())
	require.False(t, tags[1].Value.Has("event"))
	require.Equal(t, "true", r.Items("stages")[0].Get("start").Text)
	_, err = source.Read(map[string]string{"c.yaml": "tags: ["})
	require.ErrorContains(t, err, "c.yaml")
}
