package demo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
)

var errDeed = errors.New("there is no way to send this deed")

// send sends one act by the protocol that a real shop has for it.
func (w *wire) send(ctx context.Context, a *act) error {
	c := w.world.customers[a.Customer]
	switch a.Do {
	case doAdd, doLeave, doJoin, doQuit:
		return w.callback(ctx, a, w.xml(a, c))
	case doEnter:
		return w.archived(ctx, enterLine(a, c))
	case doSay, doReply, doCall:
		return w.archived(ctx, chatLine(a, c))
	case doOpen:
		return w.visit(ctx, a, c.identity())
	case doFill:
		return w.webhook(ctx, formBody(a, c, w.world.formOf[a.Thing]))
	case doCard:
		return w.segment(ctx, srcCRM, "identify", stamped(a, card(c)))
	case doLogin:
		return w.segment(ctx, srcMall, "identify", stamped(a, login(c)))
	case doView, doVisit:
		body := stamped(a, w.viewed(a, c))
		body["name"] = "商品页"
		return w.segment(ctx, srcMall, "page", body)
	case doCart, doPay, doRefund, doCheckin:
		return w.segment(ctx, srcMall, "track", stamped(a, w.tracked(a, c)))
	}
	return fmt.Errorf("%s: %w", a.Do, errDeed)
}

// stamped adds to a call what all calls have.
func stamped(a *act, body map[string]any) map[string]any {
	body["messageId"], body["timestamp"] = a.ID, a.At.String()
	return body
}

// xml is the plain text of a callback.
func (w *wire) xml(a *act, c *customer) string {
	var b strings.Builder
	put := func(name, value string) { fmt.Fprintf(&b, "<%s><![CDATA[%s]]></%s>", name, value, name) }
	b.WriteString("<xml>")
	put("ToUserName", corp)
	put("FromUserName", "sys")
	fmt.Fprintf(&b, "<CreateTime>%d</CreateTime>", a.At/1000)
	put("MsgType", "event")
	switch a.Do {
	case doAdd:
		put("Event", "change_external_contact")
		put("ChangeType", "add_external_contact")
		put("UserID", a.Staff)
		put("ExternalUserID", c.ExternalID)
		put("State", a.Thing)
		put("WelcomeCode", "WELCOME"+a.ID)
	case doLeave:
		put("Event", "change_external_contact")
		put("ChangeType", "del_follow_user")
		put("UserID", a.Staff)
		put("ExternalUserID", c.ExternalID)
	default:
		detail, scene := "add_member", "<JoinScene>3</JoinScene><QuitScene>0</QuitScene>"
		if a.Do == doQuit {
			detail, scene = "del_member", "<JoinScene>0</JoinScene><QuitScene>0</QuitScene>"
		}
		put("Event", "change_external_chat")
		put("ChatId", c.GroupID)
		put("ChangeType", "update")
		put("UpdateDetail", detail)
		b.WriteString(scene + "<MemChangeCnt>1</MemChangeCnt><MemChangeList>")
		put("Item", c.ExternalID)
		b.WriteString("</MemChangeList>")
	}
	b.WriteString("</xml>")
	return b.String()
}

// enterLine is an event of the customer service, as kf/sync_msg gives it.
func enterLine(a *act, c *customer) any {
	return map[string]any{
		"msgid": a.ID, "open_kfid": "wkDEMO", "send_time": int64(a.At) / 1000, "origin": 4, "msgtype": "event",
		"event": map[string]any{"event_type": "enter_session", "open_kfid": "wkDEMO", "external_userid": c.ExternalID, "scene": "demo"},
	}
}

func chatLine(a *act, c *customer) any {
	from, to := c.ExternalID, a.Staff
	if a.Do == doReply {
		from, to = to, from
	}
	line := map[string]any{
		"msgid": a.ID + "_external", "action": "send", "from": from, "tolist": []string{to}, "roomid": "", "msgtime": int64(a.At),
		"msgtype": "text", "text": map[string]any{"content": a.Text},
	}
	if a.Do == doCall {
		delete(line, "text")
		line["msgtype"], line["info"] = "voiptext", map[string]any{"callduration": 95, "invitetype": 2}
	}
	return line
}

func formBody(a *act, c *customer, f defs.Form) any {
	entry := map[string]any{"id": a.ID, "submitted_at": a.At.String()}
	maps.Copy(entry, answers(a, c, f))
	return map[string]any{"form": a.Thing, "entry": entry, "hidden": map[string]any{"customer": c.ExternalID, "staff": a.Staff}}
}

// answers fill in what a form asks.
func answers(a *act, c *customer, f defs.Form) map[string]any {
	all := map[string]any{"name": c.Name, "mobile": c.Phone, "city": c.City, "sport": c.Sport}
	out := map[string]any{}
	for _, field := range f.Fields {
		if v, ok := all[field.Name]; ok {
			out[field.Name] = v
		} else if len(field.Options) > 0 {
			out[field.Name] = field.Options[(a.Customer+int(a.At/1000))%len(field.Options)]
		}
	}
	return out
}

func card(c *customer) map[string]any {
	return map[string]any{
		"identities": []string{c.identity()},
		"traits":     map[string]any{"name": c.Name, "gender": c.Gender, "city": c.City, "level": c.Level},
	}
}

// login is the moment at which the mall's browser, its account and the WeCom
// customer turn out to be one.
func login(c *customer) map[string]any {
	return map[string]any{
		"userId": c.UserID, "anonymousId": c.AnonymousID, "identities": []string{c.identity()},
		"traits": map[string]any{"membership": "mall"},
	}
}

func (w *wire) product(sku string) product {
	for _, p := range w.world.products {
		if p.SKU == sku {
			return p
		}
	}
	return product{SKU: sku}
}

func (w *wire) viewed(a *act, c *customer) map[string]any {
	p := w.product(a.Thing)
	body := map[string]any{"properties": map[string]any{
		"url": "https://mall.example.com/p/" + p.SKU, "title": p.Title, "product_id": p.SKU, "name": p.Title, "category": p.Category, "brand": p.Brand,
		"from": "customer", "touchpoint": "web",
	}}
	switch {
	case a.Do == doVisit:
		body["anonymousId"] = a.Text
	case a.Known:
		body["userId"], body["anonymousId"] = c.UserID, c.AnonymousID
	default:
		body["anonymousId"] = c.AnonymousID
	}
	return body
}

func yuan(cents int) string {
	return strconv.Itoa(cents/100) + "." + fmt.Sprintf("%02d", cents%100)
}

func (w *wire) tracked(a *act, c *customer) map[string]any {
	p := w.product(a.Thing)
	props := map[string]any{"from": "customer", "staff_id": a.Staff, "store_id": c.Store}
	body := map[string]any{"identities": []string{c.identity()}, "properties": props}
	if a.Do == doCheckin {
		props["activity"], props["streak"] = "江边夜跑", 1
		body["event"] = "activity.checkin"
		return body
	}
	props["object_type"], props["object_id"], props["object_title"] = "product", p.SKU, p.Title
	props["object_category"], props["object_brand"], props["object_price"] = p.Category, p.Brand, yuan(p.Price)
	switch a.Do {
	case doCart:
		body["event"] = "Product Added"
		return body
	case doPay:
		body["event"] = "Order Completed"
	default:
		body["event"] = "Order Refunded"
	}
	body["userId"] = c.UserID
	props["order_id"], props["total"], props["currency"], props["touchpoint"] = "o-"+a.ID, yuan(a.Cents), "CNY", "mall"
	return body
}

// imported is an act of the past as a call within /v1/import: there WeCom, the
// archive and the links cannot be asked any more.
func (w *wire) imported(a *act) map[string]any {
	c := w.world.customers[a.Customer]
	body := map[string]any{"identities": []string{c.identity()}}
	props := map[string]any{"from": "customer", "staff_id": a.Staff}
	typ := ""
	switch a.Do {
	case doAdd:
		typ, props["channel"] = "contact.add", a.Thing
	case doJoin:
		typ, props["object_type"], props["object_id"] = "group.join", "group", c.GroupID
	case doEnter:
		typ, props["touchpoint"] = "chat.start", "kf"
	case doSay, doReply:
		typ, props["touchpoint"], props["text"] = "chat.message", "chat", a.Text
		if a.Do == doReply {
			props["from"] = "staff"
		}
	case doCall:
		typ = "call.start"
	case doOpen:
		l := w.world.linkOf[a.Thing]
		typ, props["object_type"], props["object_id"], props["object_title"], props["touchpoint"] = "link.open", l.Type, a.Thing, l.Title, "link"
		if l.Type == defs.LinkFile {
			typ = "file.open"
		}
	case doFill:
		f := w.world.formOf[a.Thing]
		typ = "form.submit"
		maps.Copy(props, answers(a, c, f))
		props["object_type"], props["object_id"], props["object_title"] = "form", a.Thing, f.Name
	case doCard, doLogin:
		body = card(c)
		if a.Do == doLogin {
			body = login(c)
		}
		body["type"] = "identify"
		return stamped(a, body)
	case doView:
		body = w.viewed(a, c)
		body["type"], body["name"] = "page", "商品页"
		return stamped(a, body)
	default:
		body = w.tracked(a, c)
		body["type"] = "track"
		return stamped(a, body)
	}
	body["type"], body["event"], body["properties"] = "track", typ, props
	return stamped(a, body)
}

// seconds cuts a time to what WeCom's callbacks can say.
func seconds(t event.Time) event.Time { return t / 1000 * 1000 }
