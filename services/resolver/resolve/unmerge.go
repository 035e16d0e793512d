package resolve

import (
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

// split begins the new profile.
func (out *outgoing) split(of *event.Record, en entry, offset int64) error {
	e := *of.Event
	e.EventID, e.Type = event.DeriveID(event.TypeSplit, e.EventID), event.TypeSplit
	e.Identities, e.Traits, e.Text = en.Moved, nil, ""
	e.Properties = event.Fields{"from": en.Profile, "by": of.Event.Properties["by"]}
	r := *of
	r.Number, r.Profile, r.Own, r.Event, r.Internal = offset*perOffset+numberSplit, en.Into, en.Moved, &e, false
	internal := out.o.internal()
	for _, id := range en.Moved {
		r.Internal = r.Internal || internal[id.String()]
	}
	return out.send(&r, event.Shard(en.Into, out.o.r.Shards))
}
