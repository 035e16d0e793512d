package profile

import (
	"slices"

	"github.com/tagwire/tagwire/libs/event"
)

// Leave notes that an identity has become another profile.
func (p *Profile) Leave(id, into string) {
	if p.Split == nil {
		p.Split = map[string]string{}
	}
	p.Split[id] = into
}

// Began is what is left of a customer at the moment when identities leave it:
// who it is and what guards it, without its past, which comes back by a
// hand-over.
func (p *Profile) Began(u *event.Unmerge) *Profile {
	n := &Profile{
		ID: p.ID, Identities: u.Keep(p.Identities, false), Clock: p.Clock, Rules: p.Rules,
		Alerted: p.Alerted, Seen: p.Seen, Absorbed: p.Absorbed, Merging: p.Merging, Waiting: p.Waiting, Merges: p.Merges, Parts: p.Parts,
		Promised: p.Promised, Import: p.Import, Internal: p.Internal, Split: p.Split,
	}
	n.Conflicts = slices.Clone(p.Conflicts)
	n.NoteConflict(Apart(u.Into, p.Clock))
	for _, id := range u.Moved {
		n.Leave(id.String(), u.Into)
	}
	return n
}

// Apart is the conflict of two who were parted: no link makes them one again.
func Apart(other string, since event.Time) Conflict {
	return Conflict{Kind: ConflictUnique, Since: since, With: []string{other}}
}

// Left is the profile that one of the identities has become; empty: none.
func (p *Profile) Left(ids []event.Identity) string {
	for _, id := range ids {
		if into := p.Split[id.String()]; into != "" {
			return into
		}
	}
	return ""
}
