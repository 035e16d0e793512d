package profile

import (
	"slices"

	"github.com/tagwire/tagwire/libs/event"
)

// Limits of what is kept of conflicts.
const (
	maxConflict = 16 // of each kind, the newest; those of people's decisions all
	maxWith     = 16 // other profiles of a shared value
)

// ConflictKind says why an identity joins nobody.
type ConflictKind string

// The kinds of conflicts.
const (
	ConflictUnique ConflictKind = "unique" // both have a value, and not the same, of a namespace of which a customer has one
	ConflictParted ConflictKind = "parted" // a person has decided that they are two
	ConflictShared ConflictKind = "shared" // a phone or device was seen with more people than its limit
)

// Conflict is a link that was asked for and is not made.
type Conflict struct {
	Kind     ConflictKind   `cbor:"1,keyasint"`
	Identity event.Identity `cbor:"2,keyasint,omitzero"` // shared: the value
	Since    event.Time     `cbor:"3,keyasint,omitempty"`
	With     []string       `cbor:"4,keyasint,omitempty"` // unique, parted: the one other profile; shared: those it was seen with, sorted
}

// Refuses says that the profile must not merge with another, as was found before.
func (p *Profile) Refuses(other string) bool {
	return slices.ContainsFunc(p.Conflicts, func(c Conflict) bool { return c.keepsApart() && slices.Contains(c.With, other) })
}

// Apart are those with whom the profile must not merge.
func (p *Profile) Apart() []string {
	var out []string
	for _, c := range p.Conflicts {
		if c.keepsApart() {
			out = append(out, c.With...)
		}
	}
	return out
}

// Is says that a profile has become part of this one, or is it.
func (p *Profile) Is(id string) bool { return id == p.ID || slices.Contains(p.Absorbed, id) }

// NoteConflict remembers a conflict; of one that is known the earliest time stands
// and the other profiles are united. It reports a new one.
func (p *Profile) NoteConflict(c Conflict) bool {
	if i := slices.IndexFunc(p.Conflicts, c.same); i >= 0 {
		old := &p.Conflicts[i]
		old.Since = min(old.Since, c.Since)
		for _, other := range c.With {
			if len(old.With) < maxWith && other != p.ID {
				old.With = AddTo(old.With, other)
			}
		}
		return false
	}
	c.With = slices.DeleteFunc(slices.Clone(c.With), func(other string) bool { return other == p.ID })
	p.Conflicts = append(p.Conflicts, c)
	first, of := -1, 0
	for i, old := range p.Conflicts {
		if old.Kind == c.Kind {
			if of++; first < 0 {
				first = i
			}
		}
	}
	if of > maxConflict && c.Kind != ConflictParted {
		p.Conflicts = slices.Delete(p.Conflicts, first, first+1)
	}
	return true
}

// keepsApart: who shares a phone or device may be one for another reason.
func (c Conflict) keepsApart() bool { return c.Kind == ConflictUnique || c.Kind == ConflictParted }

// same says that o is about the same profile or value.
func (c Conflict) same(o Conflict) bool {
	if c.Kind != o.Kind || c.Identity != o.Identity {
		return false
	}
	return c.Kind == ConflictShared || slices.Equal(c.With, o.With)
}
