package tagging

import (
	"slices"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/apply"
)

// An unmerge is an event of the customer whom identities leave. At its place in
// the log the customer begins anew, and the pasts of both come as hand-overs of
// their own: whoever holds the activation lease folds them from history. What
// comes in between is added to, as in a merge, so nothing counts twice.

// unmerge does what an unmerge, or the beginning of the profile that it made,
// means beside being an event.
func (o *owner) unmerge(bt *batch, h *held, r *event.Record) {
	e := r.Event
	if e.Type == event.TypeSplit {
		h.p.NoteConflict(profile.Apart(e.Properties.String("from"), e.Time))
		return
	}
	u := e.Unmerge()
	if u == nil {
		return
	}
	hash := profile.IDHash(e.Source, e.EventID)
	if slices.ContainsFunc(h.p.Seen, func(s profile.SeenID) bool { return s.Hash == hash }) {
		return
	}
	anew, res := apply.Unmerge(o.set, h.p, e, u)
	o.took(bt, h, res)
	h.p, h.tags, h.traits = anew, true, true
}
