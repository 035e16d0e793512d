package profile

import (
	"cmp"
	"hash/fnv"
	"slices"
	"time"

	"github.com/tagwire/tagwire/libs/event"
)

// Limits of what a profile keeps.
const (
	Horizon   = 24 * time.Hour // lateness that folds exactly; also how long arrived ids are remembered
	MaxFacts  = 1000           // of a window
	MaxSeen   = 4096           // arrived ids
	MaxRecent = 8              // newest events kept as evidence, and
	MaxKind   = 2              // newest of each type, and
	MaxKinds  = 8              // types besides
	MaxValues = 1000           // of a distinct set
)

// Profile is one customer. The zero value but for ID is a customer of whom
// nothing is known.
type Profile struct {
	ID         string                      `cbor:"1,keyasint"`
	Identities []event.Identity            `cbor:"2,keyasint,omitempty"`
	Traits     map[string]event.Trait      `cbor:"3,keyasint,omitempty"`
	FirstSeen  event.Time                  `cbor:"4,keyasint,omitempty"`
	LastSeen   event.Time                  `cbor:"5,keyasint,omitempty"`
	Clock      event.Time                  `cbor:"6,keyasint,omitempty"` // largest event or due time seen
	Newest     event.Time                  `cbor:"7,keyasint,omitempty"` // largest event time seen
	Rules      int64                       `cbor:"8,keyasint,omitempty"` // version that judged it last
	Folds      map[string]*Fold            `cbor:"9,keyasint,omitempty"` // by the fold's key
	Tags       map[string]*Tag             `cbor:"10,keyasint,omitempty"`
	Stage      string                      `cbor:"11,keyasint,omitempty"`
	StageSince event.Time                  `cbor:"12,keyasint,omitempty"`
	Alerted    map[string]event.Time       `cbor:"13,keyasint,omitempty"` // cooldowns: newest alert by rule
	Matches    map[string][]Fact           `cbor:"14,keyasint,omitempty"` // occurrences of event tags with `times`
	Seen       []SeenID                    `cbor:"15,keyasint,omitempty"` // in order of arrival
	Recent     []event.Evidence            `cbor:"16,keyasint,omitempty"` // newest last, by (time, id)
	Owners     map[string]Contact          `cbor:"17,keyasint,omitempty"`
	Channels   []string                    `cbor:"18,keyasint,omitempty"`
	Stores     []string                    `cbor:"19,keyasint,omitempty"`
	Winner     string                      `cbor:"20,keyasint,omitempty"` // forwarding mark: merged into it, for ever
	Absorbed   []string                    `cbor:"21,keyasint,omitempty"` // whom it won
	Merging    *Merging                    `cbor:"22,keyasint,omitempty"`
	Waiting    []Request                   `cbor:"23,keyasint,omitempty"` // offers and links put off while an offer is open
	Conflicts  []Conflict                  `cbor:"40,keyasint,omitempty"` // 24 held them without their time
	Merges     []string                    `cbor:"25,keyasint,omitempty"` // merge ids applied
	Parts      map[string][][]byte         `cbor:"26,keyasint,omitempty"` // hand-overs not yet whole, by merge id
	Stale      bool                        `cbor:"27,keyasint,omitempty"`
	Import     string                      `cbor:"28,keyasint,omitempty"` // open import that touched it: no clock timers
	Manual     map[string]Manual           `cbor:"29,keyasint,omitempty"` // tags set or taken by hand outrank rules
	Given      map[string]event.Time       `cbor:"34,keyasint,omitempty"` // rules that give once a period or ever: begin of the newest period
	Refused    bool                        `cbor:"30,keyasint,omitempty"` // profiling refused
	Suppressed bool                        `cbor:"31,keyasint,omitempty"`
	Promised   map[string][]event.Identity `cbor:"33,keyasint,omitempty"` // accepted merges whose hand-over is on its way: merge id → unique identities
	Split      map[string]string           `cbor:"50,keyasint,omitempty"` // identities that left → the profile that they became
	Awaits     string                      `cbor:"51,keyasint,omitempty"` // after an unmerge: the merge id by which its own past comes; nothing is judged until then
	Held       []Held                      `cbor:"52,keyasint,omitempty"` // what came meanwhile, in order of arrival
	Was        Former                      `cbor:"53,keyasint,omitzero"`  // before the newest unmerge
	Internal   bool                        `cbor:"32,keyasint,omitempty"` // test, staff or internal: in no count

	levels   levels
	arrivals arrivals
}

// SeenID remembers an event that has arrived.
type SeenID struct {
	_    struct{} `cbor:",toarray"`
	Hash uint64
	At   event.Time // when it arrived
}

// Contact is one member of staff who serves the customer.
type Contact struct {
	Since  event.Time `cbor:"1,keyasint,omitempty"`
	TwoWay event.Time `cbor:"2,keyasint,omitempty"` // newest contact in which both took part
	Left   event.Time `cbor:"3,keyasint,omitempty"` // no longer follows since
}

// Manual is a decision of a person about a tag.
type Manual struct {
	On bool       `cbor:"1,keyasint"`
	At event.Time `cbor:"2,keyasint"`
	By string     `cbor:"3,keyasint,omitempty"`
}

// Merging is an open offer to an older profile.
type Merging struct {
	ID    string `cbor:"1,keyasint"`
	Older string `cbor:"2,keyasint"`
}

// Request is a merge step that waits.
type Request struct {
	Kind  event.Kind  `cbor:"1,keyasint"`
	Merge event.Merge `cbor:"2,keyasint"`
}

// Tag is one tag as the profile holds it.
type Tag struct {
	Group    string           `cbor:"1,keyasint,omitempty"`
	Value    string           `cbor:"2,keyasint,omitempty"`
	Since    event.Time       `cbor:"3,keyasint"`
	Expires  event.Time       `cbor:"4,keyasint,omitempty"` // 0: while it holds, or for good
	Rule     string           `cbor:"5,keyasint"`
	Version  int64            `cbor:"6,keyasint,omitempty"`
	Origin   string           `cbor:"7,keyasint,omitempty"` // rule, catalogue, manual
	Evidence []event.Evidence `cbor:"8,keyasint,omitempty"`
}

// New is a profile of which nothing is known.
func New(id string) *Profile { return &Profile{ID: id} }

// Known says that the customer has an identity other than an anonymous one.
func (p *Profile) Known() bool {
	for _, id := range p.Identities {
		if id.Known() {
			return true
		}
	}
	return false
}

// Counted says that the profile stands in counts and views.
func (p *Profile) Counted() bool {
	return p.Winner == "" && !p.Internal && !p.Suppressed && p.Awaits == "" && p.FirstSeen != 0
}

// Uniques are the identities of which a customer has one value each.
func (p *Profile) Uniques() []event.Identity {
	var u []event.Identity
	for _, id := range p.Identities {
		if id.Unique() {
			u = append(u, id)
		}
	}
	return u
}

// AddIdentity keeps the list sorted and without repeats; it reports a new one.
func (p *Profile) AddIdentity(id event.Identity) bool {
	i, found := slices.BinarySearchFunc(p.Identities, id, compareIdentity)
	if found {
		return false
	}
	p.Identities = slices.Insert(p.Identities, i, id)
	return true
}

func compareIdentity(a, b event.Identity) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Value, b.Value))
}

// IDHash is the 64-bit name of an event within its source: what a profile
// remembers of an id.
func IDHash(source, eventID string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(source)) // never fails
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(eventID))
	v := h.Sum64()
	v ^= v >> 32 // fnv alone is weak in its high bits for short ids
	v *= 0xd6e8feb86659fd93
	v ^= v >> 32
	return v
}

// Witness keeps an event as possible evidence: the newest by (time, id), and the
// newest few of each type, so that a rule about what is rare finds its own.
func (p *Profile) Witness(ev event.Evidence) {
	i, _ := slices.BinarySearchFunc(p.Recent, ev, func(a, b event.Evidence) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.EventID, b.EventID))
	})
	p.Recent = slices.Insert(p.Recent, i, ev)
	if len(p.Recent) <= MaxRecent {
		return
	}
	others := 0
	for i := len(p.Recent) - MaxRecent - 1; i >= 0; i-- { // these stand for their types
		if others < MaxKind*MaxKinds && fewOf(p.Recent[i].Type, p.Recent[i+1:]) {
			others++
		} else {
			p.Recent = slices.Delete(p.Recent, i, i+1)
		}
	}
}

// fewOf says that not as many newer events are of a type as are kept of it.
func fewOf(typ string, newer []event.Evidence) bool {
	n := 0
	for i := range newer {
		if newer[i].Type == typ {
			if n++; n == MaxKind {
				return false
			}
		}
	}
	return true
}

// Owner is the member of staff with the last two-way contact, else the newest
// who follows the customer; empty when there is none.
func (p *Profile) Owner() string {
	best, bestC := "", Contact{}
	for name, c := range p.Owners {
		if c.Left != 0 && c.Left >= max(c.Since, c.TwoWay) {
			continue
		}
		better := cmp.Or(cmp.Compare(c.TwoWay, bestC.TwoWay), cmp.Compare(c.Since, bestC.Since), cmp.Compare(name, best))
		if best == "" || better > 0 {
			best, bestC = name, c
		}
	}
	return best
}

// Staff are all who serve the customer, sorted.
func (p *Profile) Staff() []string {
	var s []string
	for name, c := range p.Owners {
		if c.Left == 0 || c.Left < max(c.Since, c.TwoWay) {
			s = append(s, name)
		}
	}
	slices.Sort(s)
	return s
}

// AddTo inserts into a sorted set of texts.
func AddTo(set []string, v string) []string {
	if v == "" {
		return set
	}
	if i, found := slices.BinarySearch(set, v); !found {
		return slices.Insert(set, i, v)
	}
	return set
}
