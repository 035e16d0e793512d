package apply_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
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

// Failures of other systems that are on record, each as a test of its number.
// docs/traps.md lists them all, with those whose test stands elsewhere.

const day = 24 * time.Hour

func begin(t testing.TB, rules string) *world {
	t.Helper()
	return &world{t: t, s: compile(t, rules), p: profile.New("p1")}
}

func (w *world) ops(tag string) (out []event.Op) {
	for _, c := range w.changes {
		if c.Tag == tag {
			out = append(out, c.Op)
		}
	}
	return out
}

// 3: another order of events inside a window gives the same tags, stage and counts.
func TestTrap03Shuffle(t *testing.T) {
	s := compile(t, applytest.Rules)
	rapid.Check(t, func(rt *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "story"), 1))
		h := applytest.Random(rnd, t0, 1)
		now := t0.Add(60 * time.Hour)
		play := func(h applytest.History) *profile.Profile {
			p := profile.New("p1")
			for _, f := range h {
				deliver(s, p, f)
			}
			apply.Advance(s, p, now, now, time.Hour)
			return p
		}
		first := play(h)
		rnd.Shuffle(len(h), func(i, j int) { h[i], h[j] = h[j], h[i] })
		second := play(h)
		require.Equal(rt, held(first), held(second))
		require.Equal(rt, first.Stage, second.Stage)
		require.Equal(rt, first.CountKeys(nil), second.CountKeys(nil))
		for _, m := range s.Measures {
			require.Equal(rt, m.Value(first, now).String(), m.Value(second, now).String(), m.Name)
		}
	})
}

// 5: an event that is 90 days old gives a rule of 7 days no state tag and no
// alert; an event tag is as of the event's own time, and over if its time is.
func TestTrap05AnEventOfLongAgo(t *testing.T) {
	const rules = `
measures: {opens: {count: open, within: 7d}}
tags:
  keen: {when: opens >= 1, alert: {each: enter}}
  opened: {event: open, alert: {each: match}}
  recent: {event: open, lasts: 30d, alert: {each: enter}}
`
	for name, others := range map[string]bool{"of a known customer": true, "of a new one": false} {
		t.Run(name, func(t *testing.T) {
			w := begin(t, rules)
			now := t0.Add(90 * day)
			if others {
				w.add("v", "view", now.Add(-time.Hour), nil)
			}
			w.add("old", "open", t0, func(e *event.Event) { e.ReceivedAt = now })
			w.pass(now)
			require.Equal(t, []string{"opened"}, held(w.p))
			require.Equal(t, t0, w.p.Tags["opened"].Since)
			require.Empty(t, w.alerts)
		})
	}
}

// 6: a window that passes without an event ends the tag at its moment, and lets a
// rule with < or == come in.
func TestTrap06TimeAlone(t *testing.T) {
	w := begin(t, `
measures: {opens: {count: open, within: 7d}}
tags:
  keen: {when: opens >= 1}
  idle: {when: opens < 1}
  none: {when: opens == 0}
`)
	w.add("a", "open", t0, nil)
	require.Equal(t, []string{"keen"}, held(w.p))
	w.pass(t0.Add(7*day - time.Millisecond))
	require.Equal(t, []string{"keen"}, held(w.p))
	w.pass(t0.Add(7 * day))
	require.ElementsMatch(t, []string{"idle", "none"}, held(w.p))
	for _, c := range w.changes[len(w.changes)-3:] {
		require.Equal(t, t0.Add(7*day), c.At, "as of the moment at which it was due")
		require.Equal(t, apply.ReasonTime, c.Reason)
	}
}

// 7: A into B, then B into C, with stragglers for A after each: one member, and
// the counts are those of the different events.
func TestTrap07ChainsAndStragglers(t *testing.T) {
	s := compile(t, "measures: {opens: {count: open}}\ntags: {thrice: {when: opens >= 3}}\n")
	of := func(id string) *world {
		w := &world{t: t, s: s, p: profile.New(id)}
		return w
	}
	a, b, c := of("A"), of("B"), of("C")
	a.add("1", "open", t0, nil)
	b.add("1", "open", t0, nil) // the same event reached both
	b.add("2", "open", t0.Add(time.Minute), nil)
	merge := func(into, gone *world, id string) {
		into.take(apply.Merge(s, into.p, gone.p, id))
		require.True(t, apply.Merge(s, into.p, gone.p, id).Duplicate, "a merge that comes twice is one")
	}
	merge(b, a, "m1")
	require.False(t, b.has("thrice"), "two different events")
	b.add("1", "open", t0, nil) // straggler of A, once more
	require.False(t, b.has("thrice"))
	merge(c, b, "m2")
	c.add("1", "open", t0, nil)
	require.False(t, c.has("thrice"))
	c.add("3", "open", t0.Add(2*time.Minute), nil) // straggler of A after both
	require.True(t, c.has("thrice"))
	m, _ := s.Measure("opens")
	require.Equal(t, "3", m.Value(c.p, c.p.Clock).String())
	require.Equal(t, []event.Op{event.OpApplied}, c.ops("thrice"))
}

// 8: when a threshold is raised, those who are below it leave; of several versions
// in a row only the newest counts, also for whom the one before has not reached.
func TestTrap08AnotherThreshold(t *testing.T) {
	version := func(n int64, least int) *rule.Set {
		s, err := rule.Compile(n, map[string]string{"r.yaml": fmt.Sprintf("measures: {opens: {count: open}}\ntags: {keen: {when: opens >= %d}}\n", least)})
		require.NoError(t, err)
		return s
	}
	v1, v2, v3 := version(1, 1), version(2, 3), version(3, 2)
	counts, members := map[string]int64{}, 0
	for n := range 5 {
		w := &world{t: t, s: v1, p: profile.New(fmt.Sprint("p", n))}
		for i := range n {
			w.add(fmt.Sprint(i), "open", t0, nil)
		}
		require.Equal(t, n >= 1, w.has("keen"))
		if n%2 == 0 { // the sweep of version 2 was overtaken
			w.take(apply.Activate(v2, w.p))
			require.Equal(t, n >= 3, w.has("keen"))
		}
		was := w.p.CountKeys(nil)
		w.take(apply.Activate(v3, w.p))
		require.Equal(t, n >= 2, w.has("keen"))
		require.EqualValues(t, 3, w.p.Rules)
		profile.CountDelta(was, w.p.CountKeys(nil), counts)
		if slices.Contains(was, profile.CountField("keen")) {
			members++
		}
	}
	require.EqualValues(t, 3, members+int(counts[profile.CountField("keen")]))
}

// 9: “did not pay in 30 days” alone holds for who never did anything but to come.
func TestTrap09WhoNeverDid(t *testing.T) {
	w := begin(t, `
measures: {pays: {count: pay, within: 30d}}
tags:
  not_paid: {when: not (pays >= 1)}
  no_pay: {when: pays == 0}
  absent: {when: 'absent("pay", "30d")'}
`)
	w.add("a", "attribute.set", t0, func(e *event.Event) { e.Traits = event.Fields{"city": "苏州"} })
	require.ElementsMatch(t, []string{"not_paid", "no_pay"}, held(w.p))
	w.pass(t0.Add(30*day - time.Millisecond))
	require.False(t, w.has("absent"))
	w.pass(t0.Add(30 * day))
	require.ElementsMatch(t, []string{"not_paid", "no_pay", "absent"}, held(w.p))
}

// 11: two runs over the same events raise the same alerts by id, so that whoever
// delivers knows the second for the first.
func TestTrap11TheSameAlertOfTwoRuns(t *testing.T) {
	run := func() (ids []string) {
		w := newWorld(t)
		for i := range 3 {
			w.add(fmt.Sprint(i), "link.open", t0.Add(time.Duration(i)*time.Hour), nil)
			w.add(fmt.Sprint(i), "link.open", t0.Add(time.Duration(i)*time.Hour), nil)
		}
		w.add("m", "chat.message", t0.Add(4*time.Hour), func(e *event.Event) { e.Matched = w.s.Match("多少钱", "customer") })
		for _, a := range w.alerts {
			ids = append(ids, a.AlertID)
		}
		return ids
	}
	one := run()
	require.Len(t, one, 2)
	require.NotEqual(t, one[0], one[1])
	require.Equal(t, one, run())
}

// 13: a condition that goes on alerts once; after it has cleared it alerts again,
// unless that is within the cool-down. Each match alerts once per cool-down.
func TestTrap13OneAlertOfWhatGoesOn(t *testing.T) {
	w := begin(t, `
measures: {opens: {count: open, within: 1h}}
tags:
  keen: {when: opens >= 2, alert: {each: enter, cooldown: 4h}}
  asked: {event: ask, alert: {each: match, cooldown: 30m}}
`)
	alerts := func() (n int) {
		for _, a := range w.alerts {
			if a.Tag == "keen" {
				n++
			}
		}
		return n
	}
	for i := range 15 { // it goes on for more than four hours
		w.add(fmt.Sprint("a", i), "open", t0.Add(time.Duration(i)*20*time.Minute), nil)
	}
	require.Equal(t, 1, alerts())
	w.pass(t0.Add(6 * time.Hour))
	require.False(t, w.has("keen"), "it has cleared")
	for i := range 2 {
		w.add(fmt.Sprint("b", i), "open", t0.Add(7*time.Hour), nil)
	}
	require.Equal(t, 2, alerts(), "again after it has cleared")
	w.pass(t0.Add(9 * time.Hour))
	for i := range 2 {
		w.add(fmt.Sprint("c", i), "open", t0.Add(9*time.Hour+time.Minute), nil)
	}
	require.True(t, w.has("keen"))
	require.Equal(t, 2, alerts(), "it cools down")
	before := len(w.alerts)
	for i := range 7 {
		w.add(fmt.Sprint("d", i), "ask", t0.Add(10*time.Hour+time.Duration(i)*10*time.Minute), nil)
	}
	require.Len(t, w.alerts[before:], 3, "at 0, 30 and 60 minutes")
}

// 14: when a person is taken out, or a tag is taken away by hand or with its rule,
// every count that this touches moves in the same step.
func TestTrap14DeletingMovesCounts(t *testing.T) {
	const both = "measures: {opens: {count: open}}\ntags: {keen: {when: opens >= 1}, met: {event: open}}\n"
	moved := func(do func(w *world)) map[string]int64 {
		w := begin(t, both)
		w.add("a", "open", t0, nil)
		require.ElementsMatch(t, []string{"keen", "met"}, held(w.p))
		was, delta := w.p.CountKeys(nil), map[string]int64{}
		do(w)
		profile.CountDelta(was, w.p.CountKeys(nil), delta)
		for k, n := range delta {
			if n == 0 {
				delete(delta, k)
			}
		}
		return delta
	}
	everything := map[string]int64{profile.CountField("keen"): -1, profile.CountField("met"): -1}
	require.Equal(t, everything, moved(func(w *world) {
		w.add("k", event.TypeConsent, t0, func(e *event.Event) { e.Properties = event.Fields{"profiling": "refused"} })
	}), "who refuses has no tags and stays a customer")
	everything[profile.CountField("")] = -1
	require.Equal(t, everything, moved(func(w *world) {
		w.take(apply.Event(w.s, w.p, apply.Input{Event: &event.Event{EventID: "i", Type: "x", Time: t0, ReceivedAt: t0}, Internal: true, Place: t0, Fresh: time.Hour, Late: day}))
	}), "who turns out to be of the staff counts nowhere")
	require.Equal(t, map[string]int64{profile.CountField("met"): -1}, moved(func(w *world) {
		w.add("r", "tag.remove", t0, func(e *event.Event) { e.Properties = event.Fields{"tag": "met"} })
	}))
	require.Equal(t, map[string]int64{profile.CountField("keen"): -1}, moved(func(w *world) {
		s, err := rule.Compile(2, map[string]string{"r.yaml": "tags: {met: {event: open}}\n"})
		require.NoError(t, err)
		w.take(apply.Activate(s, w.p))
	}))
}
