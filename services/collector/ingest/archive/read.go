package archive

import (
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
)

const (
	chunkItems   = 500
	messageBytes = 1 << 20
)

// Input is what is known besides the body.
type Input struct {
	envelope.Input
	CorpID   string
	External func(id string) bool // whether an id is a customer's
}

// Read gives the events of a body to emit, some hundred at a time; it stops
// when emit fails. ignored counts messages that concern no customer.
func Read(body []byte, in Input, emit func([]envelope.Item) error) (ignored int, err error) {
	var items []envelope.Item
	index := 0
	err = split(body, func(raw []byte, ok bool) error {
		of := message(index, raw, ok, in)
		if len(of) == 0 {
			ignored++
		}
		items = append(items, of...)
		index++
		if len(items) < chunkItems {
			return nil
		}
		full := items
		items = nil
		return emit(full)
	})
	if err != nil || len(items) == 0 {
		return ignored, err
	}
	return ignored, emit(items)
}

func message(index int, raw []byte, ok bool, in Input) []envelope.Item {
	if !ok {
		return []envelope.Item{envelope.Refused(index, envelope.Refuse(schemas.ReasonMalformed, "not a whole JSON object"), raw)}
	}
	if n := len(raw); n > messageBytes {
		return []envelope.Item{envelope.Refused(index, envelope.Refuse(schemas.ReasonTooLarge, "the message has %d bytes; at most %d are taken", n, messageBytes), raw)}
	}
	obj, why := envelope.DecodeObject(raw, in.Limits.Nesting)
	if why != nil {
		return []envelope.Item{envelope.Refused(index, why, raw)}
	}
	var events []*event.Event
	if obj["open_kfid"] != nil || obj["origin"] != nil {
		events, why = service(obj, in)
	} else {
		events, why = conversation(obj, in)
	}
	if why != nil {
		it := envelope.Refused(index, why, raw)
		it.EventID = envelope.ScalarText(obj["msgid"])
		return []envelope.Item{it}
	}
	items := make([]envelope.Item, len(events))
	for i, e := range events {
		items[i] = envelope.Accepted(index, e, raw)
	}
	return items
}

// begin makes the event that all messages share.
func begin(obj envelope.Object, when any, in Input) (*event.Event, *envelope.Refusal) {
	e := &event.Event{EventID: envelope.ScalarText(obj["msgid"]), Source: in.Source, ReceivedAt: in.Received, Properties: event.Fields{}}
	if e.EventID == "" {
		e.EventID = envelope.Hash(in.Source, obj)
	}
	if len(e.EventID) > in.Limits.EventID {
		e.EventID = event.DeriveID(e.EventID) // a vendor's id is not a reason to lose its message
	}
	at, why := envelope.ReadTime("msgtime", when)
	if why != nil {
		return nil, why
	}
	e.Time, e.OriginalTime, why = envelope.Stamps{Client: at, Received: in.Received}.Settle()
	return e, why
}
