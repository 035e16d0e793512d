package cond

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
)

// Kind is what a value is.
type Kind uint8

// The kinds of values.
const (
	Absent Kind = iota
	Bool
	Number // decimal
	Score  // floating point
	Text
	List
	Span // a length of time, in ms
)

// Value is what a condition or a part of one gives.
type Value struct {
	Kind   Kind
	Bool   bool
	Number decimal.Decimal
	Score  float64
	Text   string
	List   []string
	More   bool // a window that holds more than it keeps: at least this many
}

// BoolOf is a condition.
func BoolOf(b bool) Value { return Value{Kind: Bool, Bool: b} }

// NumberOf is a decimal.
func NumberOf(d decimal.Decimal) Value { return Value{Kind: Number, Number: d} }

// TextOf is a text.
func TextOf(s string) Value { return Value{Kind: Text, Text: s} }

// ListOf is a list of texts.
func ListOf(l []string) Value { return Value{Kind: List, List: l} }

// ScoreOf is a floating point number.
func ScoreOf(f float64) Value { return Value{Kind: Score, Score: f} }

// SpanOf is a length of time.
func SpanOf(d time.Duration) Value {
	return Value{Kind: Span, Number: decimal.MustNew(d.Milliseconds(), 0)}
}

// IntOf is a whole number.
func IntOf(n int64) Value { return NumberOf(decimal.MustNew(n, 0)) }

// Of converts a value from JSON.
func Of(v any) Value {
	switch v := v.(type) {
	case nil:
		return Value{}
	case bool:
		return BoolOf(v)
	case string:
		return TextOf(v)
	case float64:
		if d, err := decimal.NewFromFloat64(v); err == nil {
			return NumberOf(d)
		}
		return ScoreOf(v)
	case int64:
		return IntOf(v)
	case uint64:
		if d, err := decimal.Parse(strconv.FormatUint(v, 10)); err == nil {
			return NumberOf(d)
		}
	case []any:
		var l []string
		for _, e := range v {
			l = append(l, Of(e).String())
		}
		return ListOf(l)
	}
	return Value{}
}

// True says that a condition holds: only the boolean true does.
func (v Value) True() bool { return v.Kind == Bool && v.Bool }

// String is the value for people; empty when absent.
func (v Value) String() string {
	switch v.Kind {
	case Bool:
		return strconv.FormatBool(v.Bool)
	case Number:
		s := v.Number.Trim(0).String()
		if v.More {
			return "≥" + s
		}
		return s
	case Score:
		return strconv.FormatFloat(v.Score, 'f', 2, 64)
	case Text:
		return v.Text
	case List:
		return strings.Join(v.List, "、")
	case Span:
		ms, _, _ := v.Number.Int64(0)
		return SpanText(time.Duration(ms) * time.Millisecond)
	}
	return ""
}

// JSON is the value for programs: number, decimal string, text or array.
func (v Value) JSON() any {
	switch v.Kind {
	case Bool:
		return v.Bool
	case Number:
		if n, _, ok := v.Number.Int64(0); ok && v.Number.IsInt() && n < 1<<53 && n > -1<<53 {
			return n
		}
		return v.Number.String()
	case Score:
		return v.Score
	case Text:
		return v.Text
	case List:
		return v.List
	case Span:
		ms, _, _ := v.Number.Int64(0)
		return ms
	}
	return nil
}

func (v Value) isNumber() bool { return v.Kind == Number || v.Kind == Score }

func (v Value) float() float64 {
	if v.Kind == Score {
		return v.Score
	}
	f, _ := v.Number.Float64()
	return f
}

// compare orders two values; ok is false where they cannot be compared, which
// makes every comparison with them false.
func compare(a, b Value) (c int, ok bool) {
	switch {
	case a.Kind == Number && b.Kind == Number, a.Kind == Span && b.Kind == Span:
		return a.Number.Cmp(b.Number), true
	case a.isNumber() && b.isNumber():
		return cmp.Compare(a.float(), b.float()), true
	case a.Kind == Text && b.Kind == Text:
		return strings.Compare(a.Text, b.Text), true
	case a.Kind == Bool && b.Kind == Bool:
		if a.Bool == b.Bool {
			return 0, true
		}
		return 1, true
	case a.Kind == List && b.Kind == List:
		return slices.Compare(a.List, b.List), true
	}
	return 0, false
}

// Moment is what a condition is judged by: the profile as of Now, and for event
// tags and `where` the event.
type Moment struct {
	Now     event.Time
	Profile *profile.Profile
	Event   *event.Event
	Memo    *Memo // nil: nothing is remembered
	// Before is for Next: moments at or after it need not be exact; 0: all are wanted.
	Before event.Time
}

// Memo remembers values as of one moment of one profile, so that a hundred
// conditions on a measure read it once. It is good as long as nothing is folded.
type Memo struct {
	now    event.Time
	values []Value
	known  []bool
}

// NewMemo remembers up to n values as of now.
func NewMemo(now event.Time, n int) *Memo {
	return &Memo{now: now, values: make([]Value, n), known: make([]bool, n)}
}

// Reset forgets all and is good for n values as of now.
func (k *Memo) Reset(now event.Time, n int) {
	if len(k.values) < n {
		*k = *NewMemo(now, n)
		return
	}
	k.now = now
	clear(k.known)
}

// Recall is the value with a number as of m.Now; it is read when it is not known.
func (m *Moment) Recall(number int, read func() Value) Value {
	k := m.Memo
	if k == nil || k.now != m.Now || number >= len(k.values) {
		return read()
	}
	if !k.known[number] {
		k.values[number], k.known[number] = read(), true
	}
	return k.values[number]
}

// Node is a compiled condition or a part of one.
type Node interface {
	// Eval judges as of m.Now. It has no side effects.
	Eval(m *Moment) Value
	// Next is the next moment after m.Now at which the value may change without
	// a new event; 0: never.
	Next(m *Moment) event.Time
}

// Earliest is the smaller of two moments of which 0 means never.
func Earliest(a, b event.Time) event.Time {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// Typed is a node whose kind is known before it is judged.
type Typed interface{ Kind() Kind }

// KindOf is the kind that a node gives when it is present, Absent when only
// judging can tell.
func KindOf(n Node) Kind {
	switch n := n.(type) {
	case Const:
		return n.Value.Kind
	case and, or, not, comparison, member, textTest:
		return Bool
	case length:
		return Number
	case negative:
		return KindOf(n.a)
	case arithmetic:
		return reckoned(n)
	case Typed:
		return n.Kind()
	}
	return Absent
}

// Chinese is the name of the kind in Chinese.
func (k Kind) Chinese() string {
	return [...]string{"缺失的值", "条件", "数字", "分数", "文本", "列表", "时长"}[k]
}

// String names a kind for people.
func (k Kind) String() string {
	return [...]string{"missing value", "condition", "number", "score", "text", "list", "length of time"}[k]
}
