package envelope

import (
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
)

// Canonical reads our own envelope as JSON (schemas/event.schema.json), as
// webhooks and CloudEvents carry it. received_at, source, tags and matched are
// ours to say and are not read.
func Canonical(obj Object, in Input) (*event.Event, *Refusal) {
	e := &event.Event{ReceivedAt: in.Received, Source: in.Source, Backfill: in.Backfill}
	texts := []struct {
		to   *string
		name string
	}{
		{&e.EventID, "event_id"},
		{&e.Type, "type"},
		{&e.StaffID, "staff_id"},
		{&e.Channel, "channel"},
		{&e.StoreID, "store_id"},
		{&e.Touchpoint, "touchpoint"},
		{&e.From, "from"},
		{&e.Currency, "currency"},
		{&e.Text, "text"},
	}
	var why *Refusal
	for _, t := range texts {
		if *t.to, why = TextMember(obj, t.name); why != nil {
			return nil, why
		}
	}
	if e.From != "" && !ValidFrom(e.From) {
		return nil, Refuse(schemas.ReasonWrongType, "from is customer, staff or system")
	}
	if v := obj["amount"]; v != nil {
		var ok bool
		if e.Amount, ok = Money(v); !ok {
			return nil, Refuse(schemas.ReasonWrongType, "amount is not a number of at most 19 digits")
		}
	}
	if why := canonicalParts(e, obj); why != nil {
		return nil, why
	}
	if why := canonicalIdentities(e, obj); why != nil {
		return nil, why
	}
	return e, Finish(e, obj, in)
}

func canonicalParts(e *event.Event, obj Object) *Refusal {
	for name, to := range map[string]*event.Fields{"traits": &e.Traits, "properties": &e.Properties, "context": &e.Context} {
		m, why := Member(obj, name)
		if why != nil {
			return why
		}
		*to = Open(m)
	}
	if Truth(e.Context["backfill"]) || Truth(obj["backfill"]) {
		e.Backfill = true
	}
	o, why := Member(obj, "object")
	if why != nil {
		return why
	}
	if len(o) > 0 {
		e.Object = &event.Object{
			Type: ScalarText(o["type"]), ID: ScalarText(o["id"]), Title: ScalarText(o["title"]),
			Category: ScalarText(o["category"]), Brand: ScalarText(o["brand"]),
		}
		e.Object.Price, _ = Money(o["price"])
	}
	stamps := Stamps{Received: e.ReceivedAt}
	if stamps.Client, why = ReadTime("time", obj["time"]); why != nil {
		return why
	}
	if stamps.Sent, why = ReadTime("sent_at", obj["sent_at"]); why != nil {
		return why
	}
	e.SentAt = stamps.Sent
	e.Time, e.OriginalTime, why = stamps.Settle()
	return why
}

func canonicalIdentities(e *event.Event, obj Object) *Refusal {
	if why := AddIdentities(e, obj["identities"]); why != nil {
		return why
	}
	for _, ns := range []string{"user_id", "anonymous_id"} {
		s, why := TextMember(obj, ns)
		if why != nil {
			return why
		}
		if why := AddIdentity(e, ns, s); why != nil {
			return why
		}
	}
	return nil
}

// Finish checks what every event must have and gives an id to one without.
func Finish(e *event.Event, obj Object, in Input) *Refusal {
	switch {
	case e.Type == "":
		return Refuse(schemas.ReasonMissingField, "type is missing")
	case len(e.Type) > maxValue:
		return Refuse(schemas.ReasonWrongType, "type is longer than %d bytes", maxValue)
	case len(e.Identities) == 0:
		return Refuse(schemas.ReasonNoIdentity, "the event names no customer: give identities, user_id or anonymous_id")
	}
	if e.EventID == "" {
		e.EventID = Hash(in.Source, obj, "sent_at")
		return nil
	}
	return CheckID(e.EventID, in.Limits.EventID)
}
