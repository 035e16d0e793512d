package event

import (
	"maps"
	"slices"
)

// TypeConsent is the event by which a person refuses or allows profiling
// (properties.profiling: refused, granted) or is suppressed
// (properties.suppressed: true, false).
const TypeConsent = "consent.set"

// Consent is what an event decides about profiling; nil: nothing.
type Consent struct{ Refused, Suppressed *bool }

// Consent reads the decision; false when the event is none.
func (e *Event) Consent() (Consent, bool) {
	if e.Type != TypeConsent {
		return Consent{}, false
	}
	var c Consent
	switch e.Properties.String(propProfiling) {
	case "refused":
		c.Refused = new(true)
	case "granted":
		c.Refused = new(false)
	}
	if v, ok := e.Properties.Get(propSuppressed); ok {
		c.Suppressed = new(v == true)
	}
	return c, true
}

const (
	propProfiling  = "profiling"
	propSuppressed = "suppressed"
)

// Copied is an event that counts for a second customer as well, under an id of its
// own.
type Copied struct {
	Of    *Event
	Event *Event
}

// Both are the refusals before an unmerge that hold for the two, though history
// has each in the past of one: by at the index in all of the interactions that
// stand before it. What addresses the customer as a whole, as staff do, may be
// the wish of either, and so may what names both. Who wants to be profiled says so
// again; a grant undoes only what it undid before.
func (u *Unmerge) Both(all []Arrival) map[int]Copied {
	type side struct{ refused, suppressed int } // index of the one in force; −1: none
	in := map[bool]*side{true: {-1, -1}, false: {-1, -1}}
	for i := range all {
		c, ok := all[i].Event.Consent()
		goes := u.Moves(all[i].Own) || u.Moves(all[i].Event.Identities)
		if !ok || !u.wishOf(&all[i], !goes) {
			continue
		}
		to := in[!goes]
		note(&to.refused, c.Refused, i)
		note(&to.suppressed, c.Suppressed, i)
	}
	out := map[int]Copied{}
	for _, to := range in {
		for _, i := range []int{to.refused, to.suppressed} {
			if i >= 0 {
				out[i] = u.copied(all[i].Event, to.refused == i, to.suppressed == i)
			}
		}
	}
	return out
}

func note(at *int, on *bool, i int) {
	switch {
	case on == nil:
	case *on:
		*at = i
	default:
		*at = -1
	}
}

// wishOf says that a decision may be that of the customer who is made of the
// moved identities, or of the one who stays. An identity of which a customer has one
// tells who it was; a phone or device may be anybody's.
func (u *Unmerge) wishOf(a *Arrival, moved bool) bool {
	names := slices.Concat(a.Own, a.Event.Identities)
	if unique := slices.DeleteFunc(slices.Clone(names), func(id Identity) bool { return !id.Unique() }); len(unique) > 0 {
		names = unique
	}
	return len(names) == 0 || len(u.Keep(names, moved)) > 0
}

func (u *Unmerge) copied(of *Event, refused, suppressed bool) Copied {
	e := *of
	e.EventID, e.Identities, e.Text, e.Traits = DeriveID(TypeUnmerge, u.EventID, of.EventID), nil, "", nil
	e.Properties = maps.Clone(of.Properties)
	if !refused {
		delete(e.Properties, propProfiling)
	}
	if !suppressed {
		delete(e.Properties, propSuppressed)
	}
	return Copied{Of: of, Event: &e}
}
