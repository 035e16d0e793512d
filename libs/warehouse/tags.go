package warehouse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
)

// TagCount is how many known profiles hold a tag.
type TagCount struct {
	Tag      string `json:"tag"`
	Group    string `json:"group"`
	Value    string `json:"value,omitempty"`
	Profiles uint64 `json:"profiles"`
}

// TagCounts recounts every tag from history, as bi.tags_now shows it.
func (w *Warehouse) TagCounts(ctx context.Context) ([]TagCount, error) {
	rows, err := w.Query(ctx, w.in("SELECT toString(tag), toString(tag_group), tag_value, profiles FROM ${bi}.tags_now ORDER BY tag, tag_value"))
	if err != nil {
		return nil, fmt.Errorf("count tags: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	var out []TagCount
	for rows.Next() {
		var c TagCount
		if err := rows.Scan(&c.Tag, &c.Group, &c.Value, &c.Profiles); err != nil {
			return nil, fmt.Errorf("count tags: %w", err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// StageCounts recounts the stages from history, as bi.stage_stock shows it.
func (w *Warehouse) StageCounts(ctx context.Context) (map[string]uint64, error) {
	rows, err := w.Query(ctx, w.in("SELECT toString(stage), profiles FROM ${bi}.stage_stock"))
	if err != nil {
		return nil, fmt.Errorf("count stages: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	out := map[string]uint64{}
	for rows.Next() {
		var stage string
		var n uint64
		if err := rows.Scan(&stage, &n); err != nil {
			return nil, fmt.Errorf("count stages: %w", err)
		}
		out[stage] = n
	}
	return out, rows.Err()
}

// Member is one profile that holds a tag.
type Member struct {
	Profile     string     `json:"profile_id"`
	Value       string     `json:"value,omitempty"`
	Since       event.Time `json:"since,omitzero"`
	ExpiresAt   event.Time `json:"expires_at,omitzero"`
	Rule        string     `json:"rule"`
	RuleVersion int64      `json:"rule_version"`
	Origin      string     `json:"origin"`
}

// MembersQuery asks for a page of a tag's members in the order of profile ids.
type MembersQuery struct {
	Tag   string
	In    map[string]string // dimension (channel, store, staff, city) → value that the profile stands in
	After string            // Next of the page before
	Limit int               // default 100, at most 1,000
}

// ErrDimension is the answer to a dimension that there is not.
var ErrDimension = errors.New("not a dimension")

// within are the profiles that stand in all of the values.
func (q MembersQuery) within() (string, error) {
	var where []string
	for _, dim := range slices.Sorted(maps.Keys(q.In)) {
		v := quote(q.In[dim])
		switch dim {
		case profile.DimChannel:
			where = append(where, "has(channels, "+v+")")
		case profile.DimStore:
			where = append(where, "has(stores, "+v+")")
		case profile.DimStaff:
			where = append(where, "has(owners, "+v+")")
		case profile.DimCity:
			where = append(where, "city = "+v)
		default:
			return "", fmt.Errorf("%q: %w", dim, ErrDimension)
		}
	}
	if len(where) == 0 {
		return "", nil
	}
	return " AND profile_id IN (SELECT profile_id FROM ${db}.profiles FINAL WHERE " + strings.Join(where, " AND ") + ")", nil
}

// MemberPage is a part of a member list. Next is empty behind the last page.
type MemberPage struct {
	Members []Member
	Next    string
}

// Members lists the known profiles that hold a tag, page by page.
func (w *Warehouse) Members(ctx context.Context, q MembersQuery) (MemberPage, error) {
	limit := clamp(q.Limit, 100, 1000)
	within, err := q.within()
	if err != nil {
		return MemberPage{}, err
	}
	rows, err := w.Query(ctx, w.in(fmt.Sprintf(`SELECT profile_id, any(tag_value), any(since) AS s, any(expires_at) AS x, any(toString(rule)), any(rule_version), any(toString(origin))
FROM ${bi}.tag_members WHERE tag = %s AND profile_id > %s%s GROUP BY profile_id ORDER BY profile_id LIMIT %d`, quote(q.Tag), quote(q.After), within, limit+1)))
	if err != nil {
		return MemberPage{}, fmt.Errorf("members of %s: %w", q.Tag, err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	var page MemberPage
	for rows.Next() {
		var m Member
		var since, expires *time.Time
		if err := rows.Scan(&m.Profile, &m.Value, &since, &expires, &m.Rule, &m.RuleVersion, &m.Origin); err != nil {
			return page, fmt.Errorf("members of %s: %w", q.Tag, err)
		}
		m.Since, m.ExpiresAt = optional(since), optional(expires)
		page.Members = append(page.Members, m)
	}
	if len(page.Members) > limit {
		page.Members = page.Members[:limit]
		page.Next = page.Members[limit-1].Profile
	}
	return page, rows.Err()
}

func optional(t *time.Time) event.Time {
	if t == nil {
		return 0
	}
	return event.At(*t)
}
