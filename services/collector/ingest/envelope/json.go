package envelope

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tagwire/tagwire/schemas"
)

// Object is a decoded JSON object: values are string, json.Number, bool, nil,
// []any and map[string]any.
type Object = map[string]any

// Depth is how deeply arrays and objects of a JSON text are nested. It counts
// brackets outside of texts and allocates nothing, so it may be asked before
// anything is decoded.
func Depth(raw []byte) int {
	depth, deepest := 0, 0
	inText, escaped := false, false
	for _, b := range raw {
		switch {
		case escaped:
			escaped = false
		case inText:
			escaped = b == '\\'
			inText = b != '"'
		case b == '"':
			inText = true
		case b == '{' || b == '[':
			if depth++; depth > deepest {
				deepest = depth
			}
		case b == '}' || b == ']':
			depth--
		}
	}
	return deepest
}

// DecodeObject reads one JSON object that is at most nesting levels deep.
func DecodeObject(raw []byte, nesting int) (Object, *Refusal) {
	if d := Depth(raw); d > nesting {
		return nil, Refuse(schemas.ReasonTooDeep, "nested %d levels deep; at most %d are taken", d, nesting)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, Malformed(err)
	}
	if dec.More() {
		return nil, Refuse(schemas.ReasonMalformed, "more than one JSON value")
	}
	obj, ok := v.(map[string]any)
	if !ok {
		return nil, Refuse(schemas.ReasonWrongType, "the event is %s, not an object", TypeName(v))
	}
	if r := settle(obj); r != nil {
		return nil, r
	}
	return obj, nil
}

// Malformed words a decoder's error with its place.
func Malformed(err error) *Refusal {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return Refuse(schemas.ReasonMalformed, "not JSON at byte %d: %s", syntax.Offset, syntax.Error())
	}
	return Refuse(schemas.ReasonMalformed, "not JSON: the text ends too early")
}

// exact is the largest whole number that a float64 reader keeps exactly.
const exact = 1 << 53

// settle makes every number readable by all that come after: a whole number
// that a float64 would change becomes a text, one that it cannot hold at all is
// refused.
func settle(v any) *Refusal {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if n, ok := x.(json.Number); ok {
				y, r := settleNumber(n)
				if r != nil {
					return r
				}
				v[k] = y
			} else if r := settle(x); r != nil {
				return r
			}
		}
	case []any:
		for i, x := range v {
			if n, ok := x.(json.Number); ok {
				y, r := settleNumber(n)
				if r != nil {
					return r
				}
				v[i] = y
			} else if r := settle(x); r != nil {
				return r
			}
		}
	}
	return nil
}

func settleNumber(n json.Number) (any, *Refusal) {
	s := string(n)
	if !strings.ContainsAny(s, ".eE") {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil && i <= exact && i >= -exact {
			return n, nil
		}
		return s, nil
	}
	if f, err := strconv.ParseFloat(s, 64); err != nil || math.IsInf(f, 0) {
		return nil, Refuse(schemas.ReasonWrongType, "a number is too large to be kept")
	}
	return n, nil
}

// TypeName words the type of a decoded value.
func TypeName(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "a text"
	case json.Number, float64:
		return "a number"
	case bool:
		return "true or false"
	case []any:
		return "an array"
	}
	return "an object"
}

// Text is a text or number as text; ok is false for anything else. null and a
// missing value are "" and ok.
func Text(v any) (s string, ok bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return strings.TrimSpace(v), true
	case json.Number:
		return v.String(), true
	}
	return "", false
}

// ScalarText is Text without the word on its success.
func ScalarText(v any) string { s, _ := Text(v); return s }

// FirstText is the first of the named members that holds a text.
func FirstText(obj Object, names ...string) string {
	for _, n := range names {
		if s := ScalarText(obj[n]); s != "" {
			return s
		}
	}
	return ""
}

// Hash names an event that has no id of its own by its source and content, so
// that a retry is recognised. Members named in without (the sender's envelope,
// when it was sent) do not count, nor does the order of members.
func Hash(source string, obj Object, without ...string) string {
	rest := make(Object, len(obj))
	maps.Copy(rest, obj)
	for _, k := range without {
		delete(rest, k)
	}
	b, err := json.Marshal(rest) // sorted keys
	if err != nil {              // cannot be: obj was decoded from JSON
		b = []byte(err.Error())
	}
	h := sha256.New()
	_, _ = h.Write([]byte(strconv.Itoa(len(source)) + ":" + source))
	_, _ = h.Write(b)
	return hex.EncodeToString(h.Sum(nil)[:20])
}

// CheckID refuses an event id that is too long or holds control characters.
func CheckID(id string, limit int) *Refusal {
	if n := utf8.RuneCountInString(id); n > limit {
		return Refuse(schemas.ReasonBadID, "the event id has %d characters; at most %d are taken", n, limit)
	}
	if strings.ContainsFunc(id, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
		return Refuse(schemas.ReasonBadID, "the event id holds control characters")
	}
	return nil
}
