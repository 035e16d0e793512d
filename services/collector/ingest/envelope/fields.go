package envelope

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
)

// Money reads an amount exactly: a number or a text of one, never a float.
func Money(v any) (*decimal.Decimal, bool) {
	s, ok := Text(v)
	if !ok || s == "" || len(s) > 64 {
		return nil, false
	}
	d, err := decimal.Parse(s)
	if err != nil {
		return nil, false
	}
	return &d, true
}

// Fill takes the envelope's fields out of an event's properties. What it reads
// stays in the properties as well, except the text, which is personal. Only
// `amount` is judged: any client may use the other names for something else.
func Fill(e *event.Event, p Object) *Refusal {
	take := func(to *string, names ...string) {
		if *to == "" {
			*to = FirstText(p, names...)
		}
	}
	take(&e.StaffID, "staff_id", "agent_id")
	take(&e.Channel, "channel")
	take(&e.StoreID, "store_id")
	take(&e.Touchpoint, "touchpoint")
	take(&e.Currency, "currency")
	e.Currency = strings.ToUpper(e.Currency)
	switch from := FirstText(p, "from"); {
	case e.From == "" && ValidFrom(from):
		e.From = from
	}
	for _, name := range []string{"text", "message_body"} {
		if s, ok := p[name].(string); ok && e.Text == "" {
			e.Text = s
			delete(p, name)
		}
	}
	if why := fillAmount(e, p); why != nil {
		return why
	}
	fillObject(e, p)
	return nil
}

// ValidFrom says who may have acted.
func ValidFrom(s string) bool { return s == "customer" || s == "staff" || s == "system" }

func fillAmount(e *event.Event, p Object) *Refusal {
	if v := p["amount"]; v != nil && e.Amount == nil {
		d, ok := Money(v)
		if !ok {
			return Refuse(schemas.ReasonWrongType, "amount is not a number of at most 19 digits")
		}
		e.Amount = d
	}
	for _, name := range []string{"revenue", "total"} {
		if e.Amount != nil {
			break
		}
		if d, ok := Money(p[name]); ok {
			e.Amount = d
		}
	}
	return nil
}

// fillObject reads object_*, else what the e-commerce specification calls a
// product or an order.
func fillObject(e *event.Event, p Object) {
	o := event.Object{
		Type: FirstText(p, "object_type"), ID: FirstText(p, "object_id"), Title: FirstText(p, "object_title"),
		Category: FirstText(p, "object_category"), Brand: FirstText(p, "object_brand"),
	}
	o.Price, _ = Money(p["object_price"])
	switch {
	case o != event.Object{}:
	case strings.HasPrefix(e.Type, "order."):
		if id := FirstText(p, "order_id"); id != "" {
			o = event.Object{Type: "order", ID: id, Category: FirstText(p, "category"), Brand: FirstText(p, "brand")}
		}
	case FirstText(p, "product_id", "sku") != "":
		o = event.Object{
			Type: "product", ID: FirstText(p, "product_id", "sku"), Title: FirstText(p, "name", "title"),
			Category: FirstText(p, "category"), Brand: FirstText(p, "brand"),
		}
		o.Price, _ = Money(p["price"])
	}
	if e.Object == nil && o != (event.Object{}) {
		e.Object = &o
	}
}

// Member reads an optional object member.
func Member(obj Object, name string) (Object, *Refusal) {
	switch v := obj[name].(type) {
	case nil:
		return Object{}, nil
	case map[string]any:
		return v, nil
	default:
		return nil, Refuse(schemas.ReasonWrongType, "%s is %s, not an object", name, TypeName(v))
	}
}

// TextMember reads an optional text member; numbers count as texts.
func TextMember(obj Object, name string) (string, *Refusal) {
	s, ok := Text(obj[name])
	if !ok {
		return "", Refuse(schemas.ReasonWrongType, "%s is %s, not a text", name, TypeName(obj[name]))
	}
	return s, nil
}

// Truth reads a flag: true, "true", 1.
func Truth(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case string:
		return v == "true" || v == "1"
	case json.Number:
		return v == "1"
	}
	return false
}

// Open is an object as the envelope keeps it: absent when empty.
func Open(obj Object) event.Fields {
	if len(obj) == 0 {
		return nil
	}
	return obj
}

func sortedKeys(m Object) []string { return slices.Sorted(maps.Keys(m)) }
