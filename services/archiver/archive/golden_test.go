package archive

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
)

// named puts the names of the databases in for db. and bi.
func named(query, db, bi string) string {
	return strings.NewReplacer("db.", db+".", "bi.", bi+".").Replace(query)
}

// entry is a record of the golden history and where it goes.
type entry struct {
	topic     string
	partition int
	value     any
}

func money(s string) *decimal.Decimal {
	d := decimal.MustParse(s)
	return &d
}

func at(c int64, i int) event.Order { return event.Order{Generation: 1, Commit: c, Position: i} }

// tagged is a change of a tag; the evidence is its reason.
func tagged(profile, tag string, op event.Op, day int, o event.Order) *event.Change {
	when := noon.Add(time.Duration(day) * 24 * time.Hour)
	return &event.Change{
		ChangeID: event.DeriveID(profile, tag, string(op), when.String()), Op: op, Profile: profile, Tag: tag, Group: "意向", Rule: tag, RuleVersion: 3,
		At: when, Since: noon, ExpiresAt: when.Add(7 * 24 * time.Hour), Reason: "rule", Cause: "e", Known: true, Order: o,
		Evidence: []event.Evidence{{EventID: "e", Type: "link.open", Time: when}}, Measures: map[string]string{"近7天打开次数": "3"},
	}
}

func snapshot(profile string, o event.Order, change func(*event.Snapshot)) *event.Change {
	s := &event.Snapshot{
		Known: true, Stage: "新", Owner: "s1", FirstSeen: noon, LastSeen: noon, Clock: noon,
		Identities: []event.Identity{{Namespace: "user_id", Value: "u:" + profile}},
		Traits:     map[string]event.Trait{"city": {Value: "上海"}, "age": {Value: 31.0}, "name": {Value: "⟦p|c2VhbGVk⟧"}},
		Measures:   map[string]string{"意向分": "62.5"}, Tags: []event.TagState{{Tag: "高意向", Group: "意向", Rule: "高意向", RuleVersion: 3, Since: noon, ExpiresAt: noon.Add(8 * 24 * time.Hour), Origin: "rule"}},
	}
	if change != nil {
		change(s)
	}
	return &event.Change{ChangeID: event.DeriveID(profile, "snapshot", strconv.FormatInt(o.Commit, 10), strconv.Itoa(o.Position)), Op: event.OpSnapshot, Profile: profile, At: noon, Cause: "e", Known: s.Known, Snapshot: s, Order: o}
}

func merged(other, into string, o event.Order) *event.Change {
	return &event.Change{ChangeID: "m" + other + into, Op: event.OpMerged, Profile: into, Other: other, At: noon, Reason: "link", Cause: "r", Order: o}
}

func paid(profile string, n int, kind, amount, currency string) *event.Record {
	return sample(profile, n, func(e *event.Event) {
		e.Type, e.Amount, e.Currency = kind, money(amount), currency
		e.Object = &event.Object{Type: "sku", ID: "k1", Title: "报价单", Category: "办公", Brand: "丙", Price: money("9.5")}
		e.Matched = []event.Match{{List: "询价", Version: 2, Words: []string{"报价"}}, {List: "价格", Version: 2}}
		e.Channel, e.StoreID, e.StaffID, e.Touchpoint, e.From, e.Text = "ch_7", "st1", "s1", "web", "customer", "⟦p|c2VhbGVk⟧"
		e.Traits, e.Properties, e.Context = event.Fields{"city": "上海"}, event.Fields{"b": 1.0, "a": []any{"x"}}, event.Fields{"ip": "10.0.0.1"}
	})
}

// Profiles of the golden history: a and b are customers, c is anonymous, x is
// excluded; m was merged into l, and later l into a, noted in the other order.
func goldenEvents() []entry {
	return []entry{
		{schemas.TopicEvents, 0, paid("a", 1, "order.pay", "100.25", "")},
		{schemas.TopicEvents, 0, paid("a", 2, "order.refund", "0.25", "CNY")},
		{schemas.TopicEvents, 1, paid("b", 1, "order.pay", "7", "USD")},
		{schemas.TopicEvents, 2, paid("m", 1, "order.pay", "50", "CNY")},
		{schemas.TopicEvents, 2, sample("c", 1, nil)},
		{schemas.TopicEvents, 2, sample("x", 1, nil)},
		{schemas.TopicEvents, 3, sample("a", 1, func(e *event.Event) { // the same id again, elsewhere and corrected otherwise
			e.Type, e.OriginalTime, e.Time = "order.pay", e.Time, e.Time.Add(time.Second)
		})},
		{schemas.TopicEvents, 0, &event.Record{Kind: event.KindControl, Source: "control", Number: 1, Control: &event.Control{Name: "rules", Version: 3}}},
	}
}

func goldenChanges() []entry {
	return []entry{
		{schemas.TopicChanges, 0, tagged("a", "高意向", event.OpApplied, 0, at(1, 0))},
		{schemas.TopicChanges, 0, tagged("a", "高意向", event.OpRenewed, 1, at(2, 0))},
		{schemas.TopicChanges, 0, snapshot("a", at(2, 1), nil)},
		{schemas.TopicChanges, 1, tagged("b", "高意向", event.OpApplied, 0, at(1, 0))},
		{schemas.TopicChanges, 1, tagged("b", "高意向", event.OpExpired, 2, at(5, 0))},
		{schemas.TopicChanges, 1, tagged("b", "沉睡", event.OpApplied, 2, at(5, 1))},
		{schemas.TopicChanges, 1, snapshot("b", at(5, 2), func(s *event.Snapshot) {
			s.Stage, s.Tags = "流失", []event.TagState{{Tag: "沉睡", Group: "意向", Rule: "沉睡", RuleVersion: 3, Since: noon}, {Tag: "渠道:抖音", Value: "抖音", Rule: "catalogue", Since: noon, Origin: "catalogue"}}
		})},
		{schemas.TopicChanges, 1, snapshot("b", at(1, 1), nil)}, // an older one, later in the log
		{schemas.TopicChanges, 2, tagged("c", "高意向", event.OpApplied, 0, at(1, 0))},
		{schemas.TopicChanges, 2, snapshot("c", at(1, 1), func(s *event.Snapshot) { s.Known = false })},
		{schemas.TopicChanges, 2, tagged("x", "高意向", event.OpApplied, 0, at(2, 0))},
		{schemas.TopicChanges, 2, snapshot("x", at(2, 1), func(s *event.Snapshot) { s.Excluded = true })},
		{schemas.TopicChanges, 3, tagged("l", "高意向", event.OpApplied, 1, at(3, 0))},
		{schemas.TopicChanges, 3, snapshot("l", at(3, 1), nil)},
		{schemas.TopicChanges, 3, tagged("l", "高意向", event.OpRemoved, 2, at(4, 0))},
		{schemas.TopicChanges, 3, snapshot("m", at(1, 0), nil)},
		{schemas.TopicChanges, 0, merged("l", "a", at(9, 0))},
		{schemas.TopicChanges, 3, merged("m", "l", at(2, 0))},
		{schemas.TopicChanges, 0, &event.Change{ChangeID: "s1", Op: event.OpEntered, Profile: "a", Stage: "新", FromStage: "潜在", At: noon, Rule: "新", Known: true, Order: at(2, 2)}},
		{schemas.TopicChanges, 0, &event.Change{ChangeID: "k1", Op: event.OpConflict, Profile: "a", Other: "b", At: noon, Reason: "unique", Order: at(3, 0)}},
		{schemas.TopicChanges, 0, &event.Change{ChangeID: "k3", Op: event.OpShared, Profile: "a", Other: "phone:0123", At: noon, Reason: "people", Order: at(3, 1)}},
		{schemas.TopicChanges, 0, &event.Change{ChangeID: "k2", Op: event.OpStale, Profile: "a", At: noon, Reason: "late", Order: at(4, 0)}},
	}
}

func goldenAlerts() []entry {
	raised := event.Alert{
		AlertID: "al1", Profile: "m", Rule: "高意向", RuleVersion: 3, Tag: "高意向", Severity: "high", Title: "⟦p|c2VhbGVk⟧ 近7天打开资料 3 次", To: "owner", StaffID: "s1",
		Staff: []string{"s1"}, RaisedAt: noon, ReceivedAt: noon, Cause: "e", Evidence: []event.Evidence{{EventID: "e", Type: "link.open", Time: noon}}, Order: at(1, 0),
	}
	act := func(verb, id string, minutes int, change func(*event.AlertAction)) *event.Alert {
		a := &event.AlertAction{Verb: verb, By: "s1", At: noon.Add(time.Duration(minutes) * time.Minute), EventID: id}
		if change != nil {
			change(a)
		}
		return &event.Alert{AlertID: "al1", Profile: "m", StaffID: "s1", RaisedAt: noon, Action: a, Order: at(2, minutes)}
	}
	second := raised
	second.AlertID, second.Profile = "al2", "b"
	return []entry{
		{schemas.TopicAlerts, 0, act("seen", "v2", 3, nil)}, // ahead of its alert
		{schemas.TopicAlerts, 0, &raised},
		{schemas.TopicAlerts, 0, act("delivered", "d1", 1, func(a *event.AlertAction) { a.By = "robot" })},
		{schemas.TopicAlerts, 0, act("delivered", "d2", 2, func(a *event.AlertAction) { a.By = "email" })},
		{schemas.TopicAlerts, 0, act("seen", "v1", 4, nil)},
		{schemas.TopicAlerts, 0, act("claim", "v3", 5, nil)},
		{schemas.TopicAlerts, 0, act("handover", "v4", 6, func(a *event.AlertAction) { a.To = "s2" })},
		{schemas.TopicAlerts, 0, act("ack", "v5", 7, nil)},
		{schemas.TopicAlerts, 0, act("outcome", "v6", 8, func(a *event.AlertAction) { a.Text = "已成交" })},
		{schemas.TopicAlerts, 1, &second},
		{schemas.TopicRejected, 0, &event.Rejected{At: noon, Stage: "collector", Source: "web", Reason: "bad_time", Detail: "1300-01-01"}},
		{schemas.TopicRejected, 1, &event.Rejected{At: noon, Stage: "collector", Source: "web", Reason: "bad_time", Detail: "1300-01-01"}}, // published twice
	}
}

func everyRecord() []entry {
	var out []entry
	for _, list := range [][]entry{goldenEvents()[:7], goldenChanges(), goldenAlerts()} {
		out = append(out, list...)
	}
	return out
}

func (r *rig) publishGolden() {
	for _, list := range [][]entry{goldenEvents(), goldenChanges(), goldenAlerts()} {
		for _, e := range list {
			r.publish(e.topic, e.partition, e.value)
		}
	}
	r.publish(schemas.TopicEvents, 1, []byte("not json"))
}

// goldenAnswers are computed by hand from the history above.
func goldenAnswers() map[string][]string {
	return map[string][]string{
		"SELECT event_id, profile_id, type, day, amount, currency, matched FROM bi.events ORDER BY event_id": {
			`a-1|a|order.pay|2026-03-10|100.25||价格,询价`, `a-2|a|order.refund|2026-03-10|0.25|CNY|价格,询价`, `b-1|b|order.pay|2026-03-10|7|USD|价格,询价`,
			`c-1|c|link.open|2026-03-10|\N||`, `m-1|a|order.pay|2026-03-10|50|CNY|价格,询价`,
		},
		"SELECT profile_id, known, stage, owner, city, age, intent, orders, spend, currency FROM bi.profiles ORDER BY profile_id": {
			"a|true|新|s1|上海|31|62.5|2|150|CNY", "b|true|流失|s1|上海|31|62.5|1|7|USD", "c|false|新|s1|上海|31|62.5|0|0|",
		},
		"SELECT * FROM bi.tags_now ORDER BY tag": {"沉睡|意向||1", "渠道:抖音||抖音|1", "高意向|意向||1"},
		"SELECT profile_id, tag, since, expires_at, rule, rule_version, origin FROM bi.tag_members ORDER BY tag, profile_id": {
			`b|沉睡|2026-03-10 04:00:00.000|\N|沉睡|3|rule`, `b|渠道:抖音|2026-03-10 04:00:00.000|\N|catalogue|0|catalogue`, "a|高意向|2026-03-10 04:00:00.000|2026-03-18 04:00:00.000|高意向|3|rule",
		},
		"SELECT day, profiles, entered, `left` FROM bi.tags_daily WHERE tag = '高意向' AND day <= '2026-03-13' ORDER BY day": {
			"2026-03-10|2|2|0", "2026-03-11|3|1|0", "2026-03-12|1|0|2", "2026-03-13|1|0|0",
		},
		"SELECT * FROM bi.stage_stock ORDER BY stage": {"新|1", "流失|1"},
		"SELECT * FROM bi.alerts ORDER BY alert_id": {
			`al1|a|高意向|s2|high|2026-03-10 04:00:00.000|2026-03-10 04:01:00.000|2026-03-10 04:03:00.000|2026-03-10 04:05:00.000|2026-03-10 04:07:00.000|已成交`,
			`al2|b|高意向|s1|high|2026-03-10 04:00:00.000|\N|\N|\N|\N|`,
		},
		"SELECT profile_id, merged_into, reason FROM bi.merges ORDER BY profile_id":              {"l|a|link", "m|a|link"},
		"SELECT day, kind, reason, items FROM bi.quality WHERE reason != 'poison' ORDER BY kind": {"2026-03-10|conflict|unique|1", "2026-03-10|rejected|bad_time|1", "2026-03-10|shared|people|1", "2026-03-10|stale|late|1"},
		"SELECT sum(items) FROM bi.quality WHERE reason = 'poison'":                              {"1"},
		"SELECT alert_id, channel FROM db.deliveries FINAL ORDER BY channel":                     {"al1|email", "al1|robot"},
		"SELECT namespace, value, profile_id FROM db.identities FINAL WHERE profile_id = 'a'":    {"user_id|u:a|a"},
		"SELECT day, profile_id, stage FROM db.profile_daily FINAL WHERE profile_id = 'b'":       {"2026-03-10|b|流失"},
		"SELECT profile_id, from_stage, stage FROM db.stage_changes FINAL":                       {"a|潜在|新"},
		"SELECT profile_id, properties, traits, price, text, import, repair, raw FROM db.events FINAL WHERE event_id = 'b-1'": {
			`b|{"a":["x"],"b":1}|{"city":"上海"}|9.5|⟦p|c2VhbGVk⟧||false|raw.1/0/1`,
		},
	}
}

func (r *rig) requireGolden(t *testing.T) {
	t.Helper()
	for query, want := range goldenAnswers() {
		got := r.table(query)
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s\n got %q\nwant %q", query, got, want)
		}
	}
}
