package apply_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
)

// mochatRules is MoChat's rule of keywords: fuzzy and exact words of one list,
// from the customer only, to these staff only, so often a day, a week or a month.
const mochatRules = `
keywords:
  询价: {words: [多少钱, 价格], exact: ["1"], from: customer}
tags:
  询价一天三次: {event: chat.message, when: 'keyword("询价") and event.staff_id == "zhang"', times: {at_least: 3, per: day}}
  询价一周四次: {event: chat.message, when: 'keyword("询价") and event.staff_id == "zhang"', times: {at_least: 4, per: week}}
  询价一月五次: {event: chat.message, when: 'keyword("询价") and event.staff_id == "zhang"', times: {at_least: 5, per: month}}
`

func TestMoChatsKeywordRule(t *testing.T) {
	w := &world{t: t, s: compile(t, mochatRules), p: profile.New("p1")}
	// t0 is Monday 2026-03-02, 10:00 in Shanghai.
	say := func(id, text, from, staff string, after time.Duration) {
		w.add(id, "chat.message", t0.Add(after), func(e *event.Event) {
			e.From, e.StaffID, e.Matched = from, staff, w.s.Match(text, from)
		})
	}
	const day = 24 * time.Hour
	say("a", "这个多少钱", "customer", "zhang", 0) // contained
	say("b", "１", "customer", "zhang", time.Minute)
	say("c", "11", "customer", "zhang", 2*time.Minute)  // not the whole message
	say("d", "价格是99元", "staff", "zhang", 3*time.Minute) // not the customer
	say("e", "价格？", "customer", "li", 4*time.Minute)    // another of the staff
	require.False(t, w.has("询价一天三次"))
	say("f", "1。", "customer", "zhang", 5*time.Minute)
	require.True(t, w.has("询价一天三次"), "one contained and two exact")
	require.False(t, w.has("询价一周四次"))

	say("g", "價格", "customer", "zhang", 6*day) // Sunday
	require.True(t, w.has("询价一周四次"))
	require.False(t, w.has("询价一月五次"))
	say("h", "1", "customer", "zhang", 28*day)
	require.True(t, w.has("询价一月五次"))

	applied := map[string]int{}
	for _, c := range w.changes {
		if c.Op == event.OpApplied {
			applied[c.Tag]++
		}
	}
	require.Equal(t, map[string]int{"询价一天三次": 1, "询价一周四次": 1, "询价一月五次": 1}, applied, "each rule tags once")
}
