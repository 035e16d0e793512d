package apply_test

import (
	"fmt"
	"regexp"
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

// thresholds are comparisons of one measure with numbers: values that may be missing,
// points that take away, limits that are hit exactly, the number in front, one number
// written in several ways, limits at and below nothing.
const thresholds = `
measures:
  least: {min: pay, of: event.amount, within: 2h}
  most: {max: pay, of: event.amount, within: 3h}
  mean: {avg: [pay, refund], of: event.amount, within: 4h}
  ever: {avg: pay, of: event.amount}
  newest: {last: pay, of: event.amount, within: 1h}
  oldest: {first: pay, of: event.amount, between: [1h, 3h]}
  opens: {count: [open, read], within: 3h}
  before: {count: [open, read, pay], between: [30m, 2h]}
  today: {count: [open, read, pay], per: day}
  all: {count: [open, read, pay, refund]}
  paid: {sum: pay, of: event.amount, within: 4h}
  net: {sum: pay, of: event.amount, minus: refund, within: 3h}
  total: {sum: pay, of: event.amount, minus: refund}
  heat: {score: {open: 8, pay: 4, refund: -4}, half_life: 1h}
  cold: {score: {open: -8, pay: -2, refund: 1}, half_life: 30m}
  warm: {score: {open: 4, refund: -2}, half_life: 1h, within: 3h}
  points: {score: {open: 4, refund: -3}}
  since: {time_since: pay}
  steps: {sequence: [open, pay], within: 2h, over: 3h}
tags:
  L1: {when: least >= 1}
  L2: {when: least < 3}
  L3: {when: 5 == least}
  L4: {when: least <= 8.00}
  M1: {when: most != 4}
  M2: {when: most > 0}
  M3: {when: 6.0 > most}
  A1: {when: mean > 0}
  A2: {when: mean >= 3.5}
  A3: {when: mean == 5}
  A4: {when: mean < -1}
  E1: {when: ever >= 3}
  E2: {when: ever != 4.0}
  N1: {when: newest > 1}
  N2: {when: newest < 5}
  N3: {when: newest != 2}
  F1: {when: 1 <= oldest}
  F2: {when: oldest < 4}
  O1: {when: opens == 1}
  O2: {when: 1.0 == opens}
  O3: {when: opens != 1.00}
  O4: {when: opens < 0}
  O5: {when: opens > -1}
  O6: {when: opens <= 2.5}
  O7: {when: 0 >= opens}
  O8: {when: opens >= 3}
  B1: {when: before > 1}
  B2: {when: before == 0}
  D1: {when: today >= 2}
  D2: {when: today == 0}
  C1: {when: all >= 2}
  C2: {when: all < 5}
  C3: {when: all == 3}
  C4: {when: all >= 2.0}
  P1: {when: paid > 0}
  P2: {when: paid == 5}
  P3: {when: paid <= 7}
  W1: {when: net < 0}
  W2: {when: net >= -3}
  W3: {when: net == 0}
  T1: {when: total < 0}
  T2: {when: total != 0}
  T3: {when: total >= 5}
  H1: {when: heat > 0}
  H2: {when: heat >= 4}
  H3: {when: heat == 4}
  H4: {when: 4 < heat}
  H5: {when: heat < -1}
  H6: {when: heat != 2.0}
  H7: {when: heat <= 0}
  K1: {when: cold < -4}
  K2: {when: cold <= -4.0}
  K3: {when: cold == -2}
  K4: {when: -1 >= cold}
  K5: {when: cold >= 0}
  R1: {when: warm > 1}
  R2: {when: warm == 0}
  R3: {when: warm < 0}
  Q1: {when: points < 0}
  Q2: {when: points >= 4}
  S1: {when: since < "1h"}
  S2: {when: since == "60m"}
  S3: {when: since != "1h"}
  S4: {when: '"3h" <= since'}
  S5: {when: since <= "1h"}
  Z1: {when: steps >= 1}
  Z2: {when: steps == 2}
  Z3: {when: steps < 1}
`

var limits = regexp.MustCompile(`(when: \w+ [<=>!]+ )[0-5]\}`)

var whens = regexp.MustCompile(`when: ('?)(.*?)('?)\}`)

// A rule that does nothing but compare is found by where its measure stands among the
// numbers. The same rules, written so that they are found by what they read, give the
// same: changes, alerts, what is due and what is kept.
func TestThresholdsAreAsOtherConditions(t *testing.T) {
	moved := limits.ReplaceAllString(thresholds, "${1}7}") // another version of many of the rules
	versions := [][2]*rule.Set{}
	for _, text := range []string{thresholds, moved} {
		versions = append(versions, [2]*rule.Set{compile(t, text), compile(t, whens.ReplaceAllString(text, "when: '($2) and true'}"))})
	}
	rapid.Check(t, func(t *rapid.T) {
		p, q := profile.New("p1"), profile.New("p1")
		threshold, plain := versions[0][0], versions[0][1]
		for _, f := range arrivals(applytest.Draw(t, t0, 1)) {
			e := f.Event()
			tag := threshold.Tags[rapid.IntRange(0, len(threshold.Tags)-1).Draw(t, "tag")].Name
			if by := rapid.IntRange(0, 9).Draw(t, "by"); by < 3 {
				e.Type, e.Properties = []string{"tag.add", "tag.remove", "tag.release"}[by], event.Fields{"tag": tag}
			}
			in := apply.Input{Event: e, Place: f.Received, Fresh: time.Hour, Late: 24 * time.Hour}
			same := func(do func(s *rule.Set, p *profile.Profile) apply.Result) {
				got, want := do(threshold, p), do(plain, q)
				require.Equal(t, want.Changes, got.Changes, "at %s", f.Received)
				require.Equal(t, want.Alerts, got.Alerts)
				require.Equal(t, apply.NextDue(plain, q, nil), apply.NextDue(threshold, p, nil), "due at %s", p.Clock)
			}
			same(func(s *rule.Set, p *profile.Profile) apply.Result {
				return apply.Advance(s, p, f.Received, 0, time.Hour)
			})
			same(func(s *rule.Set, p *profile.Profile) apply.Result { return apply.Event(s, p, in) })
			if rapid.IntRange(0, 9).Draw(t, "activate") == 0 {
				v := versions[rapid.IntRange(0, 1).Draw(t, "version")]
				threshold, plain = v[0], v[1]
				same(apply.Activate)
			}
		}
	})
}

// A window that empties leaves no value, and no number that is near tells it: 20 is
// neither below 10 nor, gone, below 10.
func TestAnEmptiedWindowEndsWhatFarNumbersGave(t *testing.T) {
	w := begin(t, `
measures:
  least: {min: pay, of: event.amount, within: 1h}
tags:
  some: {when: least >= 1}
  small: {when: least < 10}
`)
	w.add("a", "pay", t0, func(e *event.Event) { e.Amount = money("20") })
	require.Equal(t, []string{"some"}, held(w.p))
	w.pass(t0.Add(time.Hour))
	require.Empty(t, held(w.p))
}

// A score above nothing does not stay so for ever: what is too small to be a number is
// nothing, at a moment that is known.
func TestAScoreFadesToNothingByItself(t *testing.T) {
	w := begin(t, `
measures: {heat: {score: {open: 1, refund: -5}, half_life: 1s}}
tags:
  some: {when: heat > 0}
  none: {when: heat == 0 and known}
  less: {when: 0.0 > heat}
`)
	w.add("a", "open", t0, nil)
	w.pass(t0.Add(900 * time.Second))
	require.Equal(t, []string{"some"}, held(w.p))
	w.pass(t0.Add(900*time.Second + time.Millisecond))
	require.Equal(t, []string{"none"}, held(w.p))
	w.add("b", "refund", t0.Add(time.Hour), nil)
	require.Equal(t, []string{"less"}, held(w.p))
	w.pass(t0.Add(2 * time.Hour))
	require.Equal(t, []string{"none"}, held(w.p))
}

// Points that cancel each other out stay so, whenever another timer lets the rule be
// judged: no rounding makes something of nothing.
func TestAScoreThatCancelsOutStaysNothing(t *testing.T) {
	w := begin(t, `
measures: {heat: {score: {open: 4, refund: -2}, half_life: 1h, within: 9h}, n: {count: read, within: 7s}}
tags:
  none: {when: heat == 0 and known}
  less: {when: heat < 0 and true}
  more: {when: heat > 0 or false}
  fresh: {when: n >= 1}
`)
	w.add("a", "open", t0, nil)
	w.add("b", "refund", t0.Add(time.Hour), nil)
	require.Equal(t, []string{"none"}, held(w.p))
	for n := range 6 * 60 {
		at := t0.Add(time.Hour + time.Duration(n)*61*time.Second)
		w.add(fmt.Sprint("c", n), "read", at, nil)
		require.Equal(t, []string{"fresh", "none"}, held(w.p))
		w.pass(at.Add(10 * time.Second)) // the timer of the count judges all that time may change
		require.Equal(t, []string{"none"}, held(w.p), "after %s", at.Sub(t0))
	}
}

// A tag that reads a tag that reads the stage is judged behind the stage as well.
func TestTagsBehindATagThatReadsTheStageFollowIt(t *testing.T) {
	w := begin(t, `
measures: {n: {count: pay}}
tags:
  new: {when: 'stage == "new"'}
  newer: {when: tag("new")}
  newest: {when: not tag("newer")}
stages: [{name: none, start: true}, {name: new, when: n >= 1}]
`)
	w.add("a", "open", t0, nil)
	require.Equal(t, []string{"newest"}, held(w.p))
	w.add("b", "pay", t0.Add(time.Hour), nil)
	require.Equal(t, []string{"new", "newer"}, held(w.p))
}

// Two facts within the length: it is behind the second that the time since has passed.
// A late event makes the rule look back over both.
func TestLastsBehindTheTimeSinceLooksBackOverSeveralFacts(t *testing.T) {
	w := begin(t, `
measures: {since: {time_since: pay}}
tags: {fresh: {when: since < "1h", lasts: 2d}}
`)
	w.add("a", "pay", t0, nil)
	w.add("b", "pay", t0.Add(30*time.Minute), nil)
	w.add("c", "open", t0.Add(day), nil)
	until := t0.Add(90*time.Minute + 2*day)
	require.Equal(t, until, w.p.Tags["fresh"].Expires)
	w.add("d", "pay", t0.Add(10*time.Minute), func(e *event.Event) { e.ReceivedAt = t0.Add(day + time.Hour) })
	require.Equal(t, until, w.p.Tags["fresh"].Expires)
}
