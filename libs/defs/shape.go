package defs

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// body is what every kind's type does.
type body interface {
	check(*checker)
	secrets() []secretField
}

// newBody is an empty body of a kind, nil if there is no such kind.
func newBody(kind string) body {
	switch kind {
	case KindSource:
		return &Source{}
	case KindChannel:
		return &Channel{}
	case KindStore:
		return &Shop{}
	case KindLink:
		return &Link{}
	case KindForm:
		return &Form{}
	case KindStaff:
		return &Staff{}
	case KindRoute:
		return &Route{}
	case KindRules:
		return &Rules{}
	case KindList:
		return &List{}
	}
	return nil
}

// decode reads a body leniently, as readers do.
func decode(kind string, raw json.RawMessage) (body, error) {
	b := newBody(kind)
	if b == nil {
		return nil, fmt.Errorf("kind %q: %w", kind, ErrInvalid)
	}
	if err := json.Unmarshal(raw, b); err != nil {
		return nil, fmt.Errorf("body of a %s: %w", kind, err)
	}
	return b, nil
}

// parse reads a body as writers must send it: no field that the kind lacks.
func parse(kind string, raw json.RawMessage) (body, []Problem) {
	var generic any
	if err := json.Unmarshal(raw, &generic); err != nil {
		return nil, []Problem{{"", "is not JSON: " + err.Error()}}
	}
	if _, ok := generic.(map[string]any); !ok {
		return nil, []Problem{{"", "is not an object of fields"}}
	}
	b := newBody(kind)
	if problems := unknownFields(generic, reflect.TypeOf(b), ""); len(problems) > 0 {
		return nil, problems
	}
	err := json.Unmarshal(raw, b)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		return nil, []Problem{{wrong.Field, fmt.Sprintf("is a %s; %s is needed", wrong.Value, typeName(wrong.Type))}}
	case err != nil:
		return nil, []Problem{{"", err.Error()}}
	}
	return b, nil
}

// unknownFields compares a decoded value with the type that is to take it.
func unknownFields(v any, t reflect.Type, path string) []Problem {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var out []Problem
	switch v := v.(type) {
	case map[string]any:
		if t.Kind() != reflect.Struct {
			return nil // a map takes any field; another type is refused by decoding
		}
		known := map[string]reflect.Type{}
		for f := range t.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			known[name] = f.Type
		}
		for name, value := range v {
			ft, ok := known[name]
			if !ok {
				out = append(out, Problem{path + name, "is not a field here; there are " + strings.Join(sortedKeys(known), ", ")})
				continue
			}
			out = append(out, unknownFields(value, ft, path+name+".")...)
		}
	case []any:
		if t.Kind() != reflect.Slice {
			return nil
		}
		for i, value := range v {
			out = append(out, unknownFields(value, t.Elem(), path+strconv.Itoa(i)+".")...)
		}
	}
	slices.SortFunc(out, func(a, b Problem) int { return strings.Compare(a.Field, b.Field) })
	return out
}

func sortedKeys(m map[string]reflect.Type) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Slice:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "an object"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	}
	return t.String()
}

const (
	maxID    = 64
	maxState = 30 // bytes of WeCom's State, which is a channel's id
)

// checkName refuses unknown kinds and ids that would not fit a record key, a file
// name or a URL.
func checkName(kind, id string) error {
	if newBody(kind) == nil {
		return invalid(kind, id, "", "unknown kind; there are "+strings.Join(Kinds(), ", "))
	}
	if m := idProblem(kind, id); m != "" {
		return invalid(kind, id, "id", m)
	}
	return nil
}

func idProblem(kind, id string) string {
	switch {
	case id == "":
		return "is empty"
	case len(id) > maxID:
		return fmt.Sprintf("has %d bytes; at most %d fit", len(id), maxID)
	case kind == KindChannel && len(id) > maxState:
		return fmt.Sprintf("has %d bytes; it is WeCom's State, which takes at most %d", len(id), maxState)
	case !utf8.ValidString(id):
		return "is not UTF-8"
	case kind == KindRules && id != RulesID:
		return "of the rule set is " + RulesID
	}
	for i, r := range id {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || i > 0 && strings.ContainsRune("-.@", r) {
			continue
		}
		return fmt.Sprintf("holds %q; letters, digits, _ and, not in front, - . @ are allowed", r)
	}
	return ""
}

func invalid(kind, id, field, message string) error {
	return &InvalidError{Kind: kind, ID: id, Problems: []Problem{{field, message}}}
}

// check parses and judges a body that is to be written.
func (s *Store) check(p Put, current Def) (body, error) {
	if err := checkName(p.Kind, p.ID); err != nil {
		return nil, err
	}
	b, problems := parse(p.Kind, p.Body)
	if len(problems) > 0 {
		return nil, &InvalidError{Kind: p.Kind, ID: p.ID, Problems: problems}
	}
	var c checker
	c.problems = keepMasked(b, current)
	b.check(&c)
	if src, ok := b.(*Source); ok {
		s.checkWriteKey(&c, p.ID, src)
	}
	if len(c.problems) > 0 {
		return nil, &InvalidError{Kind: p.Kind, ID: p.ID, Problems: c.problems}
	}
	validate := s.opt.Validate[p.Kind]
	if validate == nil {
		return b, nil
	}
	raw, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", p.Kind, p.ID, err)
	}
	if err := validate(raw); err != nil {
		return nil, &InvalidError{Kind: p.Kind, ID: p.ID, Problems: []Problem{{"", err.Error()}}, Cause: err}
	}
	return b, nil
}

// checkWriteKey keeps a write key from naming two sources.
func (s *Store) checkWriteKey(c *checker, id string, b *Source) {
	if b.WriteKey == "" {
		return
	}
	for _, d := range s.List(KindSource) {
		other, err := Body[Source](d)
		if err == nil && d.ID != id && other.WriteKey == b.WriteKey {
			c.failf("write_key", "is that of source %s already", d.ID)
		}
	}
}
