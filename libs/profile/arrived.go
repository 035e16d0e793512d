package profile

import (
	"slices"

	"github.com/tagwire/tagwire/libs/event"
)

// arrivals tells quickly that an event has not arrived before, for a profile that
// remembers many: bits of all hashes since it was made, those that are forgotten again
// among them. It is not stored.
type arrivals struct {
	bits []uint64
	n    int    // hashes that have been put in
	held int    // ids of the profile when the last one was
	last uint64 // that one
}

const (
	arrivalsFrom = 128         // ids; fewer are looked through
	arrivalsBits = 1 << 16     // one in sixteen and fewer is looked for in vain
	arrivalsMost = 2 * MaxSeen // hashes until it is made anew
)

// mayHave is false when none of the ids has the hash.
func (a *arrivals) mayHave(seen []SeenID, hash uint64) bool {
	if len(seen) < arrivalsFrom {
		return true
	}
	if a.held != len(seen) || a.last != seen[len(seen)-1].Hash || a.n > arrivalsMost {
		a.build(seen)
	}
	at := hash % arrivalsBits
	return a.bits[at/64]&(1<<(at%64)) != 0
}

func (a *arrivals) build(seen []SeenID) {
	if a.bits == nil {
		a.bits = make([]uint64, arrivalsBits/64)
	}
	clear(a.bits)
	a.n = 0
	for _, s := range seen {
		a.put(s.Hash)
	}
	a.held, a.last = len(seen), seen[len(seen)-1].Hash
}

func (a *arrivals) put(hash uint64) {
	at := hash % arrivalsBits
	a.bits[at/64] |= 1 << (at % 64)
	a.n++
}

// came takes an id in that is now the last of so many.
func (a *arrivals) came(hash uint64, held int) {
	if a.bits != nil {
		a.put(hash)
		a.held, a.last = held, hash
	}
}

// Remember notes an id that arrived at a moment; false if it has arrived
// within the last 24 h (the newest 4,096).
func (p *Profile) Remember(hash uint64, at event.Time) bool {
	if p.arrivals.mayHave(p.Seen, hash) && slices.ContainsFunc(p.Seen, func(s SeenID) bool { return s.Hash == hash }) {
		return false
	}
	floor, drop := at.Add(-Horizon), 0
	for drop < len(p.Seen) && (p.Seen[drop].At < floor || len(p.Seen)-drop >= MaxSeen) {
		drop++
	}
	p.Seen = append(p.Seen[drop:], SeenID{Hash: hash, At: at})
	p.arrivals.came(hash, len(p.Seen))
	return true
}
