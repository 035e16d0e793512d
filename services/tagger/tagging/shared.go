package tagging

import (
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
)

// shared notes at each profile that a phone or device, seen with more people than
// its limit, joins nobody any more. What it has joined stays one until a person
// decides otherwise; the profiles are named so that they can be looked at.
func (o *owner) shared(bt *batch, list []event.Shared) error {
	for _, s := range list {
		h := o.profile(bt, s.Profile, 0)
		bt.touch(s.Profile)
		p := h.p
		if p.Winner != "" { // it goes after its profile
			s.Profile = p.Winner
			err := o.sendEvent(bt, event.Record{Kind: event.KindShared, Place: o.now(), Profile: p.Winner, Shared: []event.Shared{s}})
			if err != nil {
				return err
			}
			continue
		}
		if !p.NoteConflict(profile.Conflict{Kind: profile.ConflictShared, Identity: s.Identity, Since: s.Since, With: s.With}) {
			continue
		}
		subject := s.Identity.String()
		bt.changes = append(bt.changes, event.Change{
			ChangeID: event.DeriveID(p.ID, "shared:"+subject, string(event.OpShared), subject), Op: event.OpShared, Profile: p.ID,
			Other: subject, At: s.Since, Cause: subject, Reason: "seen with more people than its limit", Known: p.Known(),
		})
	}
	return nil
}
