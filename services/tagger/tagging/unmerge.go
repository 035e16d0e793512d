package tagging

import (
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/apply"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

// An unmerge is an event of the customer whom identities leave. At its place in
// the log the customer begins anew, and so does the one that they become; the
// pasts of both come as hand-overs of their own: whoever holds the activation lease
// folds them from history. Until then nobody knows what the two have done, nor
// whether one of them has refused to be profiled. So nothing is judged: what comes is
// held and applied behind the past, each at its place in time, as if it had been there.

// unmerge does what an unmerge, or the beginning of the profile that it made,
// means beside being an event.
func (o *owner) unmerge(bt *batch, h *held, r *event.Record) {
	e := r.Event
	if s := e.Split(); s != nil {
		h.p.NoteConflict(profile.Parted(s.From, e.Time))
		if s.Unmerge.Into == h.p.ID { // else it has merged meanwhile, with its past
			h.p.Await(s.Unmerge.MergeID(h.p.ID))
		}
		return
	}
	if r.Parted && h.p.Blank() { // the beginning is behind it in the log
		h.p.Await(profile.AwaitsSplit)
		return
	}
	if r.Parted { // the resolver knows of no move: Redis has come back with an older state
		for _, from := range h.p.Apart() {
			bt.repoint = append(bt.repoint, repoint{r.Own, from, h.p.ID})
		}
	}
	u := e.Unmerge()
	if u == nil || h.p.PartedBy(u) {
		return
	}
	h.p = h.p.Began(u, e.Time)
	h.tags, h.traits, h.settled = true, true, false
	bt.touch(h.p.ID)
}

// keep holds an interaction until the past is there. Whose it is can be told.
func (o *owner) keep(bt *batch, h *held, r *event.Record) error {
	b, err := r.Encode()
	if err != nil {
		return err
	}
	p, offset := h.p, bt.last[r.Profile]
	if !p.Hold(profile.Held{Offset: offset, Record: b}) {
		return errPoison{offset, schemas.ReasonStateTooLarge, "the profile was parted, waits for its past, and can hold no more until then"}
	}
	for _, id := range r.Own {
		p.AddIdentity(id)
	}
	p.Internal = p.Internal || r.Internal
	if p.FirstSeen == 0 {
		p.FirstSeen = r.Event.Time
	}
	p.LastSeen = max(p.LastSeen, r.Event.Time)
	h.settled = false
	bt.touch(p.ID)
	return nil
}

// past gives a customer its own past back, and then what it did meanwhile. A past
// that was folded by other rules than are in force is waited for anew.
func (o *owner) past(bt *batch, h *held, past *profile.Profile, mergeID string) error {
	p := h.p
	if past.Rules != o.set.Version {
		return nil
	}
	meanwhile, ok := p.Release(mergeID)
	if !ok {
		return nil
	}
	h.tags, h.traits = true, true
	apply.Advance(o.set, past, max(p.Clock, past.Clock), 0, 0)
	o.took(bt, h, apply.Return(o.set, p, past, mergeID))
	if len(p.Promised) == 0 {
		if err := o.resume(bt, p); err != nil {
			return err
		}
	}
	for _, m := range meanwhile {
		if err := o.meanwhile(bt, p.ID, m); err != nil {
			return err
		}
	}
	return nil
}

// meanwhile applies an interaction that was held, as [owner.one] does.
func (o *owner) meanwhile(bt *batch, id string, m profile.Held) (err error) {
	if why, bad := o.poison[m.Offset]; bad {
		return o.reject(bt, stream.Record{Offset: m.Offset, Value: m.Record}, why)
	}
	r, err := event.DecodeRecord(m.Record)
	if err != nil {
		return errPoison{m.Offset, schemas.ReasonMalformed, err.Error()}
	}
	defer caught(m.Offset, &err)
	bt.last[id] = m.Offset
	return o.event(bt, r)
}
