package webhook

import (
	"bytes"
	"encoding/json"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
)

// Read gives a verdict for each event in a body; mapping may be nil.
func Read(body []byte, mapping *Mapping, in envelope.Input) ([]envelope.Item, *envelope.Refusal) {
	raws, why := parts(body, mapping, in.Limits)
	if why != nil {
		return nil, why
	}
	if mapping != nil {
		return mapping.read(raws[0], in)
	}
	items := make([]envelope.Item, len(raws))
	for i, raw := range raws {
		items[i] = canonical(i, raw, in)
	}
	return items, nil
}

// parts splits a body without a mapping: one event, an array of them, or
// {"events": [...]}.
func parts(body []byte, mapping *Mapping, limits envelope.Limits) ([]json.RawMessage, *envelope.Refusal) {
	if d := envelope.Depth(body); d > limits.Nesting+2 {
		return nil, envelope.Refuse(schemas.ReasonTooDeep, "nested %d levels deep; at most %d are taken", d, limits.Nesting)
	}
	body = bytes.TrimSpace(body)
	if mapping != nil {
		return []json.RawMessage{body}, nil
	}
	var raws []json.RawMessage
	switch {
	case len(body) > 0 && body[0] == '[':
		if err := json.Unmarshal(body, &raws); err != nil {
			return nil, envelope.Malformed(err)
		}
	default:
		var top struct {
			Events []json.RawMessage `json:"events"`
		}
		if err := json.Unmarshal(body, &top); err != nil {
			if json.Valid(body) {
				return nil, envelope.Refuse(schemas.ReasonWrongType, "the body is not an event, nor a list of events")
			}
			return nil, envelope.Malformed(err)
		}
		if raws = top.Events; raws == nil {
			raws = []json.RawMessage{body}
		}
	}
	if n := len(raws); n > limits.BatchEvents {
		return nil, envelope.Refuse(schemas.ReasonTooMany, "the body holds %d events; at most %d are taken", n, limits.BatchEvents)
	}
	return raws, nil
}

func canonical(index int, raw []byte, in envelope.Input) envelope.Item {
	if n := len(raw); n > in.Limits.EventBytes {
		return envelope.Refused(index, envelope.Refuse(schemas.ReasonTooLarge, "the event has %d bytes; at most %d are taken", n, in.Limits.EventBytes), raw)
	}
	obj, why := envelope.DecodeObject(raw, in.Limits.Nesting)
	if why != nil {
		return envelope.Refused(index, why, raw)
	}
	return item(index, obj, raw, in)
}

func item(index int, obj envelope.Object, raw []byte, in envelope.Input) envelope.Item {
	e, why := envelope.Canonical(obj, in)
	if why != nil {
		it := envelope.Refused(index, why, raw)
		it.EventID, it.Type = envelope.ScalarText(obj["event_id"]), envelope.ScalarText(obj["type"])
		return it
	}
	if id := envelope.ScalarText(obj["form"]); id != "" {
		if e.Object == nil {
			e.Object = &event.Object{Type: "form", ID: id}
		}
		if e.Properties == nil {
			e.Properties = event.Fields{}
		}
		e.Properties["form_id"] = id
	}
	return envelope.Accepted(index, e, raw)
}

func (m *Mapping) read(raw []byte, in envelope.Input) ([]envelope.Item, *envelope.Refusal) {
	body, why := envelope.DecodeObject(wrapped(raw), in.Limits.Nesting+3)
	if why != nil {
		return nil, why
	}
	whole := body["v"]
	members := []any{whole}
	if m.each != nil {
		list, ok := m.each.in(scope{whole, whole}).([]any)
		if !ok {
			return nil, envelope.Refuse(schemas.ReasonBadMapping, "`each` of the mapping leads to no list")
		}
		members = list
	}
	if n := len(members); n > in.Limits.BatchEvents {
		return nil, envelope.Refuse(schemas.ReasonTooMany, "the body holds %d events; at most %d are taken", n, in.Limits.BatchEvents)
	}
	items := make([]envelope.Item, len(members))
	for i, member := range members {
		obj, why := m.apply(scope{member, whole})
		if why != nil {
			items[i] = envelope.Refused(i, why, raw)
			continue
		}
		items[i] = item(i, obj, raw, in)
	}
	return items, nil
}

// wrapped lets a body be any JSON value, so that one decoder reads all.
func wrapped(raw []byte) []byte {
	return append(append([]byte(`{"v":`), raw...), '}')
}

// apply builds our envelope of one member.
func (m *Mapping) apply(in scope) (envelope.Object, *envelope.Refusal) {
	obj := envelope.Object{}
	properties := false
	for _, f := range m.fields {
		properties = properties || f.name[0] == "properties"
		v := f.value(in)
		if v == nil || v == "" {
			continue
		}
		if len(f.name) == 1 {
			obj[f.name[0]] = v
			continue
		}
		inner, ok := obj[f.name[0]].(map[string]any)
		if !ok {
			if obj[f.name[0]] != nil {
				return nil, envelope.Refuse(schemas.ReasonBadMapping, "%s is mapped as a whole and by its members", f.name[0])
			}
			inner = envelope.Object{}
			obj[f.name[0]] = inner
		}
		inner[f.name[1]] = v
	}
	if m.form != nil {
		if id := envelope.ScalarText(m.form(in)); id != "" {
			obj["form"] = id
			if obj["type"] == nil {
				obj["type"] = "form.submit"
			}
		}
	}
	if !properties { // nothing is lost because nobody mapped it
		if whole, ok := in.member.(map[string]any); ok {
			obj["properties"] = whole
		}
	}
	return obj, nil
}
