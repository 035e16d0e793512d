package ingest

import (
	"slices"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
)

// enrich adds what definitions know: the store and the tags of a channel, the
// tags of a store, what a form's answers mean. An event that no person caused
// earns no tags.
func (c *Collector) enrich(e *event.Event) {
	if e.Type == "link.prefetch" || e.Type == "link.read" || e.Type == "link.expired" {
		return
	}
	if ch, ok := definition[defs.Channel](c, defs.KindChannel, e.Channel); ok {
		if e.StoreID == "" {
			e.StoreID = ch.StoreID
		}
		addTags(e, ch.Tags)
		if ch.Campaign != "" {
			if e.Properties == nil {
				e.Properties = event.Fields{}
			}
			if _, have := e.Properties["campaign"]; !have {
				e.Properties["campaign"] = ch.Campaign
			}
		}
		if st, ok := definition[defs.Shop](c, defs.KindStore, ch.StoreID); ok {
			addTags(e, st.Tags)
		}
	}
	if e.Type == "form.submit" {
		c.enrichForm(e)
	}
}

// definition reads one; false when there is none or it is of a newer shape.
func definition[T any](c *Collector, kind, id string) (T, bool) {
	var none T
	if id == "" {
		return none, false
	}
	d, ok := c.opt.Defs.Get(kind, id)
	if !ok || d.Deleted {
		return none, false
	}
	v, err := defs.Body[T](d)
	return v, err == nil
}

func addTags(e *event.Event, tags []string) {
	for _, t := range tags {
		if !slices.Contains(e.Tags, t) {
			e.Tags = append(slices.Clip(e.Tags), t)
		}
	}
}

// enrichForm gives a form's tags and moves answers that are personal to the
// traits, where they are sealed.
func (c *Collector) enrichForm(e *event.Event) {
	if e.Object != nil && e.Object.Type == "form" {
		if f, ok := definition[defs.Form](c, defs.KindForm, e.Object.ID); ok {
			if e.Object.Title == "" {
				e.Object.Title = f.Name
			}
			addTags(e, f.Tags)
			if f.Activity != "" && e.Properties != nil {
				e.Properties["activity"] = f.Activity
			}
			for _, field := range f.Fields {
				answer(e, field)
			}
		}
	}
	for _, name := range schemas.PersonalTraits() {
		if v, ok := e.Properties[name]; ok {
			setTrait(e, name, v)
			delete(e.Properties, name)
		}
	}
}

// answer applies what the form's definition says of one question.
func answer(e *event.Event, field defs.FormField) {
	v, ok := e.Properties[field.Name]
	if !ok || v == nil || v == "" {
		return
	}
	if field.Type == "phone" || field.Type == "email" {
		// An answer that is no phone number or address is kept as a trait only.
		_ = envelope.AddIdentity(e, field.Type, envelope.ScalarText(v))
		if field.Trait == "" {
			field.Trait = field.Type
		}
	}
	if field.Trait == "" {
		return
	}
	setTrait(e, field.Trait, v)
	if schemas.PersonalTrait(field.Trait) {
		delete(e.Properties, field.Name)
	}
}

func setTrait(e *event.Event, name string, v any) {
	if e.Traits == nil {
		e.Traits = event.Fields{}
	}
	if _, have := e.Traits[name]; !have {
		e.Traits[name] = v
	}
}
