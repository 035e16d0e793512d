package event

import "maps"

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

// Both are the refusals before an unmerge that hold for the two: those that address
// the customer as a whole, as staff do, which may be the wish of either. Each is at the
// index that it has in all of the interactions before. Who does want to be profiled
// says so again; what was granted to the whole undoes only what the whole had refused.
func (u *Unmerge) Both(all []Arrival) map[int]Copied {
	refused, suppressed := -1, -1 // index of what is in force
	for i := range all {
		c, ok := all[i].Event.Consent()
		if !ok || len(all[i].Own)+len(all[i].Event.Identities) > 0 {
			continue
		}
		note(&refused, c.Refused, i)
		note(&suppressed, c.Suppressed, i)
	}
	out := map[int]Copied{}
	for _, i := range []int{refused, suppressed} {
		if i >= 0 {
			out[i] = u.copied(all[i].Event, refused == i, suppressed == i)
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

func (u *Unmerge) copied(of *Event, refused, suppressed bool) Copied {
	e := *of
	e.EventID, e.Text, e.Traits = DeriveID(TypeUnmerge, u.EventID, of.EventID), "", nil
	e.Properties = maps.Clone(of.Properties)
	if !refused {
		delete(e.Properties, propProfiling)
	}
	if !suppressed {
		delete(e.Properties, propSuppressed)
	}
	return Copied{Of: of, Event: &e}
}
