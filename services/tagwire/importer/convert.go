package importer

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
)

// earliest is the first moment that an event may have: 1990.
const earliest = event.Time(631152000000)

// Event is a row as it is sent, with what history is asked by.
type Event struct {
	ID   string
	Type string
	Time event.Time
	JSON []byte
}

// Refusal is why a row cannot be taken.
type Refusal struct {
	Reason schemas.Reason
	Detail string
}

func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Detail }

func refuse(reason schemas.Reason, format string, args ...any) *Refusal {
	return &Refusal{reason, fmt.Sprintf(format, args...)}
}

// Converter makes events of rows. It counts equal rows, so every row of the file
// must pass through it, in order.
type Converter struct {
	m     *Map
	names schemas.Aliases
	equal map[uint64]uint32 // hash of a row → how many stood before
}

// NewConverter makes one for a file.
func NewConverter(m *Map) (*Converter, error) {
	names, err := schemas.LoadAliases()
	if err != nil {
		return nil, err
	}
	return &Converter{m: m, names: names, equal: map[uint64]uint32{}}, nil
}

// wire is an event of Segment's batch.
type wire struct {
	Type       string         `json:"type"`
	Event      string         `json:"event"`
	MessageID  string         `json:"messageId"`
	Timestamp  event.Time     `json:"timestamp"`
	Identities []string       `json:"identities"`
	Traits     map[string]any `json:"traits,omitempty"`
	Properties map[string]any `json:"properties,omitempty"`
}

// Event makes the event of a row.
func (c *Converter) Event(r *Row) (*Event, *Refusal) {
	if r.Bad != nil {
		return nil, refuse(schemas.ReasonMalformed, "%s", r.Bad)
	}
	id := c.id(r) // before anything is refused: the count goes on
	w := wire{Type: "track", MessageID: id, Properties: map[string]any{}}
	if own, err := c.m.ID.text(r, c.m.Missing); err == nil {
		w.MessageID = own
	} else if !errors.Is(err, errNone) {
		return nil, refuse(schemas.ReasonBadID, "id: %s", err)
	}
	if why := c.what(&w, r); why != nil {
		return nil, why
	}
	if why := c.who(&w, r); why != nil {
		return nil, why
	}
	if why := c.envelope(&w, r); why != nil {
		return nil, why
	}
	if why := c.open(&w, r); why != nil {
		return nil, why
	}
	b, err := json.Marshal(w)
	if err != nil {
		return nil, refuse(schemas.ReasonWrongType, "%s", err)
	}
	return &Event{ID: w.MessageID, Type: w.Event, Time: w.Timestamp, JSON: b}, nil
}

// id names a row by the import, its content and how many equal rows stood before
// it.
func (c *Converter) id(r *Row) string {
	cells := r.Cells()
	h := fnv.New64a()
	for _, cell := range cells {
		_, _ = h.Write([]byte(cell)) // never fails
		_, _ = h.Write([]byte{0})
	}
	// Two different rows with one hash share a counter, which is as good: the id
	// holds the content too.
	key := h.Sum64()
	n := c.equal[key]
	c.equal[key] = n + 1
	return event.DeriveID(append([]string{"import", c.m.Name, strconv.FormatUint(uint64(n), 10)}, cells...)...)
}

func (c *Converter) what(w *wire, r *Row) *Refusal {
	typ, err := c.m.Type.text(r, c.m.Missing)
	switch {
	case errors.Is(err, errNone):
		return refuse(schemas.ReasonMissingField, "type is empty")
	case err != nil:
		return refuse(schemas.ReasonWrongType, "type: %s", err)
	}
	w.Event = typ
	if canonical, from, ok := c.names.Canonical(typ); ok {
		w.Event = canonical
		if from != "" {
			w.Properties["from"] = from
		}
	}
	w.Timestamp, err = c.m.Time.at(r, c.m.Missing)
	switch {
	case errors.Is(err, errNone):
		return refuse(schemas.ReasonBadTime, "time is empty")
	case err != nil:
		return refuse(schemas.ReasonBadTime, "%s", err)
	case w.Timestamp < earliest:
		return refuse(schemas.ReasonBadTime, "the time %s is before 1990", w.Timestamp)
	}
	return nil
}

func (c *Converter) who(w *wire, r *Row) *Refusal {
	for i := range c.m.Identities {
		s, err := c.m.Identities[i].text(r, c.m.Missing)
		if errors.Is(err, errNone) {
			continue // a customer without a phone number may have another identity
		}
		if err != nil {
			return refuse(schemas.ReasonWrongType, "identities: %s", err)
		}
		if _, err := event.ParseIdentity(s); err != nil {
			return refuse(schemas.ReasonWrongType, "identities: not namespace:value")
		}
		w.Identities = append(w.Identities, s)
	}
	if len(w.Identities) == 0 {
		return refuse(schemas.ReasonNoIdentity, "all identities are empty")
	}
	return nil
}

func (c *Converter) envelope(w *wire, r *Row) *Refusal {
	m := c.m
	for _, f := range []struct {
		name string
		v    *Value
	}{
		{"currency", &m.Currency},
		{"text", &m.Text},
		{"from", &m.From},
		{"staff_id", &m.StaffID},
		{"channel", &m.Channel},
		{"store_id", &m.StoreID},
		{"touchpoint", &m.Touchpoint},
	} {
		if why := put(w.Properties, f.name, f.v, r, m.Missing); why != nil {
			return why
		}
	}
	if why := amount(w.Properties, "amount", &m.Amount, r, m.Missing); why != nil {
		return why
	}
	for name, v := range m.Object {
		one := put
		if name == "price" {
			one = amount
		}
		if why := one(w.Properties, "object_"+name, &v, r, m.Missing); why != nil {
			return why
		}
	}
	return nil
}

func put(into map[string]any, name string, v *Value, r *Row, missing []string) *Refusal {
	s, err := v.text(r, missing)
	if err == nil {
		into[name] = s
	} else if !errors.Is(err, errNone) {
		return refuse(schemas.ReasonWrongType, "%s: %s", name, err)
	}
	return nil
}

func amount(into map[string]any, name string, v *Value, r *Row, missing []string) *Refusal {
	s, err := v.text(r, missing)
	if errors.Is(err, errNone) {
		return nil
	}
	var d decimal.Decimal
	if err == nil {
		d, err = money(s)
	}
	if err != nil {
		return refuse(schemas.ReasonWrongType, "%s: %s", name, err)
	}
	into[name] = d.String()
	return nil
}

// open fills properties and traits; a dotted name makes an object.
func (c *Converter) open(w *wire, r *Row) *Refusal {
	w.Traits = map[string]any{}
	for _, set := range []struct {
		word string
		from map[string]Value
		into map[string]any
	}{{"properties", c.m.Properties, w.Properties}, {"traits", c.m.Traits, w.Traits}} {
		for name, v := range set.from {
			x, err := v.any(r, c.m.Missing)
			if errors.Is(err, errNone) {
				continue
			}
			if err != nil {
				return refuse(schemas.ReasonWrongType, "%s.%s: %s", set.word, name, err)
			}
			nest(set.into, name, x)
		}
	}
	return nil
}

func nest(into map[string]any, name string, v any) {
	head, rest, ok := strings.Cut(name, ".")
	if !ok || head == "" || rest == "" {
		into[name] = v
		return
	}
	inner, is := into[head].(map[string]any)
	if !is {
		inner = map[string]any{}
		into[head] = inner
	}
	nest(inner, rest, v)
}
