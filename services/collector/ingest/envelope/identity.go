package envelope

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
)

const (
	maxNamespace = 64
	maxValue     = 256
)

// Identity makes an identity as it is kept, normal and within limits. An empty value
// is no identity: ok is false.
func Identity(namespace, value string) (id event.Identity, ok bool, why *Refusal) {
	if strings.TrimSpace(value) == "" {
		return id, false, nil
	}
	if !namespaceFits(namespace) {
		return id, false, Refuse(schemas.ReasonWrongType, "an identity's namespace is made of letters, digits, '.', '_' and '-', at most %d", maxNamespace)
	}
	id = event.Identity{Namespace: namespace, Value: value}.Normal()
	value = id.Value
	if len(value) > maxValue || !utf8.ValidString(value) {
		return id, false, Refuse(schemas.ReasonWrongType, "the identity of %s is longer than %d bytes", namespace, maxValue)
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
		return id, false, Refuse(schemas.ReasonWrongType, "the identity of %s holds control characters", namespace)
	}
	return id, value != "", nil
}

func namespaceFits(ns string) bool {
	if ns == "" || len(ns) > maxNamespace {
		return false
	}
	for _, r := range ns {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-' {
			return false
		}
	}
	return true
}

// AddIdentity appends an identity that is not there yet.
func AddIdentity(e *event.Event, namespace, value string) *Refusal {
	id, ok, why := Identity(namespace, value)
	if why != nil || !ok {
		return why
	}
	if slices.Contains(e.Identities, id) {
		return nil
	}
	e.Identities = append(e.Identities, id)
	return nil
}

// AddIdentities reads the open list `identities`: texts namespace:value, or an
// object namespace → value.
func AddIdentities(e *event.Event, v any) *Refusal {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		for _, x := range v {
			s, _ := x.(string)
			ns, value, ok := strings.Cut(s, ":")
			if !ok {
				return Refuse(schemas.ReasonWrongType, "identities holds something that is not namespace:value")
			}
			if why := AddIdentity(e, ns, value); why != nil {
				return why
			}
		}
		return nil
	case map[string]any:
		for _, ns := range sortedKeys(v) {
			s, ok := Text(v[ns])
			if !ok {
				return Refuse(schemas.ReasonWrongType, "identities.%s is %s, not a text", ns, TypeName(v[ns]))
			}
			if why := AddIdentity(e, ns, s); why != nil {
				return why
			}
		}
		return nil
	}
	return Refuse(schemas.ReasonWrongType, "identities is %s, not a list", TypeName(v))
}
