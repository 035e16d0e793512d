package profile

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
)

func TestCountKeysByDimension(t *testing.T) {
	p := New("p")
	p.FirstSeen, p.Tags = 1, map[string]*Tag{"A": {Group: "g"}, "B": {}}
	p.Stores = []string{"s1", "s2"}
	p.Meet("li", Contact{Since: 1})
	dims := Dimensions{"g": {DimStore, DimStaff, DimCity, DimChannel}}
	p.AddIdentity(event.Identity{Namespace: "user_id", Value: "u"})
	require.Equal(t, []string{`[""]`, `["A","staff","li"]`, `["A","store","s1"]`, `["A","store","s2"]`, `["A"]`, `["B"]`}, p.CountKeys(dims))
	p.SetTrait("城市", event.Trait{Value: "成都", Time: 1}, nil)
	require.Contains(t, p.CountKeys(dims), `["A","city","成都"]`)
	p.SetTrait("city", event.Trait{Value: "上海", Time: 1}, nil)
	require.Contains(t, p.CountKeys(dims), `["A","city","上海"]`)
	require.NotContains(t, p.CountKeys(dims), `["A","city","成都"]`)
	p.Meet("li", Contact{Left: 2})
	require.NotContains(t, p.CountKeys(dims), `["A","staff","li"]`)
	p.Identities = nil
	require.Contains(t, p.CountKeys(dims), `["A","store.anonymous","s1"]`)
	require.NotContains(t, p.CountKeys(dims), `["A","store","s1"]`)
}
