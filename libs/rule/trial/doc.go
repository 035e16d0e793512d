// Package trial runs the tests that stand beside a rule set: files named
// *_test.yaml with events and what must hold when.
//
// It is core: no I/O, no clock. A test is one customer whose time moves from
// event to event and on to each expectation; events are matched by the set's
// keywords and judged by libs/rule/apply, as the tagger does it. A test file
// that says something unknown is refused as a whole, with line and column; a
// name in an expectation that no rule can give is a failure, never a silent
// pass. `tagwire rules test` calls it.
//
// A file is a list of tests:
//
//	# shop_test.yaml
//	- test: three opens make intent
//	  start: 2026-03-02 10:00  # of the offsets below; the zone is the rule set's
//	  events:
//	    - {at: 0, type: link.open, times: 3, every: 1d}
//	    - {at: +1h, type: chat.message, text: 多少钱}
//	  expect:
//	    - {at: 2d1h, has: [高意向], alerts: [高意向], measures: {近7天打开次数: 3}, stage: 潜在}
//	    - {at: 15d, has_not: [高意向]}
//
// `at` is a time, an offset from start (2d), or with a plus sign from the entry
// before (+1h); an event without it comes with the one before, an expectation
// without it after the last event. Events come in the order in which they are
// received (received_at, else at). `alerts` are those raised since the test
// began, as a number or as the tags or rules in any order.
package trial
