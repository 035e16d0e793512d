package profile

import (
	"slices"

	"github.com/tagwire/tagwire/libs/event"
)

// AwaitsSplit is what a profile awaits that has heard of its beginning only by an
// interaction that was passed on to it.
const AwaitsSplit = "split"

// MaxHeld bounds what a profile holds while it waits for its past, in bytes.
const MaxHeld = 256 << 10

// Held is an interaction that waits until its customer has its past.
type Held struct {
	_      struct{} `cbor:",toarray"`
	Offset int64    // of its record in the shard's log
	Record []byte
}

// Wish is what a customer wants of profiling.
type Wish struct {
	Refused    bool `cbor:"1,keyasint,omitempty"`
	Suppressed bool `cbor:"2,keyasint,omitempty"`
}

// Former is what a customer was before identities left it. Tags and stage are kept
// until the past is there: what it then holds still is not told anew.
type Former struct {
	Wish  Wish            `cbor:"1,keyasint,omitzero"`
	Tags  map[string]*Tag `cbor:"2,keyasint,omitempty"`
	Stage string          `cbor:"3,keyasint,omitempty"`
}

// Leave notes that an identity has become another profile.
func (p *Profile) Leave(id, into string) {
	if p.Split == nil {
		p.Split = map[string]string{}
	}
	p.Split[id] = into
}

// Began is what is left of a customer at the moment when identities leave it:
// who it is and what guards it, without its past, for which it waits. A past that
// was on its way from an unmerge before is part of the one that comes.
func (p *Profile) Began(u *event.Unmerge, at event.Time) *Profile {
	n := &Profile{
		ID: p.ID, Identities: u.Keep(p.Identities, false), Clock: p.Clock, Rules: p.Rules,
		Alerted: p.Alerted, Seen: p.Seen, Absorbed: p.Absorbed, Merging: p.Merging, Waiting: p.Waiting, Merges: slices.Clone(p.Merges), Parts: p.Parts,
		Promised: p.Promised, Import: p.Import, Internal: p.Internal, Split: p.Split, Awaits: u.MergeID(p.ID),
		Was: Former{Wish: Wish{Refused: p.Refused, Suppressed: p.Suppressed}, Tags: p.Tags, Stage: p.Stage},
	}
	if p.Awaits != "" {
		n.Merges = append(n.Merges, p.Awaits)
		n.Was = p.Was
		n.Was.Wish = Wish{Refused: p.Refused || p.Was.Wish.Refused, Suppressed: p.Suppressed || p.Was.Wish.Suppressed}
		delete(n.Parts, p.Awaits)
	}
	n.Conflicts = slices.Clone(p.Conflicts)
	n.NoteConflict(Parted(u.Into, at))
	for _, id := range u.Moved {
		n.Leave(id.String(), u.Into)
	}
	return n
}

// PartedBy says that an unmerge has taken effect on the profile, or made it.
func (p *Profile) PartedBy(u *event.Unmerge) bool { return p.Awaits == u.MergeID(p.ID) || p.HasPast(u) }

// HasPast says that the profile has got its past after an unmerge.
func (p *Profile) HasPast(u *event.Unmerge) bool { return slices.Contains(p.Merges, u.MergeID(p.ID)) }

// Await lets a profile that an unmerge has made wait for its past, unless it has it.
func (p *Profile) Await(mergeID string) {
	if !slices.Contains(p.Merges, mergeID) {
		p.Awaits = mergeID
	}
}

// Blank says that nothing has ever been heard of the profile.
func (p *Profile) Blank() bool {
	return p.FirstSeen == 0 && len(p.Identities) == 0 && len(p.Merges) == 0 && p.Winner == "" && p.Awaits == ""
}

// Hold keeps an interaction until the past is there; false: that would be too much.
func (p *Profile) Hold(h Held) bool {
	n := len(h.Record)
	for _, old := range p.Held {
		n += len(old.Record)
	}
	if n > MaxHeld {
		return false
	}
	p.Held = append(p.Held, h)
	return true
}

// Release ends the waiting for a past and gives what was held; false: it is not the
// past that is awaited.
func (p *Profile) Release(mergeID string) ([]Held, bool) {
	if p.Awaits != "" && p.Awaits != AwaitsSplit && p.Awaits != mergeID {
		return nil, false
	}
	held := p.Held
	p.Awaits, p.Held = "", nil
	return held, true
}

// Unexplained are the wishes of who was parted that no event of its life tells of:
// history is not whole. Whose they were nobody knows then, so they hold for both. The
// life is all that the customer ever was, also with who has left it before.
func (w Wish) Unexplained(life []event.Arrival) Wish {
	for i := range life {
		c, _ := life[i].Event.Consent()
		w.Refused = w.Refused && (c.Refused == nil || !*c.Refused)
		w.Suppressed = w.Suppressed && (c.Suppressed == nil || !*c.Suppressed)
	}
	return w
}

// Heed lets wishes hold beside those that the profile has.
func (p *Profile) Heed(w Wish) {
	p.Refused, p.Suppressed = p.Refused || w.Refused, p.Suppressed || w.Suppressed
}

// Parted is the conflict of two who were parted: no link makes them one again.
func Parted(other string, since event.Time) Conflict {
	return Conflict{Kind: ConflictParted, Since: since, With: []string{other}}
}

// Left is the profile to which the surest of the identities has left, empty when it
// stays, and those of them that are there.
func (p *Profile) Left(ids []event.Identity) (into string, own []event.Identity) {
	if len(p.Split) == 0 {
		return "", ids
	}
	into = p.Split[event.Surest(ids).String()]
	for _, id := range ids {
		if p.Split[id.String()] == into { // empty: it is here
			own = append(own, id)
		}
	}
	return into, own
}
