package applytest

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
)

// LanguageRules are the constructs beyond [Rules]: each measure and function of the
// language whose result does not depend on arrival.
const LanguageRules = `
measures:
  earlier: {count: open, between: [2h, 6h]}
  earlierAmount: {sum: pay, of: event.amount, between: [1h, 5h]}
  payToday: {count: pay, per: day}
  mean: {avg: pay, of: event.amount}
  mean5h: {avg: pay, of: event.amount, within: 5h}
  least: {min: pay, of: event.amount}
  most5h: {max: pay, of: event.amount, within: 5h}
  most: {max: [pay, refund], of: event.amount}
  favourite: {top: view, of: event.object.brand}
  favourite4h: {top: view, of: event.object.brand, within: 4h}
  sincePay: {time_since: pay}
  left: {sequence: [view, not pay], within: 2h, same: event.object.brand}
  left6h: {sequence: [view, not pay], within: 2h, over: 6h}
  path: {sequence: [open, read, pay], within: 4h}
  shy: {sequence: ['open*2', not read], within: 3h}
  direct: {sequence: [open, not view, pay], within: 5h, over: 8h}
  again: {sequence: [open, not open], within: 1h}
tags:
  Earlier: {when: earlier >= 2}
  EarlierRich: {when: earlierAmount >= 10}
  Today: {when: payToday >= 2, lasts: 3h}
  Mean: {when: mean > 5 or mean5h > 7}
  Range: {when: 'least <= 2 and most5h >= 6'}
  Most: {when: most >= 9}
  LovesX: {when: 'favourite == "x"'}
  LovesY: {when: 'favourite4h == "y"', lasts: 30m}
  Fresh: {when: 'sincePay < "3h"'}
  Stale: {when: 'sincePay >= "5h"', lasts: 1h}
  Left: {when: left >= 1}
  LeftOften: {when: left6h >= 2, lasts: 2h}
  Path: {when: path >= 1}
  Shy: {when: shy >= 1}
  Direct: {when: direct >= 1}
  Again: {when: again >= 2}
  Habit: {when: 'regular("open", "1d", 1)'}
  HabitGone: {when: 'stopped("read", "1d", 1)'}
  Back: {when: 'restarted("open", "5h")'}
  Old: {when: 'known_for("10h")'}
  Never: {when: not (payToday >= 1)}
  Mixed: {when: '(favourite == "x" and not (sincePay < "3h")) or (path >= 1 and not (left >= 1 or earlier >= 1))'}
  Festive: {when: 'festival("妇女节", "5d")'}
`

// day is the calendar day of a moment in Shanghai, which has no summer time.
func day(at event.Time) int64 {
	return (int64(at) + 8*time.Hour.Milliseconds()) / (24 * time.Hour.Milliseconds())
}

// window are the facts of (now-far, now-near] that are ok.
func (h History) window(now event.Time, near, far time.Duration, ok func(Fact) bool) (out History) {
	for _, f := range h {
		if f.At <= now.Add(-near) && (far == 0 || f.At > now.Add(-far)) && ok(f) {
			out = append(out, f)
		}
	}
	return out
}

func (h History) amounts() (sum int64, least, most int64) {
	least = 1 << 40
	for _, f := range h {
		sum, least, most = sum+f.Amount, min(least, f.Amount), max(most, f.Amount)
	}
	return sum, least, most
}

func (h History) mean() float64 {
	if len(h) == 0 {
		return -1
	}
	sum, _, _ := h.amounts()
	return float64(sum) / float64(len(h))
}

func (h History) top() string {
	n := map[string]int{}
	for _, f := range h {
		n[f.Brand]++
	}
	best := ""
	for _, b := range []string{"x", "y", "z"} {
		if n[b] > n[best] {
			best = b
		}
	}
	return best
}

// since is how long ago the newest fact of a type is, -1 when there is none.
func (h History) since(now event.Time, typ string) time.Duration {
	d := time.Duration(-1)
	for _, f := range h {
		if f.Type == typ && f.At <= now && (d < 0 || now.Sub(f.At) < d) {
			d = now.Sub(f.At)
		}
	}
	return d
}

// wanted is a sequence as the model looks for it.
type wanted struct {
	steps  []string // types that must come
	not    map[int]string
	within time.Duration
}

// complete are the completions of a sequence up to now. It looks for a chain of
// facts behind the last completion at each fact that may end one, by trying all.
func (h History) complete(w wanted, now event.Time) (out []event.Time) {
	facts := slices.Clone(h)
	rank := func(f Fact) int {
		if i := slices.Index(w.steps, f.Type); i >= 0 {
			return i
		}
		return len(w.steps)
	}
	sort.SliceStable(facts, func(i, j int) bool {
		return facts[i].At < facts[j].At || facts[i].At == facts[j].At && rank(facts[i]) < rank(facts[j])
	})
	tail, waits := w.not[len(w.steps)-1]
	used := 0 // facts up to here are used up by a completion
	var armed event.Time
	done := func(at event.Time, upTo int) {
		out = append(out, at)
		used = upTo
		armed = 0
	}
	for i, f := range facts {
		if f.At > now {
			break
		}
		if armed != 0 && armed.Add(w.within) <= f.At {
			done(armed.Add(w.within), i)
		}
		if waits && f.Type == tail {
			armed = 0
		}
		if f.Type != w.steps[len(w.steps)-1] {
			continue
		}
		start := chain(w, facts[used:i+1], len(w.steps)-1, f)
		switch {
		case start == 0:
		case !waits:
			done(f.At, i+1)
		case armed == 0:
			armed = start
		}
	}
	if armed != 0 && armed.Add(w.within) <= now {
		out = append(out, armed.Add(w.within))
	}
	return out
}

// chain is the newest start of a chain that ends with the last of the facts as step
// n, 0 when there is none.
func chain(w wanted, facts History, n int, last Fact) event.Time {
	if n == 0 {
		return facts[len(facts)-1].At
	}
	var best event.Time
	for i := len(facts) - 2; i >= 0; i-- {
		f := facts[i]
		if f.Type == w.steps[n-1] {
			if s := chain(w, facts[:i+1], n-1, last); s != 0 && last.At < s.Add(w.within) {
				best = max(best, s)
			}
		}
		if f.Type == w.not[n-1] {
			break
		}
	}
	return best
}

func (h History) brand(b string) (out History) {
	for _, f := range h {
		if f.Brand == b {
			out = append(out, f)
		}
	}
	return out
}

// onDay says that there is such a fact on a day, up to now.
func (h History) onDay(now event.Time, typ string, d int64) bool {
	return slices.ContainsFunc(h, func(f Fact) bool { return f.Type == typ && f.At <= now && day(f.At) == d })
}

func (h History) back(now event.Time, typ string, d time.Duration) bool {
	in := h.window(now, 0, d, Typed(typ))
	if len(in) == 0 {
		return false
	}
	first := slices.MinFunc(in, func(a, b Fact) int { return int(a.At - b.At) }).At
	before := event.Time(0)
	for _, f := range h {
		if f.Type == typ && f.At < first {
			before = max(before, f.At)
		}
	}
	return before != 0 && first.Sub(before) >= d
}

func over(times []event.Time, now event.Time, d time.Duration) (n int) {
	for _, t := range times {
		if t > now.Add(-d) {
			n++
		}
	}
	return n
}

// Language are the conditions of [LanguageRules] as of a moment, by tag.
func (h History) language(now event.Time) map[string]bool {
	pays := h.window(now, 0, 0, Typed("pay"))
	_, least, _ := pays.amounts()
	_, _, most5h := h.window(now, 0, 5*time.Hour, Typed("pay")).amounts()
	_, _, most := h.window(now, 0, 0, Typed("pay", "refund")).amounts()
	earlier := len(h.window(now, 2*time.Hour, 6*time.Hour, Typed("open")))
	rich, _, _ := h.window(now, time.Hour, 5*time.Hour, Typed("pay")).amounts()
	favourite := h.window(now, 0, 0, Typed("view")).top()
	since := h.since(now, "pay")
	fresh := since >= 0 && since < 3*time.Hour
	left := 0
	for _, b := range []string{"x", "y", "z"} {
		left += len(h.brand(b).complete(wanted{[]string{"view"}, map[int]string{0: "pay"}, 2 * time.Hour}, now))
	}
	path := len(h.complete(wanted{[]string{"open", "read", "pay"}, nil, 4 * time.Hour}, now))
	today := day(now)
	return map[string]bool{
		"Earlier": earlier >= 2, "EarlierRich": rich >= 10,
		"Today": len(h.window(now, 0, 0, func(f Fact) bool { return f.Type == "pay" && day(f.At) == today })) >= 2,
		"Mean":  pays.mean() > 5 || h.window(now, 0, 5*time.Hour, Typed("pay")).mean() > 7,
		"Range": least <= 2 && most5h >= 6, "Most": most >= 9,
		"LovesX": favourite == "x", "LovesY": h.window(now, 0, 4*time.Hour, Typed("view")).top() == "y",
		"Fresh": fresh, "Stale": since >= 5*time.Hour,
		"Left":      left >= 1,
		"LeftOften": over(h.complete(wanted{[]string{"view"}, map[int]string{0: "pay"}, 2 * time.Hour}, now), now, 6*time.Hour) >= 2,
		"Path":      path >= 1,
		"Shy":       len(h.complete(wanted{[]string{"open", "open"}, map[int]string{1: "read"}, 3 * time.Hour}, now)) >= 1,
		"Direct":    over(h.complete(wanted{[]string{"open", "pay"}, map[int]string{0: "view"}, 5 * time.Hour}, now), now, 8*time.Hour) >= 1,
		"Again":     len(h.complete(wanted{[]string{"open"}, map[int]string{0: "open"}, time.Hour}, now)) >= 2,
		"Habit":     h.onDay(now, "open", today-1),
		"HabitGone": h.onDay(now, "read", today-3) && !h.onDay(now, "read", today-2) && !h.onDay(now, "read", today-1) && !h.onDay(now, "read", today),
		"Back":      h.back(now, "open", 5*time.Hour),
		"Old":       h.first(now) != 0 && h.first(now).Add(10*time.Hour) <= now,
		"Never":     !slices.ContainsFunc(pays, func(f Fact) bool { return day(f.At) == today }),
		"Mixed":     favourite == "x" && !fresh || path >= 1 && left < 1 && earlier < 1,
		"Festive":   festive(now),
	}
}

// festive: 8 March and the five days before.
func festive(now event.Time) bool {
	t := now.Std().In(time.FixedZone("Shanghai", 8*3600))
	return t.Month() == time.March && t.Day() >= 3 && t.Day() <= 8
}

func (h History) first(now event.Time) (first event.Time) {
	for _, f := range h {
		if f.At <= now && (first == 0 || f.At < first) {
			first = f.At
		}
	}
	return first
}

// lasting are the conditions of [LanguageRules] whose tags last, as of a moment.
func (h History) lastingLanguage() map[string]func(event.Time) bool {
	return map[string]func(event.Time) bool{
		"Today": func(m event.Time) bool {
			return len(h.window(m, 0, 0, func(f Fact) bool { return f.Type == "pay" && day(f.At) == day(m) })) >= 2
		},
		"LovesY": func(m event.Time) bool { return h.window(m, 0, 4*time.Hour, Typed("view")).top() == "y" },
		"Stale":  func(m event.Time) bool { return h.since(m, "pay") >= 5*time.Hour },
		"LeftOften": func(m event.Time) bool {
			return over(h.complete(wanted{[]string{"view"}, map[int]string{0: "pay"}, 2 * time.Hour}, m), m, 6*time.Hour) >= 2
		},
	}
}

// LanguageTags are the tags of [LanguageRules] that must be held, sorted. What
// lasts is looked for at each minute: facts and lengths are whole minutes.
func (h History) LanguageTags(now event.Time) []string {
	lasts := map[string]time.Duration{"Today": 3 * time.Hour, "LovesY": 30 * time.Minute, "Stale": time.Hour, "LeftOften": 2 * time.Hour}
	held := h.language(now)
	minute := event.Time(time.Minute.Milliseconds())
	for tag, holds := range h.lastingLanguage() {
		for at := now - now%minute; !held[tag] && now.Sub(at) <= lasts[tag] && at >= h.first(now); at -= minute {
			held[tag] = holds(at) && now.Sub(at) < lasts[tag] || holds(at-1) && at > h.first(now) && now.Sub(at-1) < lasts[tag]
		}
	}
	var out []string
	for tag, ok := range held {
		if ok {
			out = append(out, tag)
		}
	}
	sort.Strings(out)
	return out
}

// LanguageValues are measures of [LanguageRules] as of now, as texts; those that are
// absent are left out.
func (h History) LanguageValues(now event.Time) map[string]string {
	out := map[string]string{}
	pays := h.window(now, 0, 0, Typed("pay"))
	if sum, least, _ := pays.amounts(); len(pays) > 0 {
		mean, err := decimal.MustNew(sum, 0).Quo(decimal.MustNew(int64(len(pays)), 0))
		if err == nil {
			out["mean"] = mean.Trim(0).String()
		}
		out["least"] = strconv.FormatInt(least, 10)
	}
	out["favourite"] = h.window(now, 0, 0, Typed("view")).top()
	out["path"] = fmt.Sprint(len(h.complete(wanted{[]string{"open", "read", "pay"}, nil, 4 * time.Hour}, now)))
	out["direct"] = fmt.Sprint(over(h.complete(wanted{[]string{"open", "pay"}, map[int]string{0: "view"}, 5 * time.Hour}, now), now, 8*time.Hour))
	return out
}
