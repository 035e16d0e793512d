package profile

import (
	"encoding/hex"

	"github.com/tagwire/tagwire/libs/event"
)

// What a fold has beside its facts, as bits.
const (
	hasCount = 1 << iota
	hasSum
	hasFirst
	hasLast
	hasLow
	hasHigh
	hasSeen
	hasTally
	hasHours
	hasChain
	hasMore
)

func (f *Fold) has() (bits uint64) {
	for _, b := range [...]struct {
		bit uint64
		is  bool
	}{
		{hasCount, f.Count != 0},
		{hasSum, !f.Sum.IsZero() || f.Sum.Scale() != 0},
		{hasFirst, f.First != nil},
		{hasLast, f.Last != nil},
		{hasLow, f.Low != nil},
		{hasHigh, f.High != nil},
		{hasSeen, len(f.Seen) > 0},
		{hasTally, len(f.Tally) > 0},
		{hasHours, len(f.Hours) > 0},
		{hasChain, f.Chain != nil},
		{hasMore, f.More},
	} {
		if b.is {
			bits |= b.bit
		}
	}
	return bits
}

func (w *packer) folds(folds map[string]*Fold) {
	w.length(len(folds))
	for _, key := range sortedKeys(folds) {
		if b, err := hex.DecodeString(key); err == nil && len(b) == 5 && hex.EncodeToString(b) == key {
			w.uint(0)
			w.out = append(w.out, b...)
		} else {
			w.uint(1)
			w.text(key)
		}
		w.fold(folds[key])
	}
}

func (w *packer) fold(f *Fold) {
	bits := f.has()
	w.uint(bits)
	w.uint(uint64(f.Keeps))
	w.factList(f.Facts)
	if bits&hasCount != 0 {
		w.int(f.Count)
	}
	if bits&hasSum != 0 {
		w.decimal(f.Sum)
	}
	for _, one := range []*Fact{f.First, f.Last, f.Low, f.High} {
		if one != nil {
			w.factList([]Fact{*one})
		}
	}
	var before event.Time
	if bits&hasSeen != 0 {
		w.length(len(f.Seen))
		for _, v := range sortedKeys(f.Seen) {
			w.text(v)
			w.time(f.Seen[v], &before)
		}
	}
	if bits&hasTally != 0 {
		w.length(len(f.Tally))
		for _, v := range sortedKeys(f.Tally) {
			w.text(v)
			w.int(f.Tally[v])
		}
	}
	if bits&hasHours != 0 {
		w.length(len(f.Hours))
		before = 0
		for _, h := range f.Hours {
			w.time(h.T, &before)
			w.decimal(h.N)
		}
	}
	if bits&hasChain != 0 {
		w.chain(f.Chain)
	}
}

func (w *packer) chain(c *Chain) {
	w.int(c.Done)
	w.int(int64(c.Upto))
	w.length(len(c.Runs))
	for _, key := range sortedKeys(c.Runs) {
		r := c.Runs[key]
		w.text(key)
		w.int(int64(r.Armed))
		w.length(len(r.Starts))
		before := r.Armed
		for _, t := range r.Starts {
			w.time(t, &before)
		}
	}
}
