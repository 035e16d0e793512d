package apply_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/apply"
)

func compileGroups(t *testing.T, version int64, text string) *rule.Set {
	t.Helper()
	s, err := rule.Compile(version, map[string]string{"r.yaml": text})
	require.NoError(t, err)
	return s
}

// The groups of tags and the form of traits are those of the rules, from the
// activation on.
func TestActivationMovesGroupsAndTraits(t *testing.T) {
	before := compileGroups(t, 1, "tags:\n  买: {group: a, event: order.pay}\n  在: {group: a, when: known}\n")
	after := compileGroups(t, 2, `
tags:
  买: {group: b, event: order.pay}
  在: {group: b, when: known}
  露营: {when: '"露营" in traits.兴趣'}
traits: {兴趣: {merge: union}}
`)
	p := profile.New("p")
	send := func(s *rule.Set, id, interest string) {
		e := &event.Event{
			EventID: id, Type: "order.pay", Source: "s", Time: 1000, ReceivedAt: 1000, Traits: event.Fields{"兴趣": interest},
			Identities: []event.Identity{{Namespace: "user_id", Value: "u"}},
		}
		apply.Event(s, p, apply.Input{Event: e, Own: e.Identities, Place: 1000})
	}
	send(before, "e1", "露营")
	res := apply.Activate(after, p)
	require.True(t, res.Traits)
	require.Equal(t, []any{"露营"}, p.Traits["兴趣"].Value)
	ids := map[string]bool{}
	for _, c := range res.Changes {
		require.False(t, ids[c.ChangeID], "each change has an id of its own")
		ids[c.ChangeID] = true
	}
	groups := map[string]string{}
	for _, tag := range p.TagStates() {
		groups[tag.Tag] = tag.Group
	}
	require.Equal(t, map[string]string{"买": "b", "在": "b", "露营": ""}, groups)
	send(after, "e2", "摄影")
	require.Equal(t, []any{"摄影", "露营"}, p.Traits["兴趣"].Value)
	require.NotNil(t, p.Tags["露营"])
	require.False(t, apply.Activate(after, p).Traits)
}
