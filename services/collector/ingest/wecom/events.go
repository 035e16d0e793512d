package wecom

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
)

// Source is what a callback's definition says, and what is known of people.
type Source struct {
	ID       string
	CorpID   string
	External func(id string) bool // whether a member of a group is a customer; nil: by the prefix
}

// External says by an id's prefix that it is a customer's: wm and wo.
func External(id string) bool { return strings.HasPrefix(id, "wm") || strings.HasPrefix(id, "wo") }

// Namespace is that of a corp's customers.
func Namespace(corp string) string { return "wecom." + corp }

// Nobody addresses what concerns no single customer (a group, the tag library)
// to an anonymous stand-in, so that it is kept in history.
func Nobody(corp, what string) event.Identity {
	return event.Identity{Namespace: "anonymous_id", Value: "wecom/" + corp + "/" + what}
}

// types by Event and ChangeType.
func eventType(ev, change string) (typ string, known bool) {
	typ, known = map[string]string{
		"change_external_contact/add_external_contact":      "contact.add",
		"change_external_contact/edit_external_contact":     "contact.edit",
		"change_external_contact/add_half_external_contact": "contact.add_half",
		"change_external_contact/del_external_contact":      "contact.delete_by_staff",
		"change_external_contact/del_follow_user":           "contact.delete_by_customer",
		"change_external_contact/transfer_fail":             "contact.transfer_fail",
		"change_external_contact/msg_audit_approved":        "contact.consent",
		"change_external_chat/create":                       "group.create",
		"change_external_chat/update":                       "group.update",
		"change_external_chat/dismiss":                      "group.dismiss",
		"change_external_tag/create":                        "taglib.change",
		"change_external_tag/update":                        "taglib.change",
		"change_external_tag/delete":                        "taglib.change",
		"change_external_tag/shuffle":                       "taglib.change",
		"customer_acquisition/open_profile":                 "link.open",
		"customer_acquisition/customer_start_chat":          "chat.start",
		"customer_acquisition/message_from_customer":        "chat.message",
		"msgaudit_notify/":                                  "wecom.notify",
		"kf_msg_or_event/":                                  "wecom.notify",
	}[ev+"/"+change]
	return typ, known
}

// Events reads a decrypted callback.
func (s Source) Events(xml []byte, received event.Time) ([]*event.Event, error) {
	root, err := parse(xml)
	if err != nil {
		return nil, err
	}
	corp := s.CorpID
	if auth := root.get("AuthCorpId"); auth != "" { // third-party envelope: the customer's corp
		corp = auth
	}
	ev, change := root.get("Event"), root.get("ChangeType")
	if ev == "" {
		ev = root.get("InfoType")
	}
	typ, known := eventType(ev, change)
	if kind := root.get("MsgType"); !known {
		typ = "wecom.unknown"
		if kind != "" && kind != "event" {
			typ = "wecom.message" // from staff to the app, not a customer's chat
		}
	}
	e := &event.Event{EventID: s.eventID(corp, root, xml), Type: typ, Source: s.ID, ReceivedAt: received, Properties: properties(root)}
	e.Time, e.OriginalTime = times(root, received)
	if typ == "wecom.message" {
		e.Text = root.get("Content")
		delete(e.Properties, "content")
	}
	return s.address(e, root, corp), nil
}

// eventID is the message's own where it has one, else made of the plain XML:
// never of the encrypted text, whose random part differs between retries.
func (s Source) eventID(corp string, root *node, xml []byte) string {
	if id := root.get("MsgId"); id != "" && len(id) <= 64 {
		return id
	}
	h := sha256.New()
	_, _ = h.Write([]byte(corp))
	_, _ = h.Write(xml)
	return hex.EncodeToString(h.Sum(nil))
}

func times(root *node, received event.Time) (at, original event.Time) {
	text := root.get("CreateTime")
	if text == "" {
		text = root.get("TimeStamp")
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds <= 0 || seconds > 253402300799 {
		return received, 0
	}
	at, original, why := envelope.Stamps{Client: event.Time(seconds * 1000), Received: received}.Settle()
	if why != nil { // a senseless stamp is no reason to lose a signed event
		return received, 0
	}
	return at, original
}

// properties are all elements but those that address the callback itself. The
// welcome code opens a conversation for 20 seconds and is not kept.
func properties(root *node) event.Fields {
	p, _ := root.value().(map[string]any)
	for _, name := range []string{"to_user_name", "from_user_name", "create_time", "time_stamp", "msg_type", "suite_id", "welcome_code"} {
		delete(p, name)
	}
	return p
}

// address names the customer, the member of staff and the object.
func (s Source) address(e *event.Event, root *node, corp string) []*event.Event {
	e.StaffID = root.get("UserID")
	customer := root.get("ExternalUserID")
	if e.Type == "wecom.message" {
		e.StaffID, e.From = root.get("FromUserName"), "staff"
	}
	switch e.Type {
	case "contact.delete_by_customer", "contact.add_half", "chat.start", "chat.message", "link.open":
		e.From = "customer"
	case "contact.delete_by_staff":
		e.From = "staff"
	case "contact.consent":
		e.Properties["agreed"] = true
	}
	switch {
	case strings.HasPrefix(e.Type, "contact."):
		e.Object = &event.Object{Type: "staff", ID: e.StaffID}
	case root.get("ChatId") != "":
		e.Object = &event.Object{Type: "group", ID: root.get("ChatId")}
	case root.get("LinkId") != "":
		e.Object = &event.Object{Type: "acquisition_link", ID: root.get("LinkId")}
	}
	switch {
	case customer != "":
		if id, ok, why := envelope.Identity(Namespace(corp), customer); ok && why == nil {
			e.Identities = []event.Identity{id}
			return []*event.Event{e}
		}
	case e.Type == "group.update":
		return s.members(e, root, corp)
	}
	e.Identities = []event.Identity{nobody(e, corp)}
	return []*event.Event{e}
}

func nobody(e *event.Event, corp string) event.Identity {
	if e.Object != nil && e.Object.Type == "group" && len(e.Object.ID) <= 64 {
		return Nobody(corp, "group/"+e.Object.ID)
	}
	return Nobody(corp, "corp")
}

// members makes one event per customer who joined or left. Everything else
// about a group, and changes that name no customer, is one group.update.
func (s Source) members(e *event.Event, root *node, corp string) []*event.Event {
	external := s.External
	if external == nil {
		external = External
	}
	typ := map[string]string{"add_member": "group.join", "del_member": "group.leave"}[root.get("UpdateDetail")]
	var out []*event.Event
	seen := map[string]bool{}
	for _, member := range root.list("MemChangeList") {
		if typ == "" || !external(member) || seen[member] {
			continue
		}
		id, ok, why := envelope.Identity(Namespace(corp), member)
		if !ok || why != nil {
			continue
		}
		seen[member] = true
		one := *e
		one.EventID = event.DeriveID(e.EventID, member)
		one.Type, one.From = typ, "customer"
		one.Identities = []event.Identity{id}
		one.Properties = event.Fields{}
		for k, v := range e.Properties {
			if k != "mem_change_list" { // others' ids do not belong to this customer
				one.Properties[k] = v
			}
		}
		out = append(out, &one)
	}
	if len(out) == 0 {
		e.Identities = []event.Identity{nobody(e, corp)}
		return []*event.Event{e}
	}
	return out
}
