package profile

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
)

var errPacked = errors.New("the compact form is cut off or damaged")

// unpacker reads what a packer wrote. After an error all it gives is zero.
type unpacker struct {
	in       []byte
	err      error
	texts    []string
	facts    []place
	evidence []event.Evidence
}

// unpack reads the cold rest into p and then the body.
func unpack(b []byte, p *Profile, rest func([]byte, *Profile) error) error {
	r := &unpacker{in: b[1:]}
	cold := r.bytes()
	if r.err != nil {
		return r.err
	}
	if err := rest(cold, p); err != nil {
		return err
	}
	r.tables()
	p.Recent = r.recent()
	p.Tags = r.tags()
	p.Seen = r.arrived()
	p.Folds = r.folds()
	p.Matches = r.matches()
	if r.err == nil && len(r.in) > 0 {
		r.fail()
	}
	return r.err
}

func (r *unpacker) fail() {
	if r.err == nil {
		r.err = errPacked
	}
	r.in = nil
}

func (r *unpacker) uint() uint64 {
	v, n := binary.Uvarint(r.in)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.in = r.in[n:]
	return v
}

func (r *unpacker) int() int64 {
	v, n := binary.Varint(r.in)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.in = r.in[n:]
	return v
}

func (r *unpacker) take(n uint64) []byte {
	if n > uint64(len(r.in)) {
		r.fail()
		return nil
	}
	b := r.in[:n]
	r.in = r.in[n:]
	return b
}

func (r *unpacker) bytes() []byte { return r.take(r.uint()) }

func (r *unpacker) raw() uint64 {
	b := r.take(8)
	if len(b) < 8 {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

// length is that of a list, each element of which takes at least a byte.
func (r *unpacker) length() int {
	n := r.uint()
	if n > uint64(len(r.in)) {
		r.fail()
		return 0
	}
	return int(n) //nolint:gosec // at most what is left
}

func (r *unpacker) time(before *event.Time) event.Time {
	*before += event.Time(r.int())
	return *before
}

func (r *unpacker) text() string {
	n := r.uint()
	if n == 0 {
		return ""
	}
	if n > uint64(len(r.texts)) {
		r.fail()
		return ""
	}
	return r.texts[n-1]
}

func (r *unpacker) tables() {
	for range r.length() {
		r.texts = append(r.texts, string(r.bytes()))
	}
	var before event.Time
	for range r.length() {
		ev := event.Evidence{Time: r.time(&before), EventID: r.id()}
		ev.Type, ev.ObjectTitle, ev.Source = r.text(), r.text(), r.text()
		for range r.length() {
			ev.Matched = append(ev.Matched, r.text())
		}
		r.evidence = append(r.evidence, ev)
	}
	r.factTable()
}

func (r *unpacker) factTable() {
	n := r.length()
	if n == 0 {
		return
	}
	r.facts = make([]place, 0, n)
	var before event.Time
	for range n {
		switch i := r.uint(); {
		case i == 0:
			r.facts = append(r.facts, place{r.time(&before), r.raw()})
		case i <= uint64(len(r.evidence)):
			ev := &r.evidence[i-1]
			r.facts = append(r.facts, place{ev.Time, IDHash(ev.Source, ev.EventID)})
		default:
			r.fail()
		}
	}
}

func (r *unpacker) id() string {
	n := r.uint()
	if n > 0 {
		return string(r.take(n - 1))
	}
	b := r.take(16)
	if len(b) < 16 {
		return ""
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func (r *unpacker) witness() event.Evidence {
	n := r.uint()
	if n >= uint64(len(r.evidence)) {
		r.fail()
		return event.Evidence{}
	}
	return r.evidence[n]
}

func (r *unpacker) recent() (out []event.Evidence) {
	for range r.length() {
		out = append(out, r.witness())
	}
	return out
}

func (r *unpacker) tags() map[string]*Tag {
	n := r.length()
	if n == 0 {
		return nil
	}
	out := make(map[string]*Tag, n)
	var before event.Time
	for range n {
		name := r.text()
		t := &Tag{Group: r.text(), Value: r.text(), Rule: r.text(), Origin: r.text(), Since: r.time(&before)}
		if r.uint() == 1 {
			t.Expires = t.Since + event.Time(r.int())
		}
		t.Version = r.int()
		t.Evidence = r.recent()
		out[name] = t
	}
	return out
}

func (r *unpacker) arrived() []SeenID {
	n := r.length()
	if n == 0 {
		return nil
	}
	out := make([]SeenID, 0, n)
	var before event.Time
	for range n {
		s := SeenID{At: r.time(&before)}
		switch i := r.uint(); {
		case i == 0:
			s.Hash = r.raw()
		case i <= uint64(len(r.facts)):
			s.Hash = r.facts[i-1].h
		default:
			r.fail()
		}
		out = append(out, s)
	}
	return out
}

func (r *unpacker) matches() map[string][]Fact {
	n := r.length()
	if n == 0 {
		return nil
	}
	out := make(map[string][]Fact, n)
	for range n {
		rule := r.text()
		out[rule] = r.factList()
	}
	return out
}

func (r *unpacker) decimal() decimal.Decimal {
	coef := r.uint()
	b := r.take(1)
	if len(b) == 0 {
		return decimal.Decimal{}
	}
	return r.scaled(coef, b[0])
}

func (r *unpacker) scaled(coef uint64, scaleAndSign byte) decimal.Decimal {
	scale := int(scaleAndSign & 0x7f)
	var d decimal.Decimal
	var err error
	if coef <= math.MaxInt64 {
		d, err = decimal.New(int64(coef), scale)
	} else if d, err = decimal.Parse(fmt.Sprint(coef)); err == nil && scale > 0 { // 19 digits: one more than an int64 holds
		d, err = decimal.Parse(fmt.Sprintf("%de-%d", coef, scale))
	}
	if err != nil {
		r.fail()
		return decimal.Decimal{}
	}
	if scaleAndSign&0x80 != 0 {
		d = d.Neg()
	}
	return d
}

// factList reads facts with what they have in common; older states say of a list only
// whether it is onlyFacts.
func (r *unpacker) factList() []Fact {
	n := r.length()
	if n == 0 {
		return nil
	}
	bits := r.uint()
	var scale []byte
	if bits&oneScale != 0 {
		if scale = r.take(1); len(scale) == 0 {
			return nil
		}
	}
	out := make([]Fact, 0, n)
	at := int64(0)
	for range n {
		at += r.int()
		if at < 0 || at >= int64(len(r.facts)) {
			r.fail()
			return nil
		}
		f := Fact{T: r.facts[at].t, H: r.facts[at].h, N: decimal.One}
		switch {
		case bits&(onlyFacts|onlyOnes) != 0:
		case bits&oneScale != 0:
			f.N = r.scaled(r.uint(), scale[0])
		default:
			f.N = r.decimal()
		}
		if bits&(onlyFacts|noTexts) == 0 {
			f.S = r.value(f.T)
		}
		out = append(out, f)
	}
	return out
}

func (r *unpacker) value(at event.Time) string {
	if r.uint() == 1 {
		return at.String()
	}
	return r.text()
}

func (r *unpacker) folds() map[string]*Fold {
	n := r.length()
	if n == 0 {
		return nil
	}
	out := make(map[string]*Fold, n)
	for range n {
		var key string
		if r.uint() == 0 {
			key = hex.EncodeToString(r.take(5))
		} else {
			key = r.text()
		}
		out[key] = r.fold()
	}
	return out
}

func (r *unpacker) fold() *Fold {
	bits := r.uint()
	f := &Fold{Keeps: Keeps(r.uint()), More: bits&hasMore != 0} //nolint:gosec // as written
	f.Facts = r.factList()
	if bits&hasCount != 0 {
		f.Count = r.int()
	}
	if bits&hasSum != 0 {
		f.Sum = r.decimal()
	}
	for _, one := range []struct {
		bit  uint64
		into **Fact
	}{{hasFirst, &f.First}, {hasLast, &f.Last}, {hasLow, &f.Low}, {hasHigh, &f.High}} {
		if bits&one.bit != 0 {
			if facts := r.factList(); len(facts) == 1 {
				*one.into = &facts[0]
			}
		}
	}
	var before event.Time
	if bits&hasSeen != 0 {
		f.Seen = map[string]event.Time{}
		for range r.length() {
			v := r.text()
			f.Seen[v] = r.time(&before)
		}
	}
	if bits&hasTally != 0 {
		f.Tally = map[string]int64{}
		for range r.length() {
			v := r.text()
			f.Tally[v] = r.int()
		}
	}
	if bits&hasHours != 0 {
		before = 0
		for range r.length() {
			f.Hours = append(f.Hours, Hour{T: r.time(&before), N: r.decimal()})
		}
	}
	if bits&hasChain != 0 {
		f.Chain = r.chain()
	}
	return f
}

func (r *unpacker) chain() *Chain {
	c := &Chain{Done: r.int(), Upto: event.Time(r.int())}
	for range r.length() {
		if c.Runs == nil {
			c.Runs = map[string]*Run{}
		}
		key := r.text()
		run := &Run{Armed: event.Time(r.int())}
		before := run.Armed
		for range r.length() {
			run.Starts = append(run.Starts, r.time(&before))
		}
		c.Runs[key] = run
	}
	return c
}
