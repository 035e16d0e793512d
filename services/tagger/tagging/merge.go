package tagging

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/apply"
)

// Two profiles become one in three steps between their shards, each a committed
// and numbered record: the younger offers itself, the older accepts or names a
// conflict, the younger hands its state over and leaves a forwarding mark. Offers
// go to the older only and a profile with an open offer or an expected hand-over
// puts others off, so nobody waits in a circle and every interleaving ends in
// one profile.

// partSize is the largest piece of a state in one hand-over record.
const partSize = 256 << 10

func (o *owner) merge(bt *batch, r *event.Record) error {
	if r.Kind == event.KindShared {
		return o.shared(bt, r.Shared)
	}
	if r.Kind == event.KindLink {
		for _, l := range r.Links {
			h := o.profile(bt, l.Younger, 0)
			bt.touch(l.Younger)
			if err := o.link(bt, h, event.Merge{Other: l.Older}); err != nil {
				return err
			}
		}
		return nil
	}
	if r.Merge == nil || r.Profile == "" {
		return nil
	}
	h := o.profile(bt, r.Profile, 0)
	bt.touch(r.Profile)
	switch r.Kind {
	case event.KindOffer:
		return o.offer(bt, h, *r.Merge)
	case event.KindVerdict:
		return o.verdict(bt, h, *r.Merge)
	default:
		return o.handover(bt, h, r)
	}
}

func (o *owner) ask(bt *batch, kind event.Kind, to string, m event.Merge) error {
	return o.sendEvent(bt, event.Record{Kind: kind, Place: o.now(), Profile: to, Merge: &m})
}

// request sends a link to the shard of the younger of the two.
func (o *owner) request(bt *batch, a, b string) error {
	if a == b || a == "" || b == "" {
		return nil
	}
	l := event.LinkOf(a, b)
	return o.sendEvent(bt, event.Record{Kind: event.KindLink, Place: o.now(), Profile: l.Younger, Links: []event.Link{l}})
}

// link is asked of the younger.
func (o *owner) link(bt *batch, h *held, m event.Merge) error {
	p := h.p
	switch {
	case p.Winner != "":
		return o.request(bt, p.Winner, m.Other)
	case m.Other == p.ID, p.Refuses(m.Other), slices.Contains(p.Absorbed, m.Other):
		return nil
	case event.Older(p.ID, m.Other): // the other is the younger
		return o.request(bt, p.ID, m.Other)
	case p.Merging != nil && p.Merging.Older == m.Other:
		return nil // asked already
	case p.Merging != nil, p.Awaits != "", len(p.Promised) > 0:
		return o.wait(p, event.KindLink, m)
	}
	p.Merging = &profile.Merging{ID: event.DeriveID("merge", p.ID, m.Other), Older: m.Other}
	return o.ask(bt, event.KindOffer, m.Other, event.Merge{ID: p.Merging.ID, Other: p.ID, Unique: p.Uniques(), Not: p.Apart()})
}

const maxWaiting = 1000

func (o *owner) wait(p *profile.Profile, kind event.Kind, m event.Merge) error {
	if len(p.Waiting) < maxWaiting {
		p.Waiting = append(p.Waiting, profile.Request{Kind: kind, Merge: m})
	}
	return nil
}

// offer is made to the older by m.Other.
func (o *owner) offer(bt *batch, h *held, m event.Merge) error {
	p := h.p
	answer := event.Merge{ID: m.ID, Other: p.ID}
	switch {
	case p.Winner != "":
		answer.Next = p.Winner
	case p.Merging != nil, p.Awaits != "":
		return o.wait(p, event.KindOffer, m)
	case slices.Contains(p.Merges, m.ID), p.Promised[m.ID] != nil:
		answer.Accepted = true // asked before: the same answer
	case o.conflict(p, m):
		answer.Reason = string(profile.ConflictUnique)
		o.noteConflict(bt, p, profile.ConflictUnique, m)
	case p.Refuses(m.Other), slices.ContainsFunc(m.Not, p.Is):
		answer.Reason = string(profile.ConflictParted)
		o.noteConflict(bt, p, profile.ConflictParted, m)
	case len(p.Promised) > 0 && len(m.Not) > 0: // those on their way may be one with whom it was parted from
		return o.wait(p, event.KindOffer, m)
	default:
		answer.Accepted = true
		if p.Promised == nil {
			p.Promised = map[string][]event.Identity{}
		}
		p.Promised[m.ID] = append([]event.Identity{}, m.Unique...)
	}
	return o.ask(bt, event.KindVerdict, m.Other, answer)
}

// conflict: unique namespaces never get a second value, those on their way
// included.
func (o *owner) conflict(p *profile.Profile, m event.Merge) bool {
	mine := p.Uniques()
	for _, ids := range p.Promised {
		mine = append(mine, ids...)
	}
	for _, a := range mine {
		for _, b := range m.Unique {
			if a.Namespace == b.Namespace && a.Value != b.Value {
				return true
			}
		}
	}
	return false
}

// noteConflict remembers that the profile does not become one with m.Other.
func (o *owner) noteConflict(bt *batch, p *profile.Profile, kind profile.ConflictKind, m event.Merge) {
	if p.Refuses(m.Other) || !p.NoteConflict(profile.Conflict{Kind: kind, Since: p.Clock, With: []string{m.Other}}) {
		return
	}
	reason := "unique identities differ"
	if kind == profile.ConflictParted {
		reason = "parted by a person"
	}
	other, mergeID := m.Other, m.ID
	bt.changes = append(bt.changes, event.Change{
		ChangeID: event.DeriveID(p.ID, "conflict:"+other, string(event.OpConflict), mergeID), Op: event.OpConflict, Profile: p.ID,
		Other: other, At: p.Clock, Cause: mergeID, Reason: reason, Known: p.Known(),
	})
}

// verdict answers the younger's offer.
func (o *owner) verdict(bt *batch, h *held, m event.Merge) error {
	p := h.p
	if p.Merging == nil || p.Merging.ID != m.ID {
		return nil // answered before
	}
	if p.Awaits != "" {
		return o.wait(p, event.KindVerdict, m)
	}
	older := p.Merging.Older
	p.Merging = nil
	switch {
	case m.Accepted:
		return o.handOver(bt, h, older, m.ID)
	case m.Next != "":
		if err := o.request(bt, p.ID, m.Next); err != nil {
			return err
		}
	case m.Reason == string(profile.ConflictParted):
		o.noteConflict(bt, p, profile.ConflictParted, event.Merge{ID: m.ID, Other: older})
	default:
		o.noteConflict(bt, p, profile.ConflictUnique, event.Merge{ID: m.ID, Other: older})
	}
	return o.resume(bt, p)
}

// resume takes up what waited.
func (o *owner) resume(bt *batch, p *profile.Profile) error {
	waiting := p.Waiting
	p.Waiting = nil
	for _, w := range waiting {
		var err error
		if w.Kind == event.KindLink {
			err = o.request(bt, p.ID, w.Merge.Other)
		} else {
			err = o.ask(bt, w.Kind, p.ID, w.Merge)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// handOver sends the whole state to the winner and leaves a forwarding mark. The
// counts lose the loser in this commit and gain the winner in the other's: for
// that moment the customer is counted in neither, never in both.
func (o *owner) handOver(bt *batch, h *held, winner, mergeID string) error {
	loser := *h.p
	waiting := loser.Waiting
	loser.Waiting = nil
	state, err := loser.Encode()
	if err != nil {
		return err
	}
	parts := (len(state) + partSize - 1) / partSize
	for i := range parts {
		m := event.Merge{ID: mergeID, Other: loser.ID, Part: i, Parts: parts, State: state[i*partSize : min((i+1)*partSize, len(state))]}
		if err := o.ask(bt, event.KindHandover, winner, m); err != nil {
			return err
		}
	}
	for _, t := range loser.TagStates() {
		bt.changes = append(bt.changes, event.Change{
			ChangeID: event.DeriveID(loser.ID, "tag:"+t.Tag, string(event.OpRemoved), mergeID), Op: event.OpRemoved, Profile: loser.ID,
			Tag: t.Tag, Group: t.Group, Value: t.Value, Rule: t.Rule, RuleVersion: t.RuleVersion, At: loser.Clock, Since: t.Since,
			Reason: apply.ReasonMerge, Cause: mergeID, Other: winner, Known: loser.Known(),
		})
	}
	h.p, h.tags, h.traits, h.settled = loser.Tombstone(winner), true, true, false
	o.cache.put(h)
	loser.Waiting = waiting // they go after the winner, by the forwarding mark
	return o.resume(bt, &loser)
}

// handover takes in a part of the loser's state; the last one merges.
func (o *owner) handover(bt *batch, h *held, r *event.Record) error {
	p, m := h.p, r.Merge
	if p.Winner != "" || slices.Contains(p.Merges, m.ID) || m.Parts < 1 || m.Part >= m.Parts {
		return nil
	}
	if p.Parts == nil {
		p.Parts = map[string][][]byte{}
	}
	parts := p.Parts[m.ID]
	if len(parts) != m.Parts {
		parts = make([][]byte, m.Parts)
	}
	parts[m.Part] = m.State
	p.Parts[m.ID] = parts
	if slices.ContainsFunc(parts, func(b []byte) bool { return b == nil }) {
		return nil
	}
	loser, err := profile.Decode(bytes.Join(parts, nil))
	if err != nil {
		return fmt.Errorf("hand-over %s: %w", m.ID, err)
	}
	delete(p.Parts, m.ID)
	if loser.ID == p.ID { // after an unmerge; until it is there it merges with nobody
		return o.past(bt, h, loser, m.ID)
	}
	delete(p.Promised, m.ID)
	h.tags, h.traits = true, true
	// Both are brought to the same moment before their facts are united.
	to := max(p.Clock, loser.Clock)
	o.took(bt, h, apply.Advance(o.set, p, to, 0, 0))
	o.took(bt, h, apply.Merge(o.set, p, loser, m.ID))
	for _, gone := range append([]string{loser.ID}, loser.Absorbed...) {
		bt.repoint = append(bt.repoint, repoint{loser.Identities, gone, p.ID})
	}
	if len(p.Promised) > 0 || p.Awaits != "" {
		return nil
	}
	return o.resume(bt, p)
}
