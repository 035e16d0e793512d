package profile

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/event"
)

// Whatever the order of arrival, the repetitions and the merges, a trait ends as
// the same value.
func TestTraitsMergeInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := TraitRule{
			Merge:   rapid.SampledFrom([]Policy{MergeNewest, MergeOldest, MergeRank, MergeMax, MergeUnion}).Draw(t, "policy"),
			Sources: []string{"crm", "wecom"},
		}
		rules := TraitRules{"x": r}
		one := rapid.Custom(func(t *rapid.T) event.Trait {
			return event.Trait{
				Value:  rapid.SampledFrom([]any{"a", "b", "9", 9.0, 10.0, true, "2026-01-02T00:00:00Z", []any{"b", "c"}, nil}).Draw(t, "value"),
				Source: rapid.SampledFrom([]string{"crm", "wecom", "form"}).Draw(t, "source"),
				Time:   event.Time(rapid.Int64Range(1, 4).Draw(t, "time")),
			}
		})
		all := rapid.SliceOfN(one, 1, 8).Draw(t, "values")
		want := New("p")
		for _, v := range all {
			want.SetTrait("x", v, rules)
		}
		var two [2]*Profile
		for i := range two {
			two[i] = New("q")
		}
		for _, v := range rapid.Permutation(append(all, all[0])).Draw(t, "order") {
			two[rapid.IntRange(0, 1).Draw(t, "side")].SetTrait("x", v, rules)
		}
		two[0].Absorb(two[1], "m", Keeping{Traits: rules})
		require.Equal(t, want.Traits["x"], two[0].Traits["x"])
	})
}

func TestTraitPolicies(t *testing.T) {
	f := func(r TraitRule, want any, values ...event.Trait) {
		t.Helper()
		p := New("p")
		for _, v := range values {
			p.SetTrait("x", v, TraitRules{"x": r})
		}
		require.Equal(t, want, p.Traits["x"].Value)
	}
	old, young := event.Trait{Value: "20", Source: "form", Time: 1}, event.Trait{Value: "9", Source: "crm", Time: 2}
	f(TraitRule{}, "9", young, old)
	f(TraitRule{Merge: MergeOldest}, "20", young, old)
	f(TraitRule{Merge: MergeRank, Sources: []string{"form", "crm"}}, "20", old, young)
	f(TraitRule{Merge: MergeMax}, "20", old, young)
	f(TraitRule{Merge: MergeUnion}, []any{"20", "9"}, young, old)
}
