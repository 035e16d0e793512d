package apply_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
)

// Defects seen in open-source taggers of WeCom, each as a test.

// Counts of keywords are kept per rule, customer and period, and go up by one with
// each match: nothing but the event and the customer's own state is read.
func TestDefectKeywordCountsArePerRuleCustomerAndPeriod(t *testing.T) {
	s := compile(t, `
keywords:
  price: {words: [多少钱]}
  goods: {words: [现货]}
tags:
  price: {event: chat.message, when: 'keyword("price")', times: {at_least: 2, per: day}}
  goods: {event: chat.message, when: 'keyword("goods")', times: {at_least: 2, per: day}}
`)
	li, wang := &world{t: t, s: s, p: profile.New("li")}, &world{t: t, s: s, p: profile.New("wang")}
	say := func(w *world, id, text string, at event.Time) {
		w.add(id, "chat.message", at, func(e *event.Event) { e.Matched = w.s.Match(text, "customer") })
	}
	say(li, "a", "多少钱", t0)
	say(wang, "b", "多少钱", t0) // another customer
	say(li, "c", "有现货吗", t0)  // another rule
	require.Empty(t, held(li.p))
	say(li, "d", "多少钱", t0.Add(day)) // another day
	require.Empty(t, held(li.p))
	say(li, "d", "多少钱", t0.Add(day)) // the same message once more
	require.Empty(t, held(li.p))
	say(li, "e", "多少钱？", t0.Add(day+time.Hour))
	require.Equal(t, []string{"price"}, held(li.p))
	require.Empty(t, held(wang.p))
}

// Weeks begin on Monday 00:00 in Asia/Shanghai, whatever the zone of the machine.
func TestDefectWeeksBeginOnMondayInShanghai(t *testing.T) {
	sunday := event.At(time.Date(2026, 3, 8, 15, 59, 0, 0, time.UTC)) // 23:59 in Shanghai
	rules := "tags: {twice: {event: ask, times: {at_least: 2, per: week}}}\n"
	w := begin(t, rules)
	w.add("a", "ask", sunday, nil)
	w.add("b", "ask", sunday.Add(2*time.Minute), nil) // Monday 00:01
	require.False(t, w.has("twice"), "these are two weeks")
	w = begin(t, rules)
	w.add("a", "ask", sunday.Add(2*time.Minute), nil)
	w.add("b", "ask", sunday.Add(7*day-time.Minute), nil) // Sunday 23:58 of the week that began
	require.True(t, w.has("twice"))
}

// A rule says whether it tags once a period or once ever.
func TestDefectOncePerPeriodOrEver(t *testing.T) {
	for once, want := range map[string]int{"period": 2, "ever": 1} {
		w := begin(t, "tags: {asked: {event: ask, lasts: 1d, times: {at_least: 1, per: week, once: "+once+"}, alert: {each: enter}}}\n")
		for week := range 2 {
			for n := range 3 { // three times in each week, days apart
				w.add(fmt.Sprint(week, n), "ask", t0.Add(time.Duration(7*week+2*n)*day), nil)
			}
		}
		w.pass(t0.Add(30 * day))
		applied := 0
		for _, op := range w.ops("asked") {
			if op == event.OpApplied {
				applied++
			}
		}
		require.Equal(t, want, applied, "once: %s", once)
		require.Len(t, w.alerts, want, "once: %s", once)
	}
}

// A part of the day may cross midnight, its end is not in it, and it is the
// event's own time that counts.
func TestDefectPartsOfTheDayCrossMidnightByEventTime(t *testing.T) {
	night := func(hour, minute int, late time.Duration) bool {
		w := begin(t, `tags: {night: {event: contact.add, when: 'time_of_day("22:00-02:00")'}}`+"\n")
		at := event.At(time.Date(2026, 3, 2, hour-8, minute, 0, 0, time.UTC)) // of the clock in Shanghai
		w.add("a", "contact.add", at, func(e *event.Event) { e.ReceivedAt = at.Add(late) })
		return w.has("night")
	}
	require.True(t, night(22, 0, 0))
	require.True(t, night(23, 59, 0))
	require.True(t, night(25, 59, 0))
	require.False(t, night(26, 0, 0))
	require.False(t, night(21, 59, 0))
	require.True(t, night(23, 0, 12*time.Hour), "it was received at noon")
	require.False(t, night(12, 0, 11*time.Hour), "it was received at night")
}

// Every rule that matches is recorded, each with its own change.
func TestDefectAllMatchingRulesAreRecorded(t *testing.T) {
	w := begin(t, "tags: {one: {event: ask}, two: {event: ask}, three: {event: ask, lasts: 1d}}\n")
	w.add("a", "ask", t0, nil)
	ids := map[string]bool{}
	for _, tag := range []string{"one", "two", "three"} {
		require.Equal(t, []event.Op{event.OpApplied}, w.ops(tag))
	}
	for _, c := range w.changes {
		ids[c.ChangeID] = true
		require.Equal(t, "a", c.Cause)
	}
	require.Len(t, ids, len(w.changes))
}

// Opens are counted by event and what was opened by value, both exactly: a repeat
// counts once, and two at the same moment count twice.
func TestDefectOpensAndPersonsAreExact(t *testing.T) {
	w := begin(t, `
measures:
  opens: {count: link.open}
  links: {distinct: link.open, of: event.object.id}
tags:
  any: {when: opens >= 1}
`)
	for i := range 200 {
		for range 2 {
			w.add(fmt.Sprint(i), "link.open", t0, func(e *event.Event) { e.Object = &event.Object{ID: fmt.Sprint("l", i%7)} })
		}
	}
	opens, _ := w.s.Measure("opens")
	require.Equal(t, "200", opens.Value(w.p, w.p.Clock).String())
	links, _ := w.s.Measure("links")
	require.Len(t, links.Value(w.p, w.p.Clock).List, 7)
	counts := map[string]int64{}
	profile.CountDelta(nil, w.p.CountKeys(nil), counts)
	require.EqualValues(t, 1, counts[profile.CountField("any")], "a person is one, however often")
}

// What is applied twice, also after it was taken for failed, counts once.
func TestDefectARetryCountsOnce(t *testing.T) {
	w := begin(t, "measures: {adds: {count: contact.add}}\ntags: {met: {event: contact.add, alert: {each: match}}, twice: {when: adds >= 2}}\n")
	for range 3 {
		w.add("same", "contact.add", t0, nil)
	}
	require.Equal(t, []string{"met"}, held(w.p))
	require.Len(t, w.alerts, 1)
	require.Equal(t, []event.Op{event.OpApplied}, w.ops("met"))
}
