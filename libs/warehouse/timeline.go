package warehouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/tagwire/tagwire/libs/event"
)

// The kinds of entries in a timeline.
const (
	KindEvent = "event"
	KindTag   = "tag"
	KindStage = "stage"
	KindAlert = "alert"
	KindNote  = "note"

	KindIdentity = "identity" // why it did not become one with somebody
)

// Entry is one thing that happened to a customer. Title and Text may hold
// sealed pieces.
type Entry struct {
	Time        event.Time `json:"time"`
	Kind        string     `json:"kind"`
	Type        string     `json:"type"` // event: its type; tag, stage, identity: the operation; alert: raised, seen, …
	ID          string     `json:"id"`
	EventID     string     `json:"event_id,omitempty"` // of the event, or of what caused the change
	Title       string     `json:"title,omitempty"`
	Text        string     `json:"text,omitempty"`
	Source      string     `json:"source,omitempty"`
	Channel     string     `json:"channel,omitempty"`
	StaffID     string     `json:"staff_id,omitempty"`
	ObjectTitle string     `json:"object_title,omitempty"`
	Amount      string     `json:"amount,omitempty"`
	Currency    string     `json:"currency,omitempty"`
	Matched     []string   `json:"matched,omitempty"`
	Tag         string     `json:"tag,omitempty"`
	Group       string     `json:"group,omitempty"`
	Value       string     `json:"value,omitempty"`
	Stage       string     `json:"stage,omitempty"`
	FromStage   string     `json:"from_stage,omitempty"`
	Op          string     `json:"op,omitempty"`
	Rule        string     `json:"rule,omitempty"`
	RuleVersion int64      `json:"rule_version,omitempty"`
	Reason      string     `json:"reason,omitempty"`
	Severity    string     `json:"severity,omitempty"`
	Other       string     `json:"other,omitempty"` // identity: the other customer, or the phone or device that is shared
}

// TimelineQuery asks for a page of a customer's history, the newest first.
type TimelineQuery struct {
	Profile string
	Kinds   []string // empty: all
	Renewed bool     // also renewals of tags, which say little to people
	Cursor  string   // Next of the page before; empty: the newest
	Limit   int      // default 50, at most 500
}

// Page is a part of a timeline. Next is empty behind the last page.
type Page struct {
	Entries []Entry
	Next    string
}

// ErrCursor is the answer to a cursor that was not made here.
var ErrCursor = errors.New("not a cursor of this list")

// Timeline reads what happened to a profile as merged today: its own history
// and that of everyone merged into it.
func (w *Warehouse) Timeline(ctx context.Context, q TimelineQuery) (Page, error) {
	limit := clamp(q.Limit, 50, 500)
	before, id, err := parseCursor(q.Cursor)
	if err != nil {
		return Page{}, err
	}
	family, err := w.Family(ctx, q.Profile)
	if err != nil {
		return Page{}, err
	}
	var parts []string
	for _, kind := range []string{KindEvent, KindTag, KindStage, KindAlert, KindIdentity} {
		if wanted(q.Kinds, kind) || kind == KindEvent && slices.Contains(q.Kinds, KindNote) {
			parts = append(parts, "SELECT * FROM ("+timelineParts(kind, q)+")\nWHERE (at, id) < (before, last) ORDER BY at DESC, id DESC LIMIT lim")
		}
	}
	if len(parts) == 0 {
		return Page{}, nil
	}
	query := fmt.Sprintf(`WITH fromUnixTimestamp64Milli(toInt64(%d), 'UTC') AS before, %s AS last, %d AS lim
SELECT * FROM (%s) ORDER BY at DESC, id DESC LIMIT %d`,
		before, quote(id), limit+1, strings.Join(parts, "\nUNION ALL\n"), limit+1)
	query = strings.NewReplacer("(before, last)", fmt.Sprintf("(fromUnixTimestamp64Milli(toInt64(%d), 'UTC'), %s)", before, quote(id)),
		"LIMIT lim", fmt.Sprintf("LIMIT %d", limit+1), "${family}", quoteAll(family)).Replace(query)
	rows, err := w.Query(ctx, w.in(query))
	if err != nil {
		return Page{}, fmt.Errorf("timeline of %s: %w", q.Profile, err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	page, err := readEntries(rows)
	if err != nil {
		return Page{}, fmt.Errorf("timeline of %s: %w", q.Profile, err)
	}
	if len(page.Entries) > limit {
		page.Entries = page.Entries[:limit]
		last := page.Entries[limit-1]
		page.Next = strconv.FormatInt(int64(last.Time), 36) + "." + last.ID
	}
	return page, nil
}

func wanted(kinds []string, kind string) bool {
	return len(kinds) == 0 || slices.Contains(kinds, kind)
}

// timelineParts is the question for one kind; all have the same columns.
func timelineParts(kind string, q TimelineQuery) string {
	switch kind {
	case KindEvent:
		which := ""
		if len(q.Kinds) > 0 && !slices.Contains(q.Kinds, KindNote) {
			which = "AND NOT startsWith(type, 'note.')"
		}
		if len(q.Kinds) > 0 && !slices.Contains(q.Kinds, KindEvent) {
			which = "AND startsWith(type, 'note.')"
		}
		return `SELECT time AS at, concat('e', source, '/', event_id) AS id, if(startsWith(type, 'note.'), 'note', 'event') AS kind, toString(type) AS what, event_id AS cause,
  object_title AS title, text AS words, toString(source) AS src, toString(channel) AS chan, toString(staff_id) AS person,
  ifNull(toString(amount), '') AS money, toString(currency) AS cur, CAST(matched, 'Array(String)') AS hits,
  '' AS tag_, '' AS group_, '' AS value_, '' AS stage_, '' AS from_, '' AS rule_, toInt64(0) AS rulev, '' AS why, '' AS level_, '' AS other_
FROM ${db}.events_by_profile WHERE profile_id IN (${family}) AND (source, event_id) NOT IN (` + leftToo + `) ` + which + ` ORDER BY version DESC LIMIT 1 BY source, event_id`
	case KindTag:
		renewed := "AND op != 'renewed'"
		if q.Renewed {
			renewed = ""
		}
		return `SELECT at, concat('t', change_id) AS id, 'tag' AS kind, toString(op) AS what, cause,
  '' AS title, '' AS words, '' AS src, '' AS chan, '' AS person, '' AS money, '' AS cur, CAST([], 'Array(String)') AS hits,
  toString(tag) AS tag_, toString(tag_group) AS group_, tag_value AS value_, '' AS stage_, '' AS from_, toString(rule) AS rule_, rule_version AS rulev, toString(reason) AS why, '' AS level_, '' AS other_
FROM ${db}.tag_changes WHERE profile_id IN (${family}) ` + renewed + ` ORDER BY version DESC LIMIT 1 BY change_id`
	case KindStage:
		return `SELECT at, concat('s', change_id) AS id, 'stage' AS kind, 'entered' AS what, cause,
  '' AS title, '' AS words, '' AS src, '' AS chan, '' AS person, '' AS money, '' AS cur, CAST([], 'Array(String)') AS hits,
  '' AS tag_, '' AS group_, '' AS value_, toString(stage) AS stage_, toString(from_stage) AS from_, toString(rule) AS rule_, rule_version AS rulev, toString(reason) AS why, '' AS level_, '' AS other_
FROM ${db}.stage_changes WHERE profile_id IN (${family}) ORDER BY version DESC LIMIT 1 BY change_id`
	case KindIdentity:
		return `SELECT at, concat('i', change_id) AS id, 'identity' AS kind, toString(q.kind) AS what, cause,
  '' AS title, '' AS words, '' AS src, '' AS chan, '' AS person, '' AS money, '' AS cur, CAST([], 'Array(String)') AS hits,
  '' AS tag_, '' AS group_, '' AS value_, '' AS stage_, '' AS from_, '' AS rule_, toInt64(0) AS rulev, toString(reason) AS why, '' AS level_, other AS other_
FROM ${db}.quality AS q WHERE q.kind IN ('conflict', 'shared') AND profile_id IN (${family}) ORDER BY version DESC LIMIT 1 BY change_id`
	default:
		return `SELECT at, concat('a', alert_id, '/', verb, '/', entry_id) AS id, 'alert' AS kind, toString(verb) AS what, cause,
  title, remark AS words, '' AS src, toString(channel) AS chan, if(verb = 'raised', toString(staff_id), by) AS person, '' AS money, '' AS cur, CAST([], 'Array(String)') AS hits,
  toString(tag) AS tag_, '' AS group_, '' AS value_, '' AS stage_, '' AS from_, toString(rule) AS rule_, rule_version AS rulev, '' AS why, toString(severity) AS level_, '' AS other_
FROM ${db}.alerts WHERE profile_id IN (${family}) ORDER BY version DESC LIMIT 1 BY alert_id, verb, entry_id`
	}
}

func readEntries(rows driver.Rows) (Page, error) {
	var page Page
	for rows.Next() {
		var e Entry
		var at time.Time
		err := rows.Scan(&at, &e.ID, &e.Kind, &e.Type, &e.EventID, &e.Title, &e.Text, &e.Source, &e.Channel, &e.StaffID,
			&e.Amount, &e.Currency, &e.Matched, &e.Tag, &e.Group, &e.Value, &e.Stage, &e.FromStage, &e.Rule, &e.RuleVersion, &e.Reason, &e.Severity, &e.Other)
		if err != nil {
			return page, err
		}
		e.Time = event.At(at)
		if e.Kind == KindEvent || e.Kind == KindNote {
			e.ObjectTitle = e.Title
		} else {
			e.Op = e.Type
		}
		page.Entries = append(page.Entries, e)
	}
	return page, rows.Err()
}

// Family are the profile as merged today and everyone merged into it; the
// first is the one that the others belong to.
func (w *Warehouse) Family(ctx context.Context, profile string) ([]string, error) {
	rows, err := w.Query(ctx, w.in(`WITH (SELECT any(into) FROM ${db}.merged_today WHERE profile_id = `+quote(profile)+`) AS winner,
  if(ifNull(winner, '') != '', ifNull(winner, ''), `+quote(profile)+`) AS head
SELECT head AS id UNION ALL SELECT profile_id AS id FROM ${db}.merged_today WHERE into = head`))
	if err != nil {
		return nil, fmt.Errorf("family of %s: %w", profile, err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	var out []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("family of %s: %w", profile, err)
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

func parseCursor(s string) (ms int64, id string, err error) {
	if s == "" {
		return time.Date(2290, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli(), "", nil
	}
	num, id, ok := strings.Cut(s, ".")
	ms, err = strconv.ParseInt(num, 36, 64)
	if !ok || err != nil || ms < -1<<43 || ms > 1<<43 {
		return 0, "", fmt.Errorf("%q: %w", s, ErrCursor)
	}
	return ms, id, nil
}

func clamp(n, standard, most int) int {
	if n <= 0 {
		return standard
	}
	return min(n, most)
}

// quote makes a literal of ClickHouse's SQL.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`).Replace(s) + "'"
}

func quoteAll(list []string) string {
	out := make([]string, len(list))
	for n, s := range list {
		out[n] = quote(s)
	}
	return strings.Join(out, ", ")
}
