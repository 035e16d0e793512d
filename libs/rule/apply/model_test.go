package apply_test

import (
	"fmt"
	"slices"
	"sort"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/applytest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/apply"
)

func arrivals(h applytest.History) applytest.History {
	out := slices.Clone(h)
	sort.SliceStable(out, func(i, j int) bool { return out[i].Received < out[j].Received })
	return out
}

func deliver(s *rule.Set, p *profile.Profile, f applytest.Fact) {
	apply.Advance(s, p, f.Received, 0, time.Hour)
	apply.Event(s, p, apply.Input{Event: f.Event(), Place: f.Received, Fresh: time.Hour, Late: 24 * time.Hour})
}

func held(p *profile.Profile) []string {
	var out []string
	for _, t := range p.TagStates() {
		out = append(out, t.Tag)
	}
	return out
}

func compare(t require.TestingT, s *rule.Set, p *profile.Profile, h applytest.History, now event.Time) {
	apply.Advance(s, p, now, now, time.Hour)
	p.Clock = max(p.Clock, now) // the model looks at now; between timers nothing flips
	require.Equal(t, h.Tags(now), held(p), "tags at %s", now)
	require.Equal(t, h.Stage(now), p.Stage)
	value := func(name string) string {
		m, ok := s.Measure(name)
		require.True(t, ok)
		return m.Value(p, now).String()
	}
	require.Equal(t, fmt.Sprint(h.Count(now, 0, applytest.Typed("pay"))), value("orders"))
	require.Equal(t, fmt.Sprint(h.Count(now, 0, func(f applytest.Fact) bool { return f.Type == "pay" && f.Amount >= 5 })), value("big"))
	require.Equal(t, fmt.Sprint(h.Net(now)), value("net"))
	require.Equal(t, fmt.Sprint(h.Count(now, 3*time.Hour, applytest.Typed("open", "read"))), value("opens3h"))
	m, _ := s.Measure("heat")
	require.InDelta(t, h.Heat(now), m.Value(p, now).Score, 1e-6)
}

func TestAnyOrderAndDuplicatesGiveTheModelsState(t *testing.T) {
	s := compile(t, applytest.Rules)
	rapid.Check(t, func(t *rapid.T) {
		h := applytest.Draw(t, t0, 1)
		p := profile.New("p1")
		end := t0
		for _, f := range arrivals(h) {
			end = max(end, f.Received)
			deliver(s, p, f)
			if rapid.IntRange(0, 4).Draw(t, "again") == 0 {
				deliver(s, p, f) // a retry, or the same record again
			}
		}
		compare(t, s, p, h, end.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "wait"))*time.Minute))
	})
}

func TestMergesAtAnyMomentGiveTheModelsState(t *testing.T) {
	s := compile(t, applytest.Rules)
	rapid.Check(t, func(t *rapid.T) {
		h := applytest.Draw(t, t0, 3)
		ps := []*profile.Profile{profile.New("p1"), profile.New("p2"), profile.New("p3")}
		at := []int{rapid.IntRange(0, len(h)).Draw(t, "merge2"), rapid.IntRange(0, len(h)).Draw(t, "merge3")}
		end := t0
		for i, f := range append(arrivals(h), applytest.Fact{}) {
			for n, when := range at { // p2 and p3 join p1
				if loser := ps[n+1]; i == when && loser != ps[0] {
					to := max(ps[0].Clock, loser.Clock)
					apply.Advance(s, ps[0], to, 0, 0)
					apply.Merge(s, ps[0], loser, "m"+loser.ID)
					require.True(t, apply.Merge(s, ps[0], loser, "m"+loser.ID).Duplicate)
					ps[n+1] = ps[0]
				}
			}
			if i == len(h) {
				break
			}
			end = max(end, f.Received)
			deliver(s, ps[f.Who], f)
		}
		compare(t, s, ps[0], h, end.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "wait"))*time.Minute))
	})
}

// The constructs beyond the first ones: any order, duplicates and merges give what
// the model finds in the whole history.
func TestLanguageModelsState(t *testing.T) {
	s := compile(t, applytest.LanguageRules)
	for _, n := range s.Notes {
		require.Fail(t, n.Message, "all of it is free of order")
	}
	rapid.Check(t, func(t *rapid.T) {
		profiles := rapid.IntRange(1, 2).Draw(t, "profiles")
		h := applytest.Draw(t, t0, profiles)
		ps := []*profile.Profile{profile.New("p1"), profile.New("p2")}
		if profiles == 2 { // a sequence's facts are merged as a set while they are kept: a day and its length
			for i, f := range h {
				h[i].At = t0.Add(f.At.Sub(t0) / 2).Add(-(f.At.Sub(t0) / 2) % time.Minute)
				h[i].Received = h[i].At.Add(f.Received.Sub(f.At) / 2)
			}
		}
		merge := rapid.IntRange(0, len(h)).Draw(t, "merge")
		end := t0
		for i, f := range append(arrivals(h), applytest.Fact{}) {
			if i == merge && profiles == 2 {
				apply.Advance(s, ps[0], max(ps[0].Clock, ps[1].Clock), 0, 0)
				apply.Merge(s, ps[0], ps[1], "m")
				ps[1] = ps[0]
			}
			if i == len(h) {
				break
			}
			end = max(end, f.Received)
			deliver(s, ps[f.Who], f)
			if rapid.IntRange(0, 4).Draw(t, "again") == 0 {
				deliver(s, ps[f.Who], f)
			}
		}
		now := end.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "wait")) * time.Minute)
		apply.Advance(s, ps[0], now, now, time.Hour)
		ps[0].Clock = max(ps[0].Clock, now)
		require.Equal(t, h.LanguageTags(now), held(ps[0]), "tags at %s of %s", now, h)
		for name, want := range h.LanguageValues(now) {
			m, ok := s.Measure(name)
			require.True(t, ok)
			require.Equal(t, want, m.Value(ps[0], now).String(), name)
		}
	})
}
