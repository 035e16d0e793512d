package cloudevents

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
)

const (
	structured = "application/cloudevents+json"
	batched    = "application/cloudevents-batch+json"
)

// Read gives a verdict for each event of a request. The bool says that the
// request was a batch, whose verdicts are answered one by one.
func Read(h http.Header, body []byte, in envelope.Input) ([]envelope.Item, bool, *envelope.Refusal) {
	media, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		media = ""
	}
	switch {
	case media == batched || media != structured && h.Get("Ce-Specversion") == "" && strings.HasPrefix(strings.TrimSpace(string(head(body))), "["):
		items, why := readBatch(body, in)
		return items, true, why
	case h.Get("Ce-Specversion") != "" && media != structured:
		return []envelope.Item{readBinary(h, media, body, in)}, false, nil
	}
	return []envelope.Item{readOne(0, body, in)}, false, nil
}

func head(body []byte) []byte { return body[:min(len(body), 64)] }

func readBatch(body []byte, in envelope.Input) ([]envelope.Item, *envelope.Refusal) {
	if d := envelope.Depth(body); d > 1000 {
		return nil, envelope.Refuse(schemas.ReasonTooDeep, "nested %d levels deep; at most %d are taken", d, in.Limits.Nesting)
	}
	var events []json.RawMessage
	if err := json.Unmarshal(body, &events); err != nil {
		if json.Valid(body) {
			return nil, envelope.Refuse(schemas.ReasonWrongType, "a batch is an array of events")
		}
		return nil, envelope.Malformed(err)
	}
	if n := len(events); n > in.Limits.BatchEvents {
		return nil, envelope.Refuse(schemas.ReasonTooMany, "the batch holds %d events; at most %d are taken", n, in.Limits.BatchEvents)
	}
	items := make([]envelope.Item, len(events))
	for i, raw := range events {
		items[i] = readOne(i, raw, in)
	}
	return items, nil
}

func readOne(index int, raw []byte, in envelope.Input) envelope.Item {
	if n := len(raw); n > in.Limits.EventBytes {
		return envelope.Refused(index, envelope.Refuse(schemas.ReasonTooLarge, "the event has %d bytes; at most %d are taken", n, in.Limits.EventBytes), raw)
	}
	obj, why := envelope.DecodeObject(raw, in.Limits.Nesting)
	if why != nil {
		return envelope.Refused(index, why, raw)
	}
	return item(index, obj, raw, in)
}

// readBinary puts the attributes in the headers and the data in the body
// together as one structured event.
func readBinary(h http.Header, media string, body []byte, in envelope.Input) envelope.Item {
	obj := envelope.Object{}
	for name, values := range h {
		if attr, ok := strings.CutPrefix(strings.ToLower(name), "ce-"); ok && len(values) > 0 {
			v, err := url.PathUnescape(values[0]) // the HTTP binding percent-encodes
			if err != nil {
				v = values[0]
			}
			obj[attr] = v
		}
	}
	if n := len(body); n > in.Limits.EventBytes {
		return envelope.Refused(0, envelope.Refuse(schemas.ReasonTooLarge, "the event has %d bytes; at most %d are taken", n, in.Limits.EventBytes), body)
	}
	if len(body) > 0 {
		if media != "" && media != "application/json" && !strings.HasSuffix(media, "+json") {
			return envelope.Refused(0, envelope.Refuse(schemas.ReasonWrongType, "the data's content type is %.60s; JSON is taken", media), body)
		}
		data, why := envelope.DecodeObject(body, in.Limits.Nesting)
		if why != nil {
			return envelope.Refused(0, why, body)
		}
		obj["data"] = data
	}
	raw, err := json.Marshal(obj)
	if err != nil { // cannot be: all of it came from JSON or is text
		return envelope.Refused(0, envelope.Refuse(schemas.ReasonMalformed, "the event cannot be written as JSON"), body)
	}
	return item(0, obj, raw, in)
}

func item(index int, obj envelope.Object, raw []byte, in envelope.Input) envelope.Item {
	e, why := toEvent(obj, in)
	if why != nil {
		it := envelope.Refused(index, why, raw)
		it.EventID, it.Type = envelope.ScalarText(obj["id"]), envelope.ScalarText(obj["type"])
		return it
	}
	return envelope.Accepted(index, e, raw)
}

func toEvent(obj envelope.Object, in envelope.Input) (*event.Event, *envelope.Refusal) {
	if v := envelope.ScalarText(obj["specversion"]); v != "1.0" {
		return nil, envelope.Refuse(schemas.ReasonMissingField, "specversion is %.20q; 1.0 is taken", v)
	}
	for _, name := range []string{"id", "source", "type"} {
		if s, ok := obj[name].(string); !ok || s == "" {
			return nil, envelope.Refuse(schemas.ReasonMissingField, "%s is missing: CloudEvents need it as a text", name)
		}
	}
	data, why := readData(obj, in.Limits.Nesting)
	if why != nil {
		return nil, why
	}
	ours := split(data)
	ours["event_id"], ours["type"] = obj["id"], obj["type"]
	if ours["time"] == nil {
		ours["time"] = obj["time"]
	}
	if !namesCustomer(ours) {
		subject := envelope.ScalarText(obj["subject"])
		if ns, value, ok := strings.Cut(subject, ":"); ok && ns != "" && value != "" {
			ours["identities"] = []any{subject}
		} else {
			ours["user_id"] = subject
		}
	}
	e, why := envelope.Canonical(ours, in)
	if why != nil {
		return nil, why
	}
	if e.Context == nil {
		e.Context = event.Fields{}
	}
	e.Context["cloudevent"] = attributes(obj)
	props := envelope.Object(e.Properties)
	if props == nil {
		props = envelope.Object{}
	}
	if why := envelope.Fill(e, props); why != nil {
		return nil, why
	}
	e.Properties = envelope.Open(props)
	return e, nil
}

func readData(obj envelope.Object, nesting int) (envelope.Object, *envelope.Refusal) {
	if v, ok := obj["data_base64"].(string); ok {
		b, err := base64.StdEncoding.DecodeString(v)
		if err != nil {
			return nil, envelope.Refuse(schemas.ReasonWrongType, "data_base64 is not base64")
		}
		return envelope.DecodeObject(b, nesting)
	}
	if s, ok := obj["data"].(string); ok { // JSON within a text
		return envelope.DecodeObject([]byte(s), nesting)
	}
	return envelope.Member(obj, "data")
}

// names are the members of data that belong to the envelope; all others are
// properties.
var names = map[string]bool{
	"identities": true, "user_id": true, "anonymous_id": true, "time": true, "sent_at": true, "staff_id": true, "channel": true,
	"store_id": true, "touchpoint": true, "from": true, "object": true, "amount": true, "currency": true, "text": true,
	"traits": true, "properties": true, "context": true, "backfill": true,
}

func split(data envelope.Object) envelope.Object {
	ours := envelope.Object{}
	props := envelope.Object{}
	for k, v := range data {
		if !names[k] {
			props[k] = v
			continue
		}
		ours[k] = v
	}
	if given, ok := ours["properties"].(map[string]any); ok {
		maps.Copy(props, given)
	} else if ours["properties"] != nil {
		return ours // of a wrong type: refused by name
	}
	ours["properties"] = props
	return ours
}

func namesCustomer(obj envelope.Object) bool {
	return obj["identities"] != nil || obj["user_id"] != nil || obj["anonymous_id"] != nil
}

func attributes(obj envelope.Object) map[string]any {
	out := map[string]any{}
	for k, v := range obj {
		if k != "data" && k != "data_base64" && k != "id" && k != "type" && k != "time" {
			out[k] = v
		}
	}
	return out
}
