package event

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/govalues/decimal"
)

// Records are read by every role, most of them as Encode has written them. So what
// Encode writes is read by hand, at a third of the time. Whatever else there is (a
// field in another case, a null, a kind of record beside interactions, a damaged text)
// is left to encoding/json, whose answer stands. A test holds the two together.

// reader walks over one JSON text. Once it is odd nothing that it gave is good.
type reader struct {
	b   []byte
	i   int
	odd bool
}

// readRecord reads a record of an interaction; false when encoding/json must.
func readRecord(b []byte, out *Record) bool {
	r := reader{b: b}
	r.object(func(key []byte) {
		switch string(key) {
		case "k":
			out.Kind = Kind(r.text())
		case "s":
			out.Source = r.text()
		case "n":
			out.Number = r.number()
		case "at":
			out.Place = r.time()
		case "p":
			out.Profile = r.text()
		case "own":
			out.Own = r.identities()
		case "e":
			r.first(out.Event == nil)
			out.Event = &Event{}
			r.event(out.Event)
		case "raw":
			out.Raw = r.text()
		case "repair":
			out.Repair = r.bool()
		case "pt":
			out.Parted = r.bool()
		case "internal":
			out.Internal = r.bool()
		default:
			r.odd = true
		}
	})
	return r.whole()
}

// readEvent reads an event; false when encoding/json must.
func readEvent(b []byte, out *Event) bool {
	r := reader{b: b}
	r.event(out)
	return r.whole()
}

func (r *reader) whole() bool { return !r.odd && r.i == len(r.b) }

func (r *reader) event(e *Event) {
	r.object(func(key []byte) {
		switch string(key) {
		case "event_id":
			e.EventID = r.text()
		case "type":
			e.Type = r.text()
		case "time":
			e.Time = r.time()
		case "original_time":
			e.OriginalTime = r.time()
		case "received_at":
			e.ReceivedAt = r.time()
		case "sent_at":
			e.SentAt = r.time()
		case "source":
			e.Source = r.text()
		case "identities":
			e.Identities = r.identities()
		case "object":
			r.first(e.Object == nil)
			e.Object = &Object{}
			r.thing(e.Object)
		case "amount":
			e.Amount = r.decimal()
		case "traits":
			e.Traits = r.fields(e.Traits)
		case "properties":
			e.Properties = r.fields(e.Properties)
		case "context":
			e.Context = r.fields(e.Context)
		case "tags":
			e.Tags = r.texts()
		case "matched":
			e.Matched = r.matches()
		case "backfill":
			e.Backfill = r.bool()
		default:
			r.eventText(key, e)
		}
	})
}

// eventText reads the optional plain texts of an event.
func (r *reader) eventText(key []byte, e *Event) {
	switch string(key) {
	case "staff_id":
		e.StaffID = r.text()
	case "channel":
		e.Channel = r.text()
	case "store_id":
		e.StoreID = r.text()
	case "touchpoint":
		e.Touchpoint = r.text()
	case "from":
		e.From = r.text()
	case "currency":
		e.Currency = r.text()
	case "text":
		e.Text = r.text()
	case "import":
		e.Import = r.text()
	default:
		r.odd = true
	}
}

func (r *reader) thing(o *Object) {
	r.object(func(key []byte) {
		switch string(key) {
		case "type":
			o.Type = r.text()
		case "id":
			o.ID = r.text()
		case "title":
			o.Title = r.text()
		case "category":
			o.Category = r.text()
		case "brand":
			o.Brand = r.text()
		case "price":
			o.Price = r.decimal()
		default:
			r.odd = true
		}
	})
}

func (r *reader) matches() []Match {
	out := []Match{}
	r.list(func() {
		var m Match
		r.object(func(key []byte) {
			switch string(key) {
			case "list":
				m.List = r.text()
			case "version":
				m.Version = int(r.number())
			case "words":
				m.Words = r.texts()
			default:
				r.odd = true
			}
		})
		out = append(out, m)
	})
	return out
}

func (r *reader) identities() []Identity {
	out := []Identity{}
	r.list(func() {
		id, err := ParseIdentity(r.text())
		r.odd = r.odd || err != nil
		out = append(out, id)
	})
	return out
}

func (r *reader) texts() []string {
	out := []string{}
	r.list(func() { out = append(out, r.text()) })
	return out
}

// first says that a name comes for the first time: what a second one does is
// encoding/json's.
func (r *reader) first(is bool) { r.odd = r.odd || !is }

// byte is the one at hand, 0 at the end.
func (r *reader) byte() byte {
	if r.i < len(r.b) {
		return r.b[r.i]
	}
	return 0
}

// take steps over a sign that must be there.
func (r *reader) take(c byte) {
	if r.byte() != c {
		r.odd = true
		return
	}
	r.i++
}

// object gives each name; field reads its value.
func (r *reader) object(field func(key []byte)) {
	r.take('{')
	for n := 0; !r.odd && r.byte() != '}'; n++ {
		if n > 0 {
			r.take(',')
		}
		key := r.quoted()
		r.take(':')
		if r.odd {
			return
		}
		field(key)
	}
	r.take('}')
}

func (r *reader) list(item func()) {
	r.take('[')
	for n := 0; !r.odd && r.byte() != ']'; n++ {
		if n > 0 {
			r.take(',')
		}
		if !r.odd {
			item()
		}
	}
	r.take(']')
}

// quoted is what stands between quotes, without escapes; with one the text is odd.
func (r *reader) quoted() []byte {
	r.take('"')
	if r.odd {
		return nil
	}
	n := bytes.IndexByte(r.b[r.i:], '"')
	if n < 0 {
		r.odd = true
		return nil
	}
	s := r.b[r.i : r.i+n]
	ascii := true
	for _, c := range s {
		if c < ' ' || c == '\\' {
			r.odd = true
			return nil
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	if !ascii && !utf8.Valid(s) {
		r.odd = true
		return nil
	}
	r.i += n + 1
	return s
}

// text reads a text; one with escapes is unquoted by encoding/json.
func (r *reader) text() string {
	from := r.i
	if s := r.quoted(); !r.odd {
		return string(s)
	}
	r.odd, r.i = false, from
	r.take('"')
	for r.i < len(r.b) && r.b[r.i] != '"' {
		if r.b[r.i] == '\\' {
			r.i++
		}
		r.i++
	}
	r.take('"')
	var s string
	if r.odd || json.Unmarshal(r.b[from:r.i], &s) != nil {
		r.odd = true
	}
	return s
}

func (r *reader) bool() bool {
	for _, word := range []string{"true", "false"} {
		if bytes.HasPrefix(r.b[r.i:], []byte(word)) {
			r.i += len(word)
			return word == "true"
		}
	}
	r.odd = true
	return false
}

// digits are those of a number at hand.
func (r *reader) digits() []byte {
	from := r.i
	for r.i < len(r.b) && (r.b[r.i] >= '0' && r.b[r.i] <= '9' || bytes.IndexByte([]byte("+-.eE"), r.b[r.i]) >= 0) {
		r.i++
	}
	return r.b[from:r.i]
}

// number reads a whole number.
func (r *reader) number() int64 {
	d := r.digits()
	n, err := strconv.ParseInt(string(d), 10, 64)
	if err != nil || !json.Valid(d) {
		r.odd = true
	}
	return n
}

func (r *reader) decimal() *decimal.Decimal {
	s := r.quoted()
	if r.odd {
		return nil
	}
	d, err := decimal.Parse(string(s))
	if err != nil {
		r.odd = true
	}
	return &d
}

// time reads the wire form; another is encoding/json's.
func (r *reader) time() Time {
	s := r.quoted()
	t, ok := parseWire(s)
	r.odd = r.odd || !ok
	return t
}

func (r *reader) fields(had Fields) Fields {
	r.first(had == nil)
	out := Fields{}
	r.object(func(key []byte) { out[string(key)] = r.any(0) })
	return out
}

// deepest is how far open fields are read by hand.
const deepest = 20

func (r *reader) any(depth int) any {
	switch c := r.byte(); {
	case depth > deepest:
	case c == '"':
		return r.text()
	case c == 't', c == 'f':
		return r.bool()
	case c == 'n' && bytes.HasPrefix(r.b[r.i:], []byte("null")):
		r.i += len("null")
		return nil
	case c == '{':
		out := map[string]any{}
		r.object(func(key []byte) { out[string(key)] = r.any(depth + 1) })
		return out
	case c == '[':
		out := []any{}
		r.list(func() { out = append(out, r.any(depth+1)) })
		return out
	case c == '-' || c >= '0' && c <= '9':
		d := r.digits()
		f, err := strconv.ParseFloat(string(d), 64)
		if err == nil && json.Valid(d) {
			return f
		}
	}
	r.odd = true
	return nil
}
