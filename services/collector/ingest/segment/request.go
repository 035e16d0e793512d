package segment

import (
	"bytes"
	"encoding/json"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
)

// Call is one endpoint of the API.
type Call string

// The calls. Batch carries any of the others.
const (
	Track    Call = "track"
	Identify Call = "identify"
	Page     Call = "page"
	Screen   Call = "screen"
	Group    Call = "group"
	Alias    Call = "alias"
	Batch    Call = "batch"
)

// Short gives the call of a browser client's one-letter path.
func Short(letter string) (Call, bool) {
	c, ok := map[string]Call{"t": Track, "i": Identify, "p": Page, "s": Screen, "g": Group, "a": Alias, "b": Batch}[letter]
	return c, ok
}

// Request is a body that has been taken apart, its events not yet read.
type Request struct {
	Call     Call
	WriteKey string
	sent     event.Time
	context  envelope.Object
	events   []json.RawMessage
}

// Read takes a body apart. A refusal here is one of the whole request. The body
// must not be changed while the request is used.
func Read(body []byte, call Call, limits envelope.Limits) (*Request, *envelope.Refusal) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, envelope.Refuse(schemas.ReasonMalformed, "the body is empty")
	}
	// A deep event must not cost its neighbours: it is refused by itself, later.
	// Only a text that no decoder should see is refused whole.
	if d := envelope.Depth(body); d > 1000 {
		return nil, envelope.Refuse(schemas.ReasonTooDeep, "nested %d levels deep; at most %d are taken", d, limits.Nesting)
	}
	if call != Batch {
		return readSingle(body, call, limits)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, notObject(body, err)
	}
	r := &Request{Call: call}
	if why := r.readMembers(members, limits); why != nil {
		return nil, why
	}
	raw, ok := members["batch"]
	if !ok {
		return nil, envelope.Refuse(schemas.ReasonMissingField, "batch is missing: the body is {\"batch\": [events]}")
	}
	if err := json.Unmarshal(raw, &r.events); err != nil {
		return nil, envelope.Refuse(schemas.ReasonWrongType, "batch is not an array")
	}
	if n := len(r.events); n > limits.BatchEvents {
		return nil, envelope.Refuse(schemas.ReasonTooMany, "the batch holds %d events; at most %d are taken", n, limits.BatchEvents)
	}
	return r, nil
}

func readSingle(body []byte, call Call, limits envelope.Limits) (*Request, *envelope.Refusal) {
	if len(body) > limits.EventBytes {
		return nil, envelope.Refuse(schemas.ReasonTooLarge, "the event has %d bytes; at most %d are taken", len(body), limits.EventBytes)
	}
	var top struct {
		WriteKey any `json:"writeKey"`
	}
	if d := envelope.Depth(body); d > limits.Nesting {
		return nil, envelope.Refuse(schemas.ReasonTooDeep, "nested %d levels deep; at most %d are taken", d, limits.Nesting)
	}
	if err := json.Unmarshal(body, &top); err != nil {
		return nil, notObject(body, err)
	}
	key, _ := top.WriteKey.(string)
	return &Request{Call: call, WriteKey: key, events: []json.RawMessage{body}}, nil
}

func notObject(body []byte, err error) *envelope.Refusal {
	if json.Valid(body) {
		return envelope.Refuse(schemas.ReasonWrongType, "the body is not a JSON object")
	}
	return envelope.Malformed(err)
}

func (r *Request) readMembers(members map[string]json.RawMessage, limits envelope.Limits) *envelope.Refusal {
	rest := envelope.Object{}
	for _, name := range []string{"writeKey", "sentAt", "context"} {
		raw, ok := members[name]
		if !ok {
			continue
		}
		// Wrapped, so that one decoder with one set of limits reads all.
		obj, why := envelope.DecodeObject([]byte(`{"v":`+string(raw)+`}`), limits.Nesting+1)
		if why != nil {
			return why
		}
		rest[name] = obj["v"]
	}
	r.WriteKey, _ = rest["writeKey"].(string)
	var why *envelope.Refusal
	if r.context, why = envelope.Member(rest, "context"); why != nil {
		return why
	}
	r.sent, why = envelope.ReadTime("sentAt", rest["sentAt"])
	return why
}

// Len is how many events the request holds.
func (r *Request) Len() int { return len(r.events) }

// Items reads the events.
func (r *Request) Items(in envelope.Input, names Names) []envelope.Item {
	items := make([]envelope.Item, len(r.events))
	for i, raw := range r.events {
		e, id, why := r.item(raw, in, names)
		if why != nil {
			items[i] = envelope.Refused(i, why, raw)
			items[i].EventID = id
			continue
		}
		items[i] = envelope.Accepted(i, e, raw)
	}
	return items
}

// Names gives the canonical type of an event's name; from is who acted, where
// the name says so. schemas.Aliases is one.
type Names interface {
	Canonical(name string) (typ, from string, ok bool)
}

func (r *Request) item(raw []byte, in envelope.Input, names Names) (*event.Event, string, *envelope.Refusal) {
	if len(raw) > in.Limits.EventBytes {
		return nil, "", envelope.Refuse(schemas.ReasonTooLarge, "the event has %d bytes; at most %d are taken", len(raw), in.Limits.EventBytes)
	}
	obj, why := envelope.DecodeObject(raw, in.Limits.Nesting)
	if why != nil {
		return nil, "", why
	}
	e := &event.Event{Source: in.Source, ReceivedAt: in.Received, Backfill: in.Backfill}
	id, _ := envelope.Text(obj["messageId"])
	if why := r.fill(e, obj, names); why != nil {
		return nil, id, why
	}
	if e.EventID == "" {
		obj["type"] = string(r.call(obj)) // the same event alone and in a batch has the same id
		e.EventID = envelope.Hash(in.Source, obj, "sentAt", "writeKey")
	} else if why := envelope.CheckID(e.EventID, in.Limits.EventID); why != nil {
		return nil, "", why
	}
	return e, e.EventID, nil
}

// call is what the event is: of a batch each event says it.
func (r *Request) call(obj envelope.Object) Call {
	if r.Call != Batch {
		return r.Call
	}
	return Call(envelope.FirstText(obj, "type", "action"))
}
