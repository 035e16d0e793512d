package envelope

import (
	"fmt"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
)

// Refusal says why an event or a whole request cannot be taken.
type Refusal struct {
	Reason schemas.Reason
	Detail string
}

// Error is reason and detail.
func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Detail }

// Refuse makes a refusal; the detail names the field and what it should be,
// never the value of a personal field.
func Refuse(reason schemas.Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// Limits bound one request; they are checked while reading.
type Limits struct {
	EventBytes  int
	BatchBytes  int
	BatchEvents int
	Nesting     int
	EventID     int
}

// Input is what is known about a request besides its body.
type Input struct {
	Source   string
	Received event.Time
	Limits   Limits
	Backfill bool
}

// Item is one event of a request, or why it was refused. Raw is the event as
// it was sent.
type Item struct {
	Index   int
	EventID string
	Type    string
	Event   *event.Event // nil: refused
	Refusal *Refusal
	Raw     []byte
}

// Accepted makes the item of an event.
func Accepted(index int, e *event.Event, raw []byte) Item {
	return Item{Index: index, EventID: e.EventID, Type: e.Type, Event: e, Raw: raw}
}

// Refused makes the item of a refusal.
func Refused(index int, why *Refusal, raw []byte) Item {
	return Item{Index: index, Refusal: why, Raw: raw}
}
