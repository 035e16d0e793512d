package event

import "slices"

// TypeUnmerge is the event by which a person takes identities out of a customer,
// and TypeSplit the first event of the customer that they become.
const (
	TypeUnmerge = "profile.unmerge"
	TypeSplit   = "profile.split"
)

// Unmerge is what an event of TypeUnmerge does once the resolver has decided it.
type Unmerge struct {
	EventID string
	Into    string     // the new profile
	Moved   []Identity // what becomes its own
}

// SourceConsole is the source of what people do to customers in the console;
// nobody else parts them.
const SourceConsole = "console"

// MergeID names the hand-over by which a profile gets its own past back.
func (u *Unmerge) MergeID(profile string) string { return DeriveID(TypeUnmerge, u.EventID, profile) }

// Moves says that an identity is moved.
func (u *Unmerge) Moves(id Identity) bool { return slices.Contains(u.Moved, id) }

// Surest is the first of the identities that none names one customer more surely
// than; the zero one of none.
func Surest(ids []Identity) (best Identity) {
	for i, id := range ids {
		if i == 0 || id.Stronger(best) {
			best = id
		}
	}
	return best
}

// Keep are those of the identities that are moved, or those that stay.
func (u *Unmerge) Keep(ids []Identity, moved bool) []Identity {
	var out []Identity
	for _, id := range ids {
		if u.Moves(id) == moved {
			out = append(out, id)
		}
	}
	return out
}

// Unmerge reads the decision; nil when the event is none, or nothing was to be
// moved.
func (e *Event) Unmerge() *Unmerge {
	if e.Type != TypeUnmerge || e.Source != SourceConsole {
		return nil
	}
	u := &Unmerge{EventID: e.EventID, Into: e.Properties.String("profile"), Moved: e.NamedIdentities()}
	if u.Into == "" || len(u.Moved) == 0 {
		return nil
	}
	return u
}

// Split is what an event of TypeSplit says: whom the profile has left that begins with
// it, and by which unmerge.
type Split struct {
	From    string
	Unmerge Unmerge
}

// Split reads it; nil when the event begins no profile.
func (e *Event) Split() *Split {
	if e.Type != TypeSplit || e.Source != SourceConsole {
		return nil
	}
	s := &Split{From: e.Properties.String("from"), Unmerge: Unmerge{EventID: e.Properties.String("unmerge"), Into: e.Properties.String("profile"), Moved: e.Identities}}
	if s.From == "" || s.Unmerge.EventID == "" || s.Unmerge.Into == "" {
		return nil
	}
	return s
}

// NamedIdentities are those that an unmerge names, valid ones only.
func (e *Event) NamedIdentities() []Identity {
	list, _ := e.Properties["identities"].([]any)
	var out []Identity
	for _, v := range list {
		s, _ := v.(string)
		if id, err := ParseIdentity(s); err == nil && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}
