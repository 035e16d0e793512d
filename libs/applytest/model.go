// Package applytest is the naive model of tags: it looks at a whole history at
// once, recomputes everything and keeps no state. Tests compare what the product
// made of the same events, in whatever order and however often they came.
package applytest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/govalues/decimal"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/event"
)

// Rules are the order-free kinds, judged by a model that looks at the whole History at
// once: whatever order events arrive in, however often, and over however many
// profiles that turn out to be one, the end is the same (G4).
const Rules = `
measures:
  opens3h: {count: [open, read], within: 3h}
  orders: {count: pay}
  big: {count: pay, where: 'event.amount >= 5'}
  net: {sum: pay, of: event.amount, minus: refund}
  brands: {distinct: view, of: event.object.brand}
  brands4h: {distinct: view, of: event.object.brand, within: 4h}
  heat: {score: {open: 5, pay: 3}, half_life: 2h}
  lastbrand: {last: view, of: event.object.brand}
  firstbrand: {first: view, of: event.object.brand}
tags:
  hot: {when: opens3h >= 3, lasts: 4h}
  cool: {when: 'net >= 6 and not (opens3h >= 1)', lasts: 2h}
  warm: {when: heat >= 9}
  gone: {when: 'absent("pay", "5h")'}
  keen: {when: tag("hot") or len(brands) >= 3}
  member:
    choose:
      - {tag: gold, when: net >= 12}
      - {tag: plain, when: net > 0}
  fresh: {when: '"x" in brands4h', lasts: 1h}
stages:
  - {name: start, start: true}
  - {name: new, when: orders >= 1}
  - {name: busy, when: opens3h >= 2}
  - {name: lost, when: 'orders >= 1 and absent("pay", "6h")'}
`

// Fact is one event as the model sees it.
type Fact struct {
	ID       string
	Type     string
	At       event.Time
	Received event.Time
	Amount   int64
	Brand    string
	Who      int // which of the profiles it is first seen as
}

// History is what the model judges.
type History []Fact

// String lists the facts in order of time, for people who look for a difference.
func (h History) String() string {
	facts := slices.Clone(h)
	sort.SliceStable(facts, func(i, j int) bool { return facts[i].At < facts[j].At })
	var out strings.Builder
	for _, f := range facts {
		fmt.Fprintf(&out, "\n%s %s %s %d %s of %d, received %s", f.At, f.ID, f.Type, f.Amount, f.Brand, f.Who, f.Received)
	}
	return out.String()
}

// Count is the number of facts that are ok as of now, within a window or ever.
func (h History) Count(now event.Time, within time.Duration, ok func(Fact) bool) (n int) {
	for _, f := range h {
		if f.At <= now && (within == 0 || f.At > now.Add(-within)) && ok(f) {
			n++
		}
	}
	return n
}

// Typed says that a fact is of one of the types.
func Typed(types ...string) func(Fact) bool {
	return func(f Fact) bool { return slices.Contains(types, f.Type) }
}

// Net is pay minus refund as of now.
func (h History) Net(now event.Time) (s int64) {
	for _, f := range h {
		if f.At <= now && f.Type == "pay" {
			s += f.Amount
		}
		if f.At <= now && f.Type == "refund" {
			s -= f.Amount
		}
	}
	return s
}

// Heat is the decaying score as of now.
func (h History) Heat(now event.Time) (s float64) {
	points := map[string]float64{"open": 5, "pay": 3}
	for _, f := range h {
		if f.At <= now {
			s += points[f.Type] * math.Exp2(-float64(now-f.At)/float64((2*time.Hour).Milliseconds()))
		}
	}
	return s
}

func (h History) brands(now event.Time, within time.Duration) map[string]bool {
	out := map[string]bool{}
	for _, f := range h {
		if f.Type == "view" && f.At <= now && (within == 0 || f.At > now.Add(-within)) {
			out[f.Brand] = true
		}
	}
	return out
}

func (h History) absent(now event.Time, typ string, d time.Duration) bool {
	last := event.Time(0)
	for _, f := range h {
		if f.At <= now && (last == 0 || f.At < last) {
			last = f.At // first seen
		}
	}
	for _, f := range h {
		if f.Type == typ && f.At <= now && f.At > last {
			last = f.At
		}
	}
	return last.Add(d) <= now
}

// lasting: held at some moment after now-lasts. Between two boundaries (a Fact
// comes or leaves) a window condition does not change.
func (h History) lasting(now event.Time, lasts time.Duration, held func(event.Time) bool) bool {
	bounds := []event.Time{now, now.Add(-lasts)}
	for _, f := range h {
		for _, d := range []time.Duration{0, 3 * time.Hour, 4 * time.Hour} {
			bounds = append(bounds, f.At.Add(d))
		}
	}
	for _, b := range bounds {
		for _, m := range []event.Time{b - 1, b} { // just before the end of a stretch, and its begin
			if m <= now && m >= now.Add(-lasts) && held(m) {
				return true
			}
		}
	}
	return false
}

// Tags are the tags that must be held, sorted.
func (h History) Tags(now event.Time) []string {
	has := map[string]bool{}
	hot := func(m event.Time) bool { return h.Count(m, 3*time.Hour, Typed("open", "read")) >= 3 }
	cool := func(m event.Time) bool { return h.Net(m) >= 6 && h.Count(m, 3*time.Hour, Typed("open", "read")) < 1 }
	fresh := func(m event.Time) bool { return h.brands(m, 4*time.Hour)["x"] }
	has["hot"] = h.lasting(now, 4*time.Hour, hot)
	has["cool"] = h.lasting(now, 2*time.Hour, cool)
	has["fresh"] = h.lasting(now, time.Hour, fresh)
	has["warm"] = h.Heat(now) >= 9
	has["gone"] = h.absent(now, "pay", 5*time.Hour)
	has["keen"] = has["hot"] || len(h.brands(now, 0)) >= 3
	has["gold"] = h.Net(now) >= 12
	has["plain"] = !has["gold"] && h.Net(now) > 0
	var out []string
	for name, ok := range has {
		if ok {
			out = append(out, name)
		}
	}
	sort.Strings(out)
	return out
}

// Stage is the stage that must be entered.
func (h History) Stage(now event.Time) string {
	s := "start"
	orders := h.Count(now, 0, Typed("pay"))
	if orders >= 1 {
		s = "new"
	}
	if h.Count(now, 3*time.Hour, Typed("open", "read")) >= 2 {
		s = "busy"
	}
	if orders >= 1 && h.absent(now, "pay", 6*time.Hour) {
		s = "lost"
	}
	return s
}

// Draw makes a History of 30 hours, each event up to 20 hours on its way, by one of so many identities.
func Draw(t *rapid.T, from event.Time, profiles int) History {
	n := rapid.IntRange(1, 40).Draw(t, "events")
	var h History
	for i := range n {
		f := Fact{
			ID: fmt.Sprint("e", i), Type: rapid.SampledFrom([]string{"open", "read", "pay", "refund", "view"}).Draw(t, "type"),
			At:     from.Add(time.Duration(rapid.IntRange(0, 30*60).Draw(t, "minute")) * time.Minute),
			Amount: int64(rapid.IntRange(1, 9).Draw(t, "amount")), Brand: rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "brand"),
			Who: rapid.IntRange(0, profiles-1).Draw(t, "who"),
		}
		f.Received = f.At.Add(time.Duration(rapid.IntRange(0, 20*60).Draw(t, "delay")) * time.Minute)
		h = append(h, f)
	}
	return h
}

// Random is Draw from a plain generator, for tests that cannot shrink: 12 hours,
// so that no order of arrival is beyond the lateness that folds exactly.
func Random(rnd *rand.Rand, from event.Time, profiles int) History {
	var h History
	for i := range 1 + rnd.IntN(40) {
		f := Fact{
			ID: fmt.Sprint("e", i), Type: []string{"open", "read", "pay", "refund", "view"}[rnd.IntN(5)],
			At: from.Add(time.Duration(rnd.IntN(12*60)) * time.Minute), Amount: 1 + int64(rnd.IntN(9)),
			Brand: []string{"x", "y", "z"}[rnd.IntN(3)], Who: rnd.IntN(profiles),
		}
		f.Received = f.At.Add(time.Duration(rnd.IntN(9*60)) * time.Minute)
		h = append(h, f)
	}
	return h
}

// Event is the fact as an interaction.
func (f Fact) Event() *event.Event {
	amount := decimal.MustNew(f.Amount, 0)
	return &event.Event{
		EventID: f.ID, Type: f.Type, Time: f.At, ReceivedAt: f.Received, Source: "s", Amount: &amount, Object: &event.Object{Brand: f.Brand},
	}
}
