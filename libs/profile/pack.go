package profile

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
)

// packed is the first byte of the compact form; CBOR of a profile begins with a map.
const packed = 0x02

// packer writes the compact form. What stands in many places is written once and
// named by its number: texts, events as folds know them (time and hash), events as
// evidence. So an event costs little more than its id, however many measures and
// tags it speaks for.
type packer struct {
	texts    map[string]uint64
	list     []string
	facts    []place // sorted
	evidence []event.Evidence
	seen     map[witness]int // → number in evidence
	other    []place         // room for merging
	spoken   []int           // of each fact: the number from 1 of the evidence that it stands as
	known    hashIndex       // of facts
	out      []byte
	head     []byte
}

// witness is what tells evidence apart, nearly always.
type witness struct {
	id string
	t  event.Time
}

// place is an event as folds know it.
type place struct {
	t event.Time
	h uint64
}

func (p place) less(o place) bool { return p.t < o.t || p.t == o.t && p.h < o.h }

func comparePlace(a, b place) int { return cmp.Or(cmp.Compare(a.t, b.t), cmp.Compare(a.h, b.h)) }

// reset forgets what was packed and keeps the memory.
func (w *packer) reset() {
	if w.texts == nil {
		w.texts, w.seen = map[string]uint64{}, map[witness]int{}
	}
	clear(w.texts)
	clear(w.seen)
	clear(w.list)
	clear(w.evidence)
	w.list, w.facts, w.evidence, w.out = w.list[:0], w.facts[:0], w.evidence[:0], w.out[:0]
}

// pack is the body behind the cold rest, which is CBOR.
func (w *packer) pack(p *Profile, rest []byte) []byte {
	w.reset()
	w.places(p)
	w.recent(p.Recent)
	w.tags(p.Tags)
	w.arrived(p.Seen)
	w.folds(p.Folds)
	w.matches(p.Matches)
	body := w.out
	w.out = append(w.head[:0], packed)
	w.bytes(rest)
	w.tables()
	w.out, w.head = body, w.out
	return append(append(make([]byte, 0, len(w.head)+len(body)), w.head...), body...)
}

func (w *packer) uint(v uint64)  { w.out = binary.AppendUvarint(w.out, v) }
func (w *packer) int(v int64)    { w.out = binary.AppendVarint(w.out, v) }
func (w *packer) bytes(b []byte) { w.uint(uint64(len(b))); w.out = append(w.out, b...) }
func (w *packer) raw(v uint64)   { w.out = binary.LittleEndian.AppendUint64(w.out, v) }
func (w *packer) length(n int)   { w.uint(uint64(n)) } //nolint:gosec // a length
func (w *packer) number(i int)   { w.uint(uint64(i)) } //nolint:gosec // an index
func (w *packer) time(t event.Time, before *event.Time) {
	w.int(int64(t - *before))
	*before = t
}

// text names a text by its number; 0 is the empty one.
func (w *packer) text(s string) {
	if s == "" {
		w.uint(0)
		return
	}
	n, ok := w.texts[s]
	if !ok {
		w.list = append(w.list, s)
		n = uint64(len(w.list))
		w.texts[s] = n
	}
	w.uint(n)
}

// places collects all events that folds and occurrences know, in order and once. The
// facts of a list are in order already, so lists are merged.
func (w *packer) places(p *Profile) {
	for _, f := range p.Folds {
		w.mergePlaces(f.Facts)
		for _, one := range []*Fact{f.First, f.Last, f.Low, f.High} {
			if one != nil {
				w.mergePlaces([]Fact{*one})
			}
		}
	}
	for _, facts := range p.Matches {
		w.mergePlaces(facts)
	}
}

func (w *packer) mergePlaces(facts []Fact) {
	have, out := w.facts, w.other[:0]
	for i := range facts {
		f := place{facts[i].T, facts[i].H}
		for len(have) > 0 && have[0].less(f) {
			out, have = append(out, have[0]), have[1:]
		}
		if len(have) == 0 || have[0] != f {
			out = append(out, f)
		}
	}
	w.other, w.facts = w.facts, append(out, have...)
}

// tables writes what the body names by number.
func (w *packer) tables() {
	mark := len(w.out)
	w.length(len(w.evidence))
	var before event.Time
	for _, ev := range w.evidence {
		w.time(ev.Time, &before)
		w.id(ev.EventID)
		w.text(ev.Type)
		w.text(ev.ObjectTitle)
		w.text(ev.Source)
		w.length(len(ev.Matched))
		for _, m := range ev.Matched {
			w.text(m)
		}
	}
	evidence := slices.Clone(w.out[mark:])
	w.out = w.out[:mark]
	w.length(len(w.list))
	for _, s := range w.list {
		w.length(len(s))
		w.out = append(w.out, s...)
	}
	w.out = append(w.out, evidence...)
	w.factTable()
}

// factTable writes what folds know of events; of an event that stands as evidence
// both its time and its hash follow from that.
func (w *packer) factTable() {
	w.spoken = slices.Grow(w.spoken[:0], len(w.facts))[:len(w.facts)]
	clear(w.spoken)
	for n, ev := range w.evidence {
		if i, ok := slices.BinarySearchFunc(w.facts, place{ev.Time, IDHash(ev.Source, ev.EventID)}, comparePlace); ok {
			w.spoken[i] = n + 1
		}
	}
	w.length(len(w.facts))
	var before event.Time
	for i, f := range w.facts {
		if w.number(w.spoken[i]); w.spoken[i] == 0 {
			w.time(f.t, &before)
			w.raw(f.h)
		}
	}
}

// id writes an event id: a UUID as its 16 bytes behind 0, another as text.
func (w *packer) id(s string) {
	if b, ok := uuidBytes(s); ok {
		w.uint(0)
		w.out = append(w.out, b...)
		return
	}
	w.uint(uint64(len(s)) + 1)
	w.out = append(w.out, s...)
}

func uuidBytes(s string) ([]byte, bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return nil, false
	}
	plain := strings.ReplaceAll(s, "-", "")
	b, err := hex.DecodeString(plain)
	return b, err == nil && len(b) == 16 && strings.ToLower(plain) == plain
}

// witness names an event as evidence.
func (w *packer) witness(ev event.Evidence) {
	key := witness{ev.EventID, ev.Time}
	n, ok := w.seen[key]
	if ok {
		o := &w.evidence[n]
		ok = o.Type == ev.Type && o.ObjectTitle == ev.ObjectTitle && o.Source == ev.Source && slices.Equal(o.Matched, ev.Matched)
	}
	if !ok {
		n = len(w.evidence)
		w.seen[key] = n
		w.evidence = append(w.evidence, ev)
	}
	w.number(n)
}

func (w *packer) recent(all []event.Evidence) {
	w.length(len(all))
	for _, ev := range all {
		w.witness(ev)
	}
}

func (w *packer) tags(tags map[string]*Tag) {
	w.length(len(tags))
	var before event.Time
	for _, name := range sortedKeys(tags) {
		t := tags[name]
		for _, s := range []string{name, t.Group, t.Value, t.Rule, t.Origin} {
			w.text(s)
		}
		w.time(t.Since, &before)
		if t.Expires == 0 {
			w.uint(0)
		} else {
			w.uint(1)
			w.int(int64(t.Expires - t.Since))
		}
		w.int(t.Version)
		w.length(len(t.Evidence))
		for _, ev := range t.Evidence {
			w.witness(ev)
		}
	}
}

func (w *packer) arrived(seen []SeenID) {
	w.length(len(seen))
	if len(seen) > 0 {
		w.known.build(w.facts)
	}
	var before event.Time
	for _, s := range seen {
		w.time(s.At, &before)
		if i, ok := w.known.find(w.facts, s.Hash); ok {
			w.number(i + 1)
			continue
		}
		w.uint(0)
		w.raw(s.Hash)
	}
}

func (w *packer) matches(all map[string][]Fact) {
	w.length(len(all))
	for _, rule := range sortedKeys(all) {
		w.text(rule)
		w.factList(all[rule])
	}
}

func (w *packer) decimal(d decimal.Decimal) {
	w.uint(d.Coef())
	w.out = append(w.out, scaleOf(d))
}

// scaleOf is the scale and, as its highest bit, the sign.
func scaleOf(d decimal.Decimal) byte {
	scale := byte(d.Scale()) //nolint:gosec // 0 to 19
	if d.IsNeg() {
		scale |= 0x80
	}
	return scale
}

// What a list of facts has in common and does not write for each of them, as bits.
const (
	onlyFacts = 1 << iota // number 1, no text: they say that something happened
	noTexts
	oneScale // of the numbers; it stands in front
	onlyOnes // the numbers are 1
)

func common(facts []Fact) (bits uint64) {
	bits = noTexts | oneScale | onlyOnes
	scale := scaleOf(facts[0].N)
	for i := range facts {
		f := &facts[i]
		if f.S != "" {
			bits &^= noTexts
		}
		if f.N != decimal.One {
			bits &^= onlyOnes
		}
		if scaleOf(f.N) != scale {
			bits &^= oneScale
		}
	}
	switch {
	case bits&onlyOnes == 0:
		return bits
	case bits&noTexts != 0:
		return onlyFacts
	}
	return onlyOnes
}

// factList writes facts; those that only say that something happened cost a number.
func (w *packer) factList(facts []Fact) {
	w.length(len(facts))
	if len(facts) == 0 {
		return
	}
	bits := common(facts)
	w.uint(bits)
	if bits&oneScale != 0 {
		w.out = append(w.out, scaleOf(facts[0].N))
	}
	before, at := 0, 0
	for _, f := range facts {
		at += w.ahead(at, place{f.T, f.H})
		w.int(int64(at - before))
		before = at
		switch {
		case bits&(onlyFacts|onlyOnes) != 0:
		case bits&oneScale != 0:
			w.uint(f.N.Coef())
		default:
			w.decimal(f.N)
		}
		if bits&(onlyFacts|noTexts) == 0 {
			w.value(f)
		}
	}
}

// nearby is how many places are looked through one by one before halving begins.
const nearby = 8

// ahead is how far behind a place of the table another stands.
func (w *packer) ahead(from int, f place) int {
	rest := w.facts[from:]
	for i := range min(nearby, len(rest)) {
		if rest[i] == f {
			return i
		}
	}
	i, _ := slices.BinarySearchFunc(rest, f, comparePlace)
	return i
}

// value writes a fact's text; that of its own time, which first and last take, is
// not written again.
func (w *packer) value(f Fact) {
	if len(f.S) == len(timeText) && f.S == f.T.String() {
		w.uint(1)
		return
	}
	w.uint(0)
	w.text(f.S)
}

const timeText = "2006-01-02T15:04:05.000Z"
