package event

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
)

// Kind says what a record in `events` is.
type Kind string

// The kinds of records in `events`.
const (
	KindEvent    Kind = "event"    // an interaction of Profile
	KindLink     Kind = "link"     // of each of Links the younger and the older are one customer; asked by a resolver or a shard
	KindOffer    Kind = "offer"    // the younger offers itself to Profile (the older)
	KindVerdict  Kind = "verdict"  // the older answers Profile's offer
	KindHandover Kind = "handover" // a part of the younger's state, addressed to Profile (the older)
	KindShared   Kind = "shared"   // values of profiles have been seen with more people than their limit
	KindControl  Kind = "control"  // a version, switch, erasure or import mark
)

// Record is one entry of the topic `events`. Source and Number name where it
// came from: each source numbers upwards and a consumer keeps one high mark per
// source, so a record published twice takes effect once.
type Record struct {
	Kind     Kind       `json:"k"`
	Source   string     `json:"s"`           // raw.<incarnation>/<partition>, out.<generation>/<shard>, control
	Number   int64      `json:"n"`           // within Source; raw: offset*16 + place in the plan
	Place    Time       `json:"at"`          // place in time: received_at; backfill: the event's own time; outbox: when it was sent on
	Profile  string     `json:"p,omitempty"` // whom it is for
	Own      []Identity `json:"own,omitempty"`
	Event    *Event     `json:"e,omitempty"`
	Raw      string     `json:"raw,omitempty"` // raw coordinates it began with: topic/partition/offset
	Repair   bool       `json:"repair,omitempty"`
	Parted   bool       `json:"pt,omitempty"`       // passed on since its identity had left the profile it went to
	Internal bool       `json:"internal,omitempty"` // a test, staff or internal identity
	Merge    *Merge     `json:"m,omitempty"`
	Links    []Link     `json:"l,omitempty"`
	Shared   []Shared   `json:"sh,omitempty"`
	Control  *Control   `json:"c,omitempty"`
}

// Link asks that two profiles become one. It goes to the shard of the younger.
type Link struct {
	Younger string `json:"y"`
	Older   string `json:"o"`
}

// LinkOf orders the two by age.
func LinkOf(a, b string) Link {
	if Older(a, b) {
		return Link{Younger: b, Older: a}
	}
	return Link{Younger: a, Older: b}
}

// Shared tells a profile that a value which had joined it with others has been
// seen with more people than its limit and joins nobody any more.
type Shared struct {
	Profile  string   `json:"p"`
	Identity Identity `json:"i"`
	Since    Time     `json:"at"`
	With     []string `json:"w,omitempty"` // the other profiles that it was seen with, sorted
}

// Merge carries the steps by which two profiles become one.
type Merge struct {
	ID       string     `json:"id"`               // merge id: of the younger, the older and the request
	Other    string     `json:"other"`            // the other profile
	Unique   []Identity `json:"unique,omitempty"` // offer: the younger's unique identities
	Not      []string   `json:"not,omitempty"`    // offer: with whom the younger must not become one
	Accepted bool       `json:"accepted,omitempty"`
	Reason   string     `json:"reason,omitempty"` // verdict: why not, as a kind of conflict
	Next     string     `json:"next,omitempty"`   // verdict: ask this profile instead
	Part     int        `json:"part,omitempty"`   // handover: part of Parts, from 0
	Parts    int        `json:"parts,omitempty"`
	State    []byte     `json:"state,omitempty"` // handover: a piece of the encoded profile
}

// Control takes effect in a shard at its place in the log.
type Control struct {
	Name    string `json:"name"` // rules, import.start, import.end, switch
	Version int64  `json:"version,omitempty"`
	Import  string `json:"import,omitempty"`
	From    string `json:"from,omitempty"`    // import marks: the raw partition that passed it on
	History string `json:"history,omitempty"` // rules: none = new measures begin empty
}

// Encode is the wire form.
func (r *Record) Encode() ([]byte, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode %s record %s/%d: %w", r.Kind, r.Source, r.Number, err)
	}
	return b, nil
}

// DecodeRecord reads the wire form.
func DecodeRecord(b []byte) (*Record, error) {
	r := &Record{}
	if readRecord(b, r) {
		return r, nil
	}
	*r = Record{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("decode record: %w", err)
	}
	return r, nil
}

// Shard is the slice of profiles that a profile belongs to, of n.
func Shard(profile string, n int) int { return int(hash32(profile) % uint32(n)) }

// Partition is the partition of a key, of n. Producers compute it themselves.
func Partition(key string, n int) int { return int(hash32(key) % uint32(n)) }

func hash32(s string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s)) // never fails
	v := h.Sum32()
	v ^= v >> 16 // fnv's low bits alone spread short, similar ids badly
	v *= 0x7feb352d
	v ^= v >> 15
	v *= 0x846ca68b
	return v ^ v>>16
}
