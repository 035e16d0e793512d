package resolve

import (
	"cmp"
	"context"
	"slices"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/rawplan"
)

// Limits say with how many people one phone or device may be seen. People are
// distinct unique identities. Past its limit a value is shared: it joins nobody
// any more.
type Limits struct{ Phones, Devices int }

func (l Limits) of(id event.Identity) int {
	if id.Namespace == "phone" {
		return l.Phones
	}
	return l.Devices
}

// shared says that so many people are too many for a value. It is not stored: a
// limit that is changed holds from the next record on.
func (l Limits) shared(id event.Identity, people []event.Identity) bool {
	return id.Limited() && len(people) > l.of(id)
}

// meet notes with whom the phones and devices of an event are seen; of a shared
// one no more is kept. It gives what is new.
func (l Limits) meet(people rawplan.People, ids []event.Identity) []rawplan.Seen {
	var seen []rawplan.Seen
	for _, id := range ids {
		if !id.Limited() {
			continue
		}
		for _, who := range ids {
			if who.Unique() && !l.shared(id, people[id]) && !slices.Contains(people[id], who) {
				people[id] = append(people[id], who)
				seen = append(seen, rawplan.Seen{Identity: id, With: who})
			}
		}
	}
	return seen
}

// meet notes whom an event's phones and devices are seen with. A value that was
// past its limit before, since the limit has been lowered, is noted once more with
// one whom it is known by: that adds nobody, and brings it up to be told of.
func (r *router) meet(ids []event.Identity) {
	for _, id := range ids {
		if people := r.people[id]; r.limits.shared(id, people) && r.memory.told.first(id) {
			r.seen = append(r.seen, rawplan.Seen{Identity: id, With: slices.MinFunc(people, byText)})
		}
	}
	for _, s := range r.limits.meet(r.people, ids) {
		r.seen = append(r.seen, s)
		if r.limits.shared(s.Identity, r.people[s.Identity]) {
			r.memory.told.first(s.Identity) // the one that is too many tells of it
		}
	}
}

func byText(a, b event.Identity) int { return cmp.Compare(a.String(), b.String()) }

// joining are the identities of an event by which it may join profiles: all but
// the shared ones. Two resolvers at once may each see a value below its limit
// that is past it by both: then one event more is linked. What they noted is one
// set, so the next batch of either knows.
func (r *router) joining(ids []event.Identity) []event.Identity {
	shared := func(id event.Identity) bool { return r.limits.shared(id, r.people[id]) }
	if !slices.ContainsFunc(ids, shared) {
		return ids
	}
	return slices.DeleteFunc(slices.Clone(ids), shared)
}

// sharedOnly is for an event that has no other than shared identities: it is
// whose they were first, so that nobody's history is split, and joins nobody to
// him. fresh is the profile that it starts if they were nobody's.
func (r *router) sharedOnly(out *entry, fresh string, ids []event.Identity) {
	for _, id := range ids {
		if out.Profile == fresh && r.known[id] == "" {
			r.link(id, fresh)
		}
	}
	r.keep(out, ids)
}

// keep gives an event's profile those identities that are its own already.
func (r *router) keep(out *entry, ids []event.Identity) {
	for _, id := range ids {
		if r.known[id] == out.Profile && !slices.Contains(out.Own, id) {
			out.Own = append(out.Own, id)
		}
	}
}

// wanted are the identities that a batch needs to know of. With whom a phone or
// device was seen matters only where something else stands beside it.
func wanted(all []opened) (ids, limited []event.Identity) {
	const yes, people = 1, 2
	asked := map[event.Identity]int{}
	for _, a := range all {
		for _, id := range a.ids {
			if asked[id] == 0 {
				asked[id], ids = yes, append(ids, id)
			}
			if asked[id] == yes && len(a.ids) > 1 && id.Limited() {
				asked[id], limited = people, append(limited, id)
			}
		}
	}
	return ids, limited
}

// past are those of the values just noted that are shared, one for each profile
// that they were seen with: the profiles show it. Told again it changes nothing,
// so a repetition of a plan need not know whether it was.
func (o *owner) past(ctx context.Context, people rawplan.People) ([]event.Shared, error) {
	var ids []event.Identity
	for id, who := range people {
		if o.r.Limits.shared(id, who) {
			ids = append(append(ids, id), who...)
		}
	}
	known, err := o.r.identities.Lookup(ctx, ids)
	if err != nil {
		return nil, err
	}
	var out []event.Shared
	for id, who := range people {
		if o.r.Limits.shared(id, who) {
			out = append(out, tell(id, append([]event.Identity{id}, who...), known)...)
		}
	}
	slices.SortFunc(out, func(a, b event.Shared) int {
		return cmp.Or(cmp.Compare(a.Profile, b.Profile), cmp.Compare(a.Identity.String(), b.Identity.String()))
	})
	return out, nil
}

// tell is what each of the profiles of some identities learns of a shared one.
func tell(shared event.Identity, ids []event.Identity, known map[event.Identity]string) []event.Shared {
	var profiles []string
	for _, id := range ids {
		if p := known[id]; p != "" && !slices.Contains(profiles, p) {
			profiles = append(profiles, p)
		}
	}
	slices.Sort(profiles)
	out := make([]event.Shared, 0, len(profiles))
	for _, p := range profiles {
		with := slices.DeleteFunc(slices.Clone(profiles), func(other string) bool { return other == p })
		out = append(out, event.Shared{Profile: p, Identity: shared, With: with})
	}
	return out
}

// shared sends what profiles learn of shared values: one record a shard.
func (out *outgoing) shared(list []event.Shared, number int64, place event.Time) error {
	byShard := map[int][]event.Shared{}
	for _, s := range list {
		s.Since = place
		n := event.Shard(s.Profile, out.o.r.Shards)
		byShard[n] = append(byShard[n], s)
	}
	for n, some := range byShard {
		r := &event.Record{Kind: event.KindShared, Source: out.o.source(), Number: number, Place: place, Profile: some[0].Profile, Shared: some}
		if err := out.send(r, n); err != nil {
			return err
		}
	}
	return nil
}
