package warehouse

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
)

// EventQuery names one event of a customer as merged today.
type EventQuery struct {
	Profile string
	ID      string // event_id
	Type    string
	Time    event.Time
}

// Event reads an event as it was archived: without its identities and with its
// texts sealed. ok is false when history does not hold it (yet, or any more).
func (w *Warehouse) Event(ctx context.Context, q EventQuery) (ev *event.Event, ok bool, err error) {
	family, err := w.Family(ctx, q.Profile)
	if err != nil {
		return nil, false, err
	}
	ids := make([]string, len(family))
	for i, id := range family {
		ids[i] = quote(id)
	}
	rows, err := w.Query(ctx, w.in(fmt.Sprintf(`SELECT event_id, toString(type), time, received_at, toString(source), toString(channel), toString(store_id), toString(staff_id), toString(touchpoint),
  toString(`+"`from`"+`), toString(object_type), object_id, object_title, toString(category), toString(brand), toString(price), toString(amount), toString(currency), traits, properties, context, matches
FROM ${db}.events_by_profile WHERE profile_id IN (%s) AND event_id = %s AND type = %s AND time = fromUnixTimestamp64Milli(%d) ORDER BY version LIMIT 1`,
		strings.Join(ids, ", "), quote(q.ID), quote(q.Type), int64(q.Time))))
	if err != nil {
		return nil, false, fmt.Errorf("event %s: %w", q.ID, err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	for rows.Next() {
		var r archived
		if err := rows.Scan(r.fields()...); err != nil {
			return nil, false, fmt.Errorf("event %s: %w", q.ID, err)
		}
		if ev, err = r.event(); err != nil {
			return nil, false, fmt.Errorf("event %s: %w", q.ID, err)
		}
	}
	return ev, ev != nil, rows.Err()
}

// archived is a row of the events.
type archived struct {
	ev                                  event.Event
	object                              event.Object
	at, received                        time.Time
	price, amount                       *string
	traits, properties, context, matchs string
}

func (r *archived) fields() []any {
	return []any{
		&r.ev.EventID, &r.ev.Type, &r.at, &r.received, &r.ev.Source, &r.ev.Channel, &r.ev.StoreID, &r.ev.StaffID, &r.ev.Touchpoint,
		&r.ev.From, &r.object.Type, &r.object.ID, &r.object.Title, &r.object.Category, &r.object.Brand, &r.price, &r.amount, &r.ev.Currency,
		&r.traits, &r.properties, &r.context, &r.matchs,
	}
}

func (r *archived) event() (*event.Event, error) {
	r.ev.Time, r.ev.ReceivedAt = event.At(r.at), event.At(r.received)
	for text, into := range map[*string]**decimal.Decimal{r.price: &r.object.Price, r.amount: &r.ev.Amount} {
		if text == nil {
			continue
		}
		d, err := decimal.Parse(*text)
		if err != nil {
			return nil, fmt.Errorf("amount %q: %w", *text, err)
		}
		*into = &d
	}
	if r.object != (event.Object{}) {
		r.ev.Object = &r.object
	}
	for text, into := range map[*string]any{&r.traits: &r.ev.Traits, &r.properties: &r.ev.Properties, &r.context: &r.ev.Context, &r.matchs: &r.ev.Matched} {
		if *text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(*text), into); err != nil {
			return nil, fmt.Errorf("read its fields: %w", err)
		}
	}
	return &r.ev, nil
}
