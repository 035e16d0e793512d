package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
)

// ErrMapping is the cause of every refusal of a mapping.
var ErrMapping = errors.New("the mapping does not fit")

// expr gives a field's value; nil: there is none.
type expr func(scope) any

// Mapping is a compiled mapping.
type Mapping struct {
	fields []field
	form   expr
	each   *path
}

type field struct {
	name  []string
	value expr
}

// Compile checks a mapping whole; nil where there is none.
func Compile(raw map[string]any) (*Mapping, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	m := &Mapping{}
	return m, m.add(nil, raw)
}

// tops are the fields of the envelope that a mapping may fill; those marked true
// hold members of their own.
var tops = map[string]bool{
	"event_id": false, "type": false, "time": false, "sent_at": false, "user_id": false, "anonymous_id": false, "staff_id": false,
	"channel": false, "store_id": false, "touchpoint": false, "from": false, "amount": false, "currency": false, "text": false,
	"backfill": false, "identities": true, "object": true, "traits": true, "properties": true, "context": true,
}

func (m *Mapping) add(prefix []string, raw map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		name := append(slices.Clone(prefix), strings.Split(key, ".")...)
		if len(prefix) > 0 && prefix[0] != "object" { // a name within traits may hold a dot
			name = append(slices.Clone(prefix), key)
		}
		if err := m.addField(name, raw[key]); err != nil {
			return fmt.Errorf("mapping of %s: %w", strings.Join(name, "."), err)
		}
	}
	return nil
}

func (m *Mapping) addField(name []string, v any) error {
	holds, known := tops[name[0]]
	nested, isObject := v.(map[string]any)
	switch {
	case len(name) == 1 && name[0] == "each":
		s, _ := v.(string)
		p, err := parsePath(s)
		m.each = &p
		return err
	case len(name) == 1 && name[0] == "form":
		var err error
		m.form, err = compile(v)
		return err
	case !known:
		return fmt.Errorf("the envelope has no field %q: %w", name[0], ErrMapping)
	case len(name) > 1 && !holds:
		return fmt.Errorf("%s has no members: %w", name[0], ErrMapping)
	case len(name) == 1 && holds && isObject && !isExpression(nested):
		return m.add(name, nested)
	}
	value, err := compile(v)
	if err != nil {
		return err
	}
	if holds && len(name) > 2 { // identities.openid.app1: the first name, then the rest as one
		name = []string{name[0], strings.Join(name[1:], ".")}
	}
	m.fields = append(m.fields, field{name, value})
	return nil
}

func isExpression(m map[string]any) bool { return m["path"] != nil || m["template"] != nil }

func compile(v any) (expr, error) {
	switch v := v.(type) {
	case string:
		return compileText(v)
	case float64: // as decoded events have them
		n := json.Number(strconv.FormatFloat(v, 'f', -1, 64))
		return func(scope) any { return n }, nil
	case nil, bool, json.Number:
		return func(scope) any { return v }, nil
	case []any:
		return compileFirst(v)
	case map[string]any:
		return compileObject(v)
	}
	return nil, fmt.Errorf("%T: %w", v, ErrMapping)
}

func compileText(s string) (expr, error) {
	if strings.Contains(s, "{{") {
		return compileTemplate(s)
	}
	if !strings.HasPrefix(s, "$") {
		return func(scope) any { return s }, nil
	}
	p, err := parsePath(s)
	if err != nil {
		return nil, err
	}
	return func(in scope) any { return p.in(in) }, nil
}

// compileTemplate joins texts and paths; one whose paths all lead nowhere gives
// nothing.
func compileTemplate(s string) (expr, error) {
	type part struct {
		text string
		path *path
	}
	var parts []part
	for s != "" {
		before, rest, open := strings.Cut(s, "{{")
		parts = append(parts, part{text: before})
		if !open {
			break
		}
		inside, after, closed := strings.Cut(rest, "}}")
		if !closed {
			return nil, fmt.Errorf("{{ without }}: %w", ErrMapping)
		}
		p, err := parsePath(strings.TrimSpace(inside))
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{path: &p})
		s = after
	}
	return func(in scope) any {
		var b strings.Builder
		found := false
		for _, p := range parts {
			if p.path == nil {
				_, _ = b.WriteString(p.text)
			} else if t := envelope.ScalarText(p.path.in(in)); t != "" {
				found = true
				_, _ = b.WriteString(t)
			}
		}
		if !found {
			return nil
		}
		return strings.TrimSpace(b.String())
	}, nil
}

func compileFirst(list []any) (expr, error) {
	all := make([]expr, len(list))
	for i, v := range list {
		var err error
		if all[i], err = compile(v); err != nil {
			return nil, err
		}
	}
	return func(in scope) any {
		for _, e := range all {
			if v := e(in); v != nil && v != "" {
				return v
			}
		}
		return nil
	}, nil
}

func compileObject(m map[string]any) (expr, error) {
	source := m["path"]
	if source == nil {
		source = m["template"]
	}
	if source == nil {
		if c, ok := m["const"]; ok {
			return func(scope) any { return c }, nil
		}
		return nil, fmt.Errorf("an object needs path, template or const: %w", ErrMapping)
	}
	e, err := compile(source)
	if err != nil {
		return nil, err
	}
	table, _ := m["map"].(map[string]any)
	otherwise := m["default"]
	return func(in scope) any {
		v := e(in)
		if to, ok := table[envelope.ScalarText(v)]; ok && v != nil {
			return to
		}
		if v == nil || v == "" || table != nil && otherwise != nil {
			return otherwise
		}
		return v
	}, nil
}
