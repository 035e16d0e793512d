package warehouse

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

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

// Parting is what an unmerge does to history.
type Parting struct {
	Unmerge  *event.Unmerge
	At       event.Time      // when it was received
	Profiles []string        // under which the customer's past stands
	Past     []event.Arrival // what the customer had done
}

// movedAtOnce bounds a statement.
const movedAtOnce = 500

// Reattribute gives the past of identities that have left a customer to the
// profile that they became, and with it the refusals that hold for both, which stay
// where they are too. Done again it changes nothing.
func (w *Warehouse) Reattribute(ctx context.Context, p Parting) error {
	_, left, _ := p.Unmerge.Part(p.Past, len(p.Past))
	for some := range slices.Chunk(left, movedAtOnce) {
		if err := w.moved(ctx, p, some); err != nil {
			return fmt.Errorf("give the past of what left %s to %s: %w", p.Profiles[0], p.Unmerge.Into, err)
		}
	}
	for _, c := range p.Unmerge.Both(p.Past) {
		properties, err := json.Marshal(c.Event.Properties)
		if err != nil {
			return fmt.Errorf("copy %s: %w", c.Of.EventID, err)
		}
		change := fmt.Sprintf("%s AS event_id, %s AS properties, '' AS traits, '' AS text", quote(c.Event.EventID), quote(string(properties)))
		if err := w.rowsOf(ctx, p, change, eventKey(c.Of)); err != nil {
			return fmt.Errorf("copy %s to %s: %w", c.Of.EventID, p.Unmerge.Into, err)
		}
	}
	return nil
}

func (w *Warehouse) moved(ctx context.Context, p Parting, some []event.Arrival) error {
	keys := make([]string, len(some))
	for i := range some {
		keys[i] = eventKey(some[i].Event)
	}
	own := "arrayFilter(x -> has([" + quoteAll(texts(p.Unmerge.Moved)) + "], x), own) AS own"
	return w.rowsOf(ctx, p, own, keys...)
}

func eventKey(e *event.Event) string { return "(" + quote(e.Source) + ", " + quote(e.EventID) + ")" }

// rowsOf gives the new profile rows of events, changed.
func (w *Warehouse) rowsOf(ctx context.Context, p Parting, change string, keys ...string) error {
	return w.Exec(ctx, w.in(fmt.Sprintf(`INSERT INTO ${db}.events SETTINGS max_partitions_per_insert_block = 0
SELECT * REPLACE (%s AS profile_id, %s, toUInt64(%d) AS version)
FROM
(
  SELECT * FROM ${db}.events_by_profile WHERE profile_id IN (%s) AND (source, event_id) IN (%s)
  ORDER BY version DESC LIMIT 1 BY source, event_id
)`, quote(p.Unmerge.Into), change, PartedWins(p.At), quoteAll(p.Profiles), strings.Join(keys, ", "))))
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
