package profile

// hashIndex finds events by their hashes, which are evenly spread as they are: a table
// of open slots. It keeps its memory.
type hashIndex struct {
	slots []uint32 // number from 1; 0: open
	mask  uint64
}

func (x *hashIndex) build(facts []place) {
	n := 16
	for n < 2*len(facts) {
		n *= 2
	}
	if cap(x.slots) < n {
		x.slots = make([]uint32, n)
	}
	x.slots, x.mask = x.slots[:n], uint64(n-1) //nolint:gosec // positive
	clear(x.slots)
	for i, f := range facts {
		at := f.h & x.mask
		for x.slots[at] != 0 {
			at = (at + 1) & x.mask
		}
		x.slots[at] = uint32(i + 1) //nolint:gosec // facts of one profile
	}
}

// find is the place of the last event with the hash.
func (x *hashIndex) find(facts []place, hash uint64) (at int, ok bool) {
	for slot := hash & x.mask; x.slots[slot] != 0; slot = (slot + 1) & x.mask {
		if i := int(x.slots[slot]) - 1; facts[i].h == hash {
			at, ok = i, true
		}
	}
	return at, ok
}
