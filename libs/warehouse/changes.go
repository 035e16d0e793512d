package warehouse

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/event"
)

// TagChange is one customer who entered or left a tag, and why.
type TagChange struct {
	ChangeID    string            `json:"change_id"`
	Op          event.Op          `json:"op"` // applied, renewed, removed, expired
	Profile     string            `json:"profile_id"`
	Group       string            `json:"group,omitempty"`
	Value       string            `json:"value,omitempty"`
	Time        event.Time        `json:"time"` // when it took effect
	ExpiresAt   event.Time        `json:"expires_at,omitzero"`
	Reason      string            `json:"reason"` // rule, expiry, time, manual, merge, activation, …
	Cause       string            `json:"cause"`  // event id, due:<ms>, merge id or rules:<version>
	Rule        string            `json:"rule"`
	RuleVersion int64             `json:"rule_version"`
	Known       bool              `json:"known"`
	Late        bool              `json:"late,omitempty"`
	Evidence    []event.Evidence  `json:"evidence"` // titles may hold sealed pieces
	Measures    map[string]string `json:"measures,omitempty"`
}

// TagChangesQuery asks for a page of who entered and left a tag, the newest first.
type TagChangesQuery struct {
	Tag    string
	From   event.Time // zero: from the first
	To     event.Time // exclusive; zero: to the newest
	Ops    []event.Op // empty: applied, removed, expired
	Cursor string     // Next of the page before; empty: the newest
	Limit  int        // default 50, at most 500
}

// TagChangePage is a part of such a list. Next is empty behind the last page.
type TagChangePage struct {
	Changes []TagChange
	Next    string
}

// TagChanges lists who entered and left a tag with the cause of each, without
// test, staff and internal profiles. A cursor of another list is [ErrCursor].
func (w *Warehouse) TagChanges(ctx context.Context, q TagChangesQuery) (TagChangePage, error) {
	limit := clamp(q.Limit, 50, 500)
	behind, err := parseChangesCursor(q.Cursor)
	if err != nil {
		return TagChangePage{}, err
	}
	rows, err := w.Query(ctx, w.in(q.query(behind, limit)))
	if err != nil {
		return TagChangePage{}, fmt.Errorf("changes of tag %s: %w", q.Tag, err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	var page TagChangePage
	var versions []uint64
	for rows.Next() {
		var c TagChange
		var version uint64
		var op, evidence string
		var at time.Time
		var expires *time.Time
		err := rows.Scan(&c.ChangeID, &op, &c.Profile, &c.Group, &c.Value, &at, &expires, &c.Reason, &c.Cause, &c.Rule, &c.RuleVersion,
			&c.Known, &c.Late, &evidence, &c.Measures, &version)
		if err != nil {
			return page, fmt.Errorf("changes of tag %s: %w", q.Tag, err)
		}
		c.Op, c.Time, c.ExpiresAt, c.Evidence = event.Op(op), event.At(at), optional(expires), []event.Evidence{}
		if evidence != "" {
			if err := json.Unmarshal([]byte(evidence), &c.Evidence); err != nil {
				return page, fmt.Errorf("evidence of change %s: %w", c.ChangeID, err)
			}
		}
		page.Changes, versions = append(page.Changes, c), append(versions, version)
	}
	if len(page.Changes) > limit {
		page.Changes = page.Changes[:limit]
		last := page.Changes[limit-1]
		page.Next = changesCursor{int64(last.Time), versions[limit-1], last.ChangeID}.String()
	}
	return page, rows.Err()
}

// changesCursor is a place in the list: behind the change of that moment and version.
type changesCursor struct {
	at      int64
	version uint64
	id      string
}

func (c changesCursor) String() string {
	return strconv.FormatInt(c.at, 36) + "." + strconv.FormatUint(c.version, 36) + "." + c.id
}

func parseChangesCursor(s string) (changesCursor, error) {
	at, rest, err := parseCursor(s)
	if err != nil || s == "" {
		return changesCursor{}, err
	}
	number, id, _ := strings.Cut(rest, ".")
	version, err := strconv.ParseUint(number, 36, 64)
	if err != nil || id == "" {
		return changesCursor{}, fmt.Errorf("%q: %w", s, ErrCursor)
	}
	return changesCursor{at, version, id}, nil
}

// query asks for the changes by their moment, and those of one moment as they
// were committed: several versions of the rules that a customer takes up without
// an event between stand at one moment of that customer's clock.
func (q TagChangesQuery) query(behind changesCursor, limit int) string {
	ops := q.Ops
	if len(ops) == 0 {
		ops = []event.Op{event.OpApplied, event.OpRemoved, event.OpExpired}
	}
	words := make([]string, len(ops))
	for i, op := range ops {
		words[i] = string(op)
	}
	where := []string{"tag = " + quote(q.Tag), "op IN (" + quoteAll(words) + ")", "profile_id NOT IN (SELECT profile_id FROM ${db}.excluded)"}
	if q.From != 0 { // the day prunes; it is that of another zone, so one more is read
		where = append(where, fmt.Sprintf("at >= %s AND day >= toDate32(%s) - 1", moment(int64(q.From)), moment(int64(q.From))))
	}
	if q.To != 0 {
		where = append(where, fmt.Sprintf("at < %s AND day <= toDate32(%s) + 1", moment(int64(q.To)), moment(int64(q.To))))
	}
	rest := "1"
	if behind.id != "" { // the rest is told apart behind the dedupe, which goes by the version too
		at := moment(behind.at)
		where = append(where, fmt.Sprintf("at <= %s AND day <= toDate32(%s) + 1", at, at))
		rest = fmt.Sprintf("(at, version, change_id) < (%s, %d, %s)", at, behind.version, quote(behind.id))
	}
	return fmt.Sprintf(`SELECT change_id, toString(op), profile_id, toString(tag_group), tag_value, at, expires_at, toString(reason), cause, toString(rule), rule_version,
  known, late, evidence, measures, version
FROM (SELECT * FROM ${db}.tag_changes WHERE %s ORDER BY version DESC LIMIT 1 BY change_id)
WHERE %s ORDER BY at DESC, version DESC, change_id DESC LIMIT %d`, strings.Join(where, " AND "), rest, limit+1)
}

// moment is a literal of ClickHouse's SQL.
func moment(ms int64) string { return fmt.Sprintf("fromUnixTimestamp64Milli(toInt64(%d), 'UTC')", ms) }
