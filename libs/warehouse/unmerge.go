package warehouse

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tagwire/tagwire/libs/event"
)

// Unmerges are all unmerges that history knows, in order of arrival.
func (w *Warehouse) Unmerges(ctx context.Context) ([]event.Arrival, error) {
	var out []event.Arrival
	err := w.lives(ctx, `SELECT '' AS head, `+lifeColumns+` FROM ${db}.events AS e
LEFT JOIN (SELECT '-' AS other, '' AS winner, toDateTime64(0, 3, 'UTC') AS joined) AS l ON l.other = e.event_id
WHERE e.type = `+quote(event.TypeUnmerge)+` AND e.source = `+quote(event.SourceConsole), func(l *event.Life) error { out = l.Arrivals; return nil })
	if err != nil {
		return nil, fmt.Errorf("unmerges: %w", err)
	}
	return out, nil
}

// parted is the lowest version of a row that an unmerge has given to another
// profile: above every [FirstWins], so that it stays.
const parted = 0xff << 56

// PartedWins is the version of a row of an event that belongs to the profile
// that its identity has become, whatever was noted first.
func PartedWins(at event.Time) uint64 { return uint64(parted) | uint64(at) }

// Reattribute gives the past of identities that have left a customer to the
// profile that they became: what the named profiles had done under them before
// the unmerge, which stands at a in the log. Done again it changes nothing.
func (w *Warehouse) Reattribute(ctx context.Context, a *event.Arrival, u *event.Unmerge, profiles []string) error {
	moved := "[" + quoteAll(texts(u.Moved)) + "]"
	err := w.Exec(ctx, w.in(fmt.Sprintf(`INSERT INTO ${db}.events SETTINGS max_partitions_per_insert_block = 0
SELECT * REPLACE (%s AS profile_id, arrayFilter(x -> has(%s, x), own) AS own, toUInt64(%d) AS version)
FROM
(
  SELECT * FROM ${db}.events_by_profile
  WHERE profile_id IN (%s) AND (hasAny(identities, %s) OR hasAny(own, %s))
    AND (topic = %s AND partition = %d AND offset < %d OR NOT (topic = %s AND partition = %d) AND received_at <= fromUnixTimestamp64Milli(toInt64(%d)))
  ORDER BY version DESC LIMIT 1 BY source, event_id
)`,
		quote(u.Into), moved, PartedWins(a.Event.ReceivedAt), quoteAll(profiles), moved, moved,
		quote(a.Log.Topic), a.Log.Partition, a.Log.Offset, quote(a.Log.Topic), a.Log.Partition, int64(a.Event.ReceivedAt))))
	if err != nil {
		return fmt.Errorf("give the past of what left %s to %s: %w", a.Profile, u.Into, err)
	}
	return nil
}

// Copy gives the new profile of an unmerge the refusals that hold for both, though
// they stay in the past of the other. Done again it changes nothing.
func (w *Warehouse) Copy(ctx context.Context, u *event.Unmerge, profiles []string, past []event.Arrival) error {
	for i, c := range u.Both(past) {
		if u.Moves(past[i].Own) || u.Moves(past[i].Event.Identities) {
			continue // its row goes, and the one who stays is told of it by the unmerge itself
		}
		properties, err := json.Marshal(c.Event.Properties)
		if err != nil {
			return fmt.Errorf("copy %s: %w", c.Of.EventID, err)
		}
		err = w.Exec(ctx, w.in(fmt.Sprintf(`INSERT INTO ${db}.events SETTINGS max_partitions_per_insert_block = 0
SELECT * REPLACE (%s AS profile_id, %s AS event_id, [] AS own, [] AS identities, %s AS properties, '' AS traits, '' AS text, toUInt64(%d) AS version)
FROM
(
  SELECT * FROM ${db}.events_by_profile WHERE profile_id IN (%s) AND source = %s AND event_id = %s
  ORDER BY version DESC LIMIT 1 BY source, event_id
)`,
			quote(u.Into), quote(c.Event.EventID), quote(string(properties)), PartedWins(c.Of.ReceivedAt), quoteAll(profiles), quote(c.Of.Source), quote(c.Of.EventID))))
		if err != nil {
			return fmt.Errorf("copy %s to %s: %w", c.Of.EventID, u.Into, err)
		}
	}
	return nil
}

// leftToo are the events of a family that belong to profiles parted from it.
const leftToo = `SELECT source, event_id FROM ${db}.events_by_profile WHERE version >= 18374686479671623680 AND profile_id IN
  (SELECT JSONExtractString(properties, 'profile') FROM ${db}.events WHERE type = 'profile.unmerge' AND source = 'console' AND profile_id IN (${family}))`

func texts(ids []event.Identity) []string {
	out := make([]string, len(ids))
	for n, id := range ids {
		out[n] = id.String()
	}
	return out
}
