package segment

import (
	"maps"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
)

func (r *Request) fill(e *event.Event, obj envelope.Object, names Names) *envelope.Refusal {
	var why *envelope.Refusal
	if e.EventID, why = envelope.TextMember(obj, "messageId"); why != nil {
		return envelope.Refuse(schemas.ReasonBadID, "messageId is %s, not a text", envelope.TypeName(obj["messageId"]))
	}
	if why := r.fillTimes(e, obj); why != nil {
		return why
	}
	if why := r.fillContext(e, obj); why != nil {
		return why
	}
	if why := fillIdentities(e, obj); why != nil {
		return why
	}
	props, why := envelope.Member(obj, "properties")
	if why != nil {
		return why
	}
	if why := r.fillCall(e, obj, props, names); why != nil {
		return why
	}
	if len(e.Identities) == 0 {
		return envelope.Refuse(schemas.ReasonNoIdentity, "userId and anonymousId are both missing")
	}
	if why := envelope.Fill(e, props); why != nil {
		return why
	}
	e.Properties = envelope.Open(props)
	return nil
}

func (r *Request) fillTimes(e *event.Event, obj envelope.Object) *envelope.Refusal {
	stamps := envelope.Stamps{Received: e.ReceivedAt, Sent: r.sent}
	sent, why := envelope.ReadTime("sentAt", obj["sentAt"])
	if why != nil {
		return why
	}
	if sent != 0 {
		stamps.Sent = sent
	}
	if stamps.Client, why = envelope.ReadTime("timestamp", obj["timestamp"]); why != nil {
		return why
	}
	if stamps.Client == 0 {
		if stamps.Client, why = envelope.ReadTime("originalTimestamp", obj["originalTimestamp"]); why != nil {
			return why
		}
	}
	e.SentAt = stamps.Sent
	e.Time, e.OriginalTime, why = stamps.Settle()
	return why
}

// maxImportName is the longest name of an import that is kept, in bytes.
const maxImportName = 100

// fillContext merges the batch's context under the event's own. Traits leave
// the context: they are personal and are sealed as traits.
func (r *Request) fillContext(e *event.Event, obj envelope.Object) *envelope.Refusal {
	own, why := envelope.Member(obj, "context")
	if why != nil {
		return why
	}
	all := make(envelope.Object, len(own)+len(r.context))
	maps.Copy(all, r.context)
	maps.Copy(all, own)
	traits, why := envelope.Member(all, "traits")
	if why != nil {
		return why
	}
	delete(all, "traits")
	e.Traits = envelope.Open(maps.Clone(traits))
	e.Context = envelope.Open(all)
	e.Backfill = e.Backfill || envelope.Truth(all["backfill"])
	if name := envelope.ScalarText(all["import"]); e.Backfill && len(name) <= maxImportName {
		e.Import = name
	}
	return nil
}

func fillIdentities(e *event.Event, obj envelope.Object) *envelope.Refusal {
	for _, f := range []struct{ member, namespace string }{{"userId", "user_id"}, {"anonymousId", "anonymous_id"}} {
		s, why := envelope.TextMember(obj, f.member)
		if why != nil {
			return why
		}
		if why := envelope.AddIdentity(e, f.namespace, s); why != nil {
			return why
		}
	}
	if why := envelope.AddIdentities(e, obj["identities"]); why != nil {
		return why
	}
	list, _ := e.Context["externalIds"].([]any)
	for _, x := range list {
		m, _ := x.(map[string]any)
		namespace, value := envelope.ScalarText(m["type"]), envelope.ScalarText(m["id"])
		if namespace == "" || value == "" {
			continue // other tools put half-filled ones there
		}
		if why := envelope.AddIdentity(e, namespace, value); why != nil {
			return why
		}
	}
	return nil
}

func (r *Request) fillCall(e *event.Event, obj, props envelope.Object, names Names) *envelope.Refusal {
	switch call := r.call(obj); call {
	case Track:
		return fillTrack(e, obj, names)
	case Identify:
		e.Type = "attribute.set"
		return mergeTraits(e, obj)
	case Page, Screen:
		e.Type = "page.view"
		fillPage(e, obj, props, call)
		return nil
	case Group:
		return fillGroup(e, obj, props)
	case Alias:
		return fillAlias(e, obj, props)
	case "":
		return envelope.Refuse(schemas.ReasonMissingField, "type is missing: track, identify, page, screen, group or alias")
	default:
		return envelope.Refuse(schemas.ReasonWrongType, "type %.40q is none of track, identify, page, screen, group, alias", string(call))
	}
}

func fillTrack(e *event.Event, obj envelope.Object, names Names) *envelope.Refusal {
	name, ok := obj["event"].(string)
	switch {
	case obj["event"] == nil || ok && name == "":
		return envelope.Refuse(schemas.ReasonMissingField, "event is missing: the name of what happened")
	case !ok:
		return envelope.Refuse(schemas.ReasonWrongType, "event is %s, not a text", envelope.TypeName(obj["event"]))
	case len(name) > 256:
		return envelope.Refuse(schemas.ReasonWrongType, "event is longer than 256 bytes")
	}
	e.Type = name
	if typ, from, known := names.Canonical(name); known {
		e.Type = typ
		e.From = from
	}
	return mergeTraits(e, obj)
}

func mergeTraits(e *event.Event, obj envelope.Object) *envelope.Refusal {
	own, why := envelope.Member(obj, "traits")
	if why != nil {
		return why
	}
	if len(own) > 0 {
		if e.Traits == nil {
			e.Traits = event.Fields{}
		}
		maps.Copy(e.Traits, own)
	}
	return nil
}

func fillPage(e *event.Event, obj, props envelope.Object, call Call) {
	name := envelope.ScalarText(obj["name"])
	category := envelope.ScalarText(obj["category"])
	put(props, "name", name)
	put(props, "category", category)
	o := event.Object{
		Type: string(call), ID: envelope.FirstText(props, "url", "path", "name"),
		Title: envelope.FirstText(props, "title", "name"), Category: envelope.FirstText(props, "category"),
	}
	if envelope.FirstText(props, "object_type", "object_id", "product_id", "sku") == "" {
		e.Object = &o
	}
}

func fillGroup(e *event.Event, obj, props envelope.Object) *envelope.Refusal {
	id, why := envelope.TextMember(obj, "groupId")
	if why != nil {
		return why
	}
	if id == "" {
		return envelope.Refuse(schemas.ReasonMissingField, "groupId is missing")
	}
	traits, why := envelope.Member(obj, "traits") // of the group, not of the customer
	if why != nil {
		return why
	}
	e.Type = "group.join"
	e.Object = &event.Object{Type: "group", ID: id, Title: envelope.ScalarText(traits["name"])}
	if len(traits) > 0 {
		props["group"] = traits
	}
	return nil
}

// fillAlias links the former id. It is taken for an anonymous one, as Segment's
// clients send it; two user ids of one customer cannot be linked.
func fillAlias(e *event.Event, obj, props envelope.Object) *envelope.Refusal {
	previous, why := envelope.TextMember(obj, "previousId")
	if why != nil {
		return why
	}
	if previous == "" {
		return envelope.Refuse(schemas.ReasonMissingField, "previousId is missing")
	}
	e.Type = "identity.alias"
	props["previous_id"] = previous
	return envelope.AddIdentity(e, "anonymous_id", previous)
}

func put(props envelope.Object, name, value string) {
	if _, have := props[name]; !have && value != "" {
		props[name] = value
	}
}
