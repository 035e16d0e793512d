package resolve

import (
	"context"
	"time"

	"github.com/tagwire/tagwire/libs/event"
)

func unmerges(e *event.Event) bool {
	return e != nil && e.Type == event.TypeUnmerge && e.Source == event.SourceConsole
}

// unmerge decides which identities leave the profile that the event addresses:
// those it has at this place of raw. The profile that they become is named by
// this record, so a repetition makes the same.
func (r *router) unmerge(en *entry, e *event.Event, offset int64) {
	fresh := event.ProfileID(e.ReceivedAt, r.partition, offset, 0)
	for _, id := range e.NamedIdentities() {
		switch r.known[id] {
		case en.Profile, fresh: // the latter when a lost plan had moved it
			r.known[id] = fresh
			en.Moved = append(en.Moved, id)
		}
	}
	if len(en.Moved) > 0 {
		en.Into = fresh
	}
}

// move lets what is met from now on under identities that have left go to their new
// profile. Its beginning stands in the log by then, so nothing of it comes before.
func (o *owner) move(ctx context.Context, p plan) error {
	for _, en := range p.Entries {
		if en.Into == "" {
			continue
		}
		if err := o.r.identities.Move(ctx, en.Moved, en.Into); err != nil {
			return err
		}
	}
	return nil
}

// decided writes into the event what was decided, for shards and history.
func decided(e *event.Event, en entry) {
	delete(e.Properties, "profile")
	if en.Into == "" {
		return
	}
	ids := make([]any, len(en.Moved))
	for i, id := range en.Moved {
		ids[i] = id.String()
	}
	e.Properties["profile"], e.Properties["identities"] = en.Into, ids
}

// parted is what a record in the log says of an identity: it has left a profile.
type parted struct {
	from, into string
	at         time.Time
}

// split notes whom identities have left, and when.
func (f *found) split(r *event.Record, at time.Time) {
	if r.Event == nil {
		return
	}
	s := r.Event.Split()
	if s == nil {
		return
	}
	for _, id := range r.Own {
		if old, known := f.parted[id]; !known || at.After(old.at) {
			f.parted[id] = parted{s.From, s.Unmerge.Into, at}
		}
	}
}

// partAgain moves identities of which the log says that they have left a profile
// and an older Redis says that they have not. Who has them is then not claimed: the
// two are not one.
func (o *owner) partAgain(ctx context.Context) error {
	f := o.found
	for id, p := range f.parted {
		to := f.links[id]
		if to == p.from { // a straggler that was sent there meanwhile
			to = p.into
		}
		if err := o.r.identities.Move(ctx, []event.Identity{id}, to); err != nil {
			return err
		}
		delete(f.links, id)
	}
	return nil
}

// split begins the new profile.
func (out *outgoing) split(of *event.Record, en entry, offset int64) error {
	e := *of.Event
	e.EventID, e.Type = event.DeriveID(event.TypeSplit, e.EventID), event.TypeSplit
	e.Identities, e.Traits, e.Text = en.Moved, nil, ""
	e.Properties = event.Fields{"from": en.Profile, "profile": en.Into, "unmerge": of.Event.EventID, "by": of.Event.Properties["by"]}
	r := *of
	r.Number, r.Profile, r.Own, r.Event, r.Internal = offset*perOffset+numberSplit, en.Into, en.Moved, &e, false
	internal := out.o.internal()
	for _, id := range en.Moved {
		r.Internal = r.Internal || internal[id.String()]
	}
	return out.send(&r, event.Shard(en.Into, out.o.r.Shards))
}
