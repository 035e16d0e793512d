package resolve

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/rawplan"
)

// entry is what was decided about one raw record. Together with the record it
// gives the same published records however often.
type entry struct {
	Offset   int64            `json:"o"`
	Profile  string           `json:"p,omitempty"`
	Own      []event.Identity `json:"own,omitempty"`
	Matches  []event.Match    `json:"m,omitempty"`
	Requests []event.Link     `json:"r,omitempty"`
	Internal bool             `json:"i,omitempty"`
	Into     string           `json:"n,omitempty"`  // unmerge: the new profile
	Moved    []event.Identity `json:"mv,omitempty"` // unmerge: what becomes its own
	Reason   string           `json:"x,omitempty"`  // rejected
	Detail   string           `json:"d,omitempty"`
}

// plan is the decision about a batch.
type plan struct {
	Entries []entry        `json:"e,omitempty"`
	Links   []rawplan.Link `json:"l,omitempty"`
	Seen    []rawplan.Seen `json:"s,omitempty"`
}

func (p plan) encode() ([]byte, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode plan: %w", err)
	}
	return b, nil
}

func decodePlan(b []byte) (plan, error) {
	var p plan
	if len(b) == 0 {
		return p, nil
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return p, fmt.Errorf("decode plan: %w", err)
	}
	return p, nil
}

// What one raw record gives is numbered within its offset: the event itself,
// the beginning of a profile that it parts from another, the links that it tells
// of, and those that claiming its batch's identities brought up, with the values
// that turned out to be shared. They are sent in this order.
const (
	perOffset     = 16
	numberEvent   = 0
	numberSplit   = 1
	numberLinks   = 2
	numberClaimed = 3
	numberShared  = 4
)

// maxRequests of one record.
const maxRequests = 14

// router decides the routes of one batch. known is what Redis says of all
// identities of the batch; what the batch itself links is added as it goes.
type router struct {
	partition int
	known     map[event.Identity]string
	people    rawplan.People // likewise: with whom phones and devices were seen
	limits    Limits
	links     []rawplan.Link
	seen      []rawplan.Seen
	memory    memory
}

// route decides whose an event is. ids are normalised, personal values hashed.
// The strongest identity names the profile; an unknown unique identity never
// joins a profile by itself, since that profile may have another value of it:
// it starts its own and the shards decide. By a shared phone or device it joins
// nobody.
func (r *router) route(e *event.Event, offset int64, ids []event.Identity) entry {
	out := entry{Offset: offset}
	for _, id := range ids {
		if id.Namespace == DirectNamespace {
			// What people do to a customer, and links made for one. A link may have been
			// passed on, so the browser that opened it is not linked to the customer.
			out.Profile = id.Value
			return out
		}
	}
	r.meet(ids)
	joining := r.joining(ids)
	if len(joining) == 0 {
		fresh := event.ProfileID(e.ReceivedAt, r.partition, offset, 0)
		out.Profile = cmp.Or(r.strongestFound(ids), fresh)
		r.sharedOnly(&out, fresh, ids)
		return out
	}
	strongest, anyFound, unknownUnique := r.survey(joining)
	switch {
	case !anyFound:
		fresh := event.ProfileID(e.ReceivedAt, r.partition, offset, 0)
		r.startAll(fresh, joining)
		out.Profile = fresh
	case unknownUnique:
		fresh := event.ProfileID(e.ReceivedAt, r.partition, offset, 0)
		for _, id := range joining {
			if id.Unique() && r.known[id] == "" {
				r.link(id, fresh)
			}
		}
		out.Profile = r.known[strongest]
	default:
		out.Profile = r.strongestFound(joining)
	}
	r.rest(&out, joining)
	if len(joining) < len(ids) {
		r.keep(&out, ids)
	}
	return out
}

// rest gives what is left of an event's identities to its profile, and asks that
// the profiles of the others become one with it.
func (r *router) rest(out *entry, ids []event.Identity) {
	seen := map[string]bool{out.Profile: true}
	for _, id := range ids {
		p := r.known[id]
		if p == "" {
			if id.Unique() {
				continue // a second value of a unique namespace in one event
			}
			r.link(id, out.Profile)
			p = out.Profile
		}
		if p == out.Profile {
			out.Own = append(out.Own, id)
			continue
		}
		if !seen[p] && len(out.Requests) < maxRequests {
			seen[p] = true
			if q := event.LinkOf(p, out.Profile); r.memory.asked.first(q) {
				out.Requests = append(out.Requests, q)
			}
		}
	}
}

// follow repeats a decision of which the profile is known. An unknown unique
// identity that did not name it had started a profile of its own: the same again.
func (r *router) follow(profile string, e *event.Event, offset int64, ids []event.Identity) entry {
	out := entry{Offset: offset, Profile: profile}
	for _, id := range ids {
		if id.Namespace == DirectNamespace {
			return out
		}
	}
	r.meet(ids)
	fresh := event.ProfileID(e.ReceivedAt, r.partition, offset, 0)
	joining := r.joining(ids)
	if len(joining) == 0 {
		r.sharedOnly(&out, fresh, ids)
		return out
	}
	if fresh != profile {
		for _, id := range joining {
			if id.Unique() && r.known[id] == "" {
				r.link(id, fresh)
			}
		}
	}
	r.rest(&out, joining)
	if len(joining) < len(ids) {
		r.keep(&out, ids)
	}
	return out
}

func (r *router) survey(ids []event.Identity) (strongest event.Identity, found, unknownUnique bool) {
	for i, id := range ids {
		if i == 0 || id.Stronger(strongest) {
			strongest = id
		}
		if r.known[id] != "" {
			found = true
		} else if id.Unique() {
			unknownUnique = true
		}
	}
	return strongest, found, unknownUnique
}

func (r *router) strongestFound(ids []event.Identity) string {
	var best event.Identity
	for _, id := range ids {
		if r.known[id] != "" && (best == event.Identity{} || id.Stronger(best)) {
			best = id
		}
	}
	return r.known[best]
}

// startAll links the identities to a new profile, one value of each unique
// namespace.
func (r *router) startAll(profile string, ids []event.Identity) {
	taken := map[string]bool{}
	for _, id := range ids {
		if id.Unique() {
			if taken[id.Namespace] {
				continue
			}
			taken[id.Namespace] = true
		}
		r.link(id, profile)
	}
}

func (r *router) link(id event.Identity, profile string) {
	r.known[id] = profile
	r.links = append(r.links, rawplan.Link{Identity: id, Profile: profile})
}

// DirectNamespace addresses a profile by its id: what people do in the console.
const DirectNamespace = "profile"

// memory is what a router knows of the batches before, as long as it owns its
// partition.
type memory struct {
	asked *recent[event.Link]     // requests
	told  *recent[event.Identity] // shared values
}

func newMemory() memory { return memory{newRecent[event.Link](), newRecent[event.Identity]()} }

// recent remembers what was sent lately: sending it again is harmless but costs.
type recent[T comparable] struct {
	set   map[T]bool
	order []T
}

func newRecent[T comparable]() *recent[T] { return &recent[T]{set: map[T]bool{}} }

const maxRecent = 10000

func (r *recent[T]) first(q T) bool {
	if r.set[q] {
		return false
	}
	r.set[q] = true
	r.order = append(r.order, q)
	if len(r.order) > maxRecent {
		delete(r.set, r.order[0])
		r.order = r.order[1:]
	}
	return true
}
