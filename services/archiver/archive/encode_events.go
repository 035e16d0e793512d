package archive

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/schemas"
)

// record makes the row of an event; the other kinds of records in the topic
// are about state, not history.
func (e encoder) record(at place, value []byte) ([]row, error) {
	rec, err := event.DecodeRecord(value)
	if err != nil {
		return nil, err
	}
	if rec.Kind != event.KindEvent {
		return nil, nil
	}
	ev := rec.Event
	if ev == nil || ev.EventID == "" || ev.Type == "" || rec.Profile == "" {
		return nil, fmt.Errorf("event record %s/%d lacks its event, id, type or profile: %w", rec.Source, rec.Number, errPoison)
	}
	if ev.Time == 0 {
		return nil, fmt.Errorf("event %s has no time: %w", ev.EventID, errPoison)
	}
	values, err := e.eventValues(rec)
	if err != nil {
		return nil, err
	}
	values = append(values, at.values()...)
	version := warehouse.FirstWins(schemas.Incarnation, at.offset, at.partition)
	if rec.Parted {
		version = warehouse.PartedWins(ev.ReceivedAt)
	}
	values = append(values, version)
	return []row{{tableEvents, e.month(stamp(ev)), values}}, nil
}

// stamp is the moment as the client sent it: a retry has the same, while the
// corrected time may differ.
func stamp(ev *event.Event) event.Time {
	if ev.OriginalTime != 0 {
		return ev.OriginalTime
	}
	return ev.Time
}

func (e encoder) eventValues(rec *event.Record) ([]any, error) {
	ev := rec.Event
	var obj event.Object
	if ev.Object != nil {
		obj = *ev.Object
	}
	price, err := number(obj.Price)
	if err != nil {
		return nil, err
	}
	amount, err := number(ev.Amount)
	if err != nil {
		return nil, err
	}
	var open [3]string
	for n, f := range []event.Fields{ev.Traits, ev.Properties, ev.Context} {
		if open[n], err = jsonText(f, len(f)); err != nil {
			return nil, err
		}
	}
	lists, matches, err := matched(ev.Matched)
	if err != nil {
		return nil, err
	}
	return []any{
		ev.EventID, rec.Profile, ev.Type, moment(ev.Time), e.day(stamp(ev)), optional(ev.OriginalTime), moment(ev.ReceivedAt), optional(ev.SentAt),
		ev.Source, ev.Channel, ev.StoreID, ev.StaffID, ev.Touchpoint, ev.From,
		obj.Type, obj.ID, obj.Title, obj.Category, obj.Brand, price, amount, ev.Currency, ev.Text,
		identities(ev.Identities), identities(rec.Own), open[0], open[1], open[2], filled(ev.Tags), lists, matches,
		ev.Backfill, ev.Import, rec.Repair, moment(rec.Place), rec.Source, rec.Number, rec.Raw,
	}, nil
}

// matched are the names of the keyword lists found, and the matches whole.
func matched(found []event.Match) (lists []string, text string, err error) {
	lists = []string{}
	for _, m := range found {
		lists = append(lists, m.List)
	}
	slices.Sort(lists)
	lists = slices.Compact(lists)
	if len(found) == 0 {
		return lists, "", nil
	}
	b, err := json.Marshal(found)
	if err != nil {
		return nil, "", fmt.Errorf("encode matches: %w", err)
	}
	return lists, string(b), nil
}

// rejected makes the row of a refusal. Its id is made of all it says, so one
// that was published twice is one.
func (e encoder) rejected(at place, value []byte) ([]row, error) {
	var r event.Rejected
	if err := json.Unmarshal(value, &r); err != nil {
		return nil, fmt.Errorf("decode refusal: %w", err)
	}
	id := event.DeriveID("rejected", r.At.String(), r.Stage, r.Source, r.EventID, r.Type, r.Reason, r.Detail, r.Raw, r.Body)
	values := []any{id, moment(r.At), e.day(r.At), r.Stage, r.Source, r.EventID, r.Type, r.Reason, r.Detail, r.Raw, r.Body}
	return []row{{tableRejected, e.month(r.At), append(values, at.values()...)}}, nil
}
