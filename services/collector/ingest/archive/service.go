package archive

import (
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
)

// service reads one item of kf/sync_msg: a message between a customer and the
// customer service, or an event of it.
func service(obj envelope.Object, in Input) ([]*event.Event, *envelope.Refusal) {
	e, why := begin(obj, obj["send_time"], in)
	if why != nil {
		return nil, why
	}
	msgtype := envelope.ScalarText(obj["msgtype"])
	content, _ := obj[msgtype].(map[string]any)
	customer := envelope.FirstText(obj, "external_userid")
	e.StaffID = envelope.FirstText(obj, "servicer_userid")
	if msgtype == "event" {
		if customer == "" {
			customer = envelope.FirstText(content, "external_userid")
		}
		return serviceEvent(e, content, customer, in), nil
	}
	switch envelope.ScalarText(obj["origin"]) {
	case "3":
		e.From = "customer"
	case "5":
		e.From = "staff"
	default:
		e.From = "system"
	}
	e.Touchpoint = "kf"
	e.Properties["msgtype"] = msgtype
	e.Properties["open_kfid"] = envelope.FirstText(obj, "open_kfid")
	fill(e, msgtype, content)
	return address(e, customer, in), nil
}

func serviceEvent(e *event.Event, content envelope.Object, customer string, in Input) []*event.Event {
	kind := envelope.FirstText(content, "event_type")
	e.Touchpoint = "kf"
	for k, v := range content {
		if k != "welcome_code" {
			e.Properties[k] = v
		}
	}
	switch kind {
	case "enter_session":
		e.Type, e.From = "kf.enter", "customer"
		start := *e
		start.EventID = event.DeriveID(e.EventID, "chat.start")
		start.Type = "chat.start"
		return append(address(e, customer, in), address(&start, customer, in)...)
	case "session_status_change":
		e.Type = "kf.session"
		e.StaffID = envelope.FirstText(content, "new_servicer_userid", "old_servicer_userid")
	case "user_recall_msg":
		e.Type, e.From = "chat.recall", "customer"
		e.Object = &event.Object{Type: "message", ID: envelope.FirstText(content, "recall_msgid")}
	default:
		e.Type = "wecom.unknown"
	}
	return address(e, customer, in)
}
