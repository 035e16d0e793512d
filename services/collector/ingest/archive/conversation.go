package archive

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
	"github.com/tagwire/tagwire/services/collector/ingest/wecom"
)

// contents is the member that holds a message's contents, where it is not named
// like its type.
func contents(msgtype string) string {
	if m, irregular := map[string]string{
		"external_redpacket": "redpacket", "docmsg": "doc", "markdown": "info", "news": "info", "voiptext": "info", "qydiskfile": "info",
	}[msgtype]; irregular {
		return m
	}
	return msgtype
}

// conversation reads one archived message.
func conversation(obj envelope.Object, in Input) ([]*event.Event, *envelope.Refusal) {
	action, msgtype := envelope.ScalarText(obj["action"]), envelope.ScalarText(obj["msgtype"])
	when := obj["msgtime"]
	if when == nil {
		when = obj["time"] // of a switch
	}
	e, why := begin(obj, when, in)
	if why != nil {
		return nil, why
	}
	if action == "switch" {
		e.Type, e.StaffID, e.From = "wecom.switch", envelope.ScalarText(obj["user"]), "staff"
		e.Identities = []event.Identity{wecom.Nobody(in.CorpID, "corp")}
		return []*event.Event{e}, nil
	}
	content, _ := obj[contents(msgtype)].(map[string]any)
	e.Properties["msgtype"] = msgtype
	e.Properties["action"] = action
	fill(e, msgtype, content)
	for _, name := range []string{"voiceid", "voipid"} {
		if s := envelope.ScalarText(obj[name]); s != "" {
			e.Properties[name] = s
		}
	}
	if room := envelope.ScalarText(obj["roomid"]); room != "" {
		e.Properties["roomid"] = room
		e.Touchpoint = "group"
		if e.Object == nil {
			e.Object = &event.Object{Type: "group", ID: room}
		}
	} else {
		e.Touchpoint = "chat"
	}
	if msgtype == "agree" || msgtype == "disagree" {
		return consent(e, content, obj, in)
	}
	return participants(e, obj, in), nil
}

// consent names the customer within: the message has no sender.
func consent(e *event.Event, content, obj envelope.Object, in Input) ([]*event.Event, *envelope.Refusal) {
	who := envelope.FirstText(content, "userid")
	if who == "" {
		who = envelope.ScalarText(obj["from"])
	}
	if !in.External(who) {
		return nil, nil
	}
	return address(e, who, in), nil
}

// participants gives the message to each customer who took part: the sender, or
// else every customer among the receivers.
func participants(e *event.Event, obj envelope.Object, in Input) []*event.Event {
	from := envelope.ScalarText(obj["from"])
	var customers, staff []string
	list, _ := obj["tolist"].([]any)
	for _, x := range list {
		id := envelope.ScalarText(x)
		switch {
		case id == "" || id == from:
		case in.External(id):
			customers = append(customers, id)
		default:
			staff = append(staff, id)
		}
	}
	if in.External(from) {
		e.From = "customer"
		if len(staff) > 0 {
			e.StaffID = staff[0]
		}
		if len(staff) > 1 {
			e.Properties["staff_ids"] = texts(staff)
		}
		return address(e, from, in)
	}
	e.From, e.StaffID = "staff", from
	var out []*event.Event
	for _, customer := range customers {
		one := *e
		if len(customers) > 1 {
			one.EventID = event.DeriveID(e.EventID, customer)
		}
		out = append(out, address(&one, customer, in)...)
	}
	return out
}

func address(e *event.Event, customer string, in Input) []*event.Event {
	id, ok, why := envelope.Identity(wecom.Namespace(in.CorpID), customer)
	if !ok || why != nil {
		return nil
	}
	e.Identities = []event.Identity{id}
	return []*event.Event{e}
}

func texts(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// fill gives the event its type, its text and what else the contents say. Texts
// leave the properties: they are personal.
func fill(e *event.Event, msgtype string, content envelope.Object) {
	e.Type = "chat.message"
	rest := envelope.Object{}
	maps.Copy(rest, content)
	switch msgtype {
	case "text", "markdown":
		e.Text = take(rest, "content")
	case "mixed", "chatrecord":
		e.Text = itemTexts(rest)
		e.Object = titled(msgtype, "", envelope.FirstText(rest, "title"))
	case "revoke":
		e.Type = "chat.recall"
		e.Object = &event.Object{Type: "message", ID: envelope.FirstText(rest, "pre_msgid")}
	case "agree", "disagree":
		e.Type = "contact.consent"
		rest = envelope.Object{"agreed": msgtype == "agree"}
	case "voiptext", "meeting_voice_call":
		e.Type = "call.start"
	case "link", "weapp":
		e.Object = titled(msgtype, envelope.FirstText(rest, "link_url", "username"), envelope.FirstText(rest, "title"))
	case "file", "qydiskfile":
		e.Object = titled("file", envelope.FirstText(rest, "md5sum"), envelope.FirstText(rest, "filename"))
		delete(rest, "sdkfileid") // a key to the file, of no use later
	case "collect":
		e.Object = titled("form", "", envelope.FirstText(rest, "title"))
	case "redpacket", "external_redpacket":
		e.Object = titled("redpacket", "", envelope.FirstText(rest, "wish"))
	case "sphfeed":
		e.Object = titled("feed", "", envelope.FirstText(rest, "feed_desc"))
	case "image", "voice", "video", "emotion":
		delete(rest, "sdkfileid")
	}
	maps.Copy(e.Properties, rest)
}

func titled(typ, id, title string) *event.Object {
	return &event.Object{Type: typ, ID: id, Title: title}
}

func take(obj envelope.Object, name string) string {
	s, _ := obj[name].(string)
	delete(obj, name)
	return s
}

// itemTexts joins the texts of a message made of several: each content is JSON
// within a text.
func itemTexts(content envelope.Object) string {
	list, _ := content["item"].([]any)
	delete(content, "item")
	var all []string
	kinds := map[string]any{}
	for _, x := range list {
		item, _ := x.(map[string]any)
		typ := strings.ToLower(strings.TrimPrefix(envelope.ScalarText(item["type"]), "ChatRecord"))
		if typ == "" {
			continue
		}
		kinds[typ] = true
		if typ != "text" && typ != "mixed" {
			continue
		}
		var inner struct {
			Content string `json:"content"`
		}
		if s, ok := item["content"].(string); ok && json.Unmarshal([]byte(s), &inner) == nil && inner.Content != "" {
			all = append(all, inner.Content)
		}
	}
	if len(kinds) > 0 {
		content["items"] = kinds
	}
	return strings.Join(all, "\n")
}
