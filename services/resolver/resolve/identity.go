package resolve

import (
	"strings"
	"unicode"

	"github.com/tagwire/tagwire/libs/event"
)

// hasher keys personal values.
type hasher interface {
	Hash(namespace, value string) string
}

// Normalize brings identities to the form in which they are stored: phones as
// digits with a country's prefix, e-mail in lower case, both as keyed hashes;
// repeated ones once, in the order of the event.
func Normalize(ids []event.Identity, h hasher) []event.Identity {
	out := make([]event.Identity, 0, len(ids))
	seen := map[event.Identity]bool{}
	for _, id := range ids {
		n := NormalizeOne(id, h)
		if n.Value == "" || seen[n] {
			continue
		}
		seen[n] = true
		out = append(out, n)
	}
	return out
}

// linkNamespace is how the collector names the profile that a link was made for.
const linkNamespace = "profile_id"

// NormalizeOne is Normalize for one identity; its value is empty when nothing
// is left of it.
func NormalizeOne(id event.Identity, h hasher) event.Identity {
	id.Value = strings.TrimSpace(id.Value)
	if id.Namespace == linkNamespace {
		id.Namespace = DirectNamespace
	}
	switch id.Namespace {
	case "phone":
		id.Value = phone(id.Value)
	case "email":
		id.Value = strings.ToLower(id.Value)
	}
	if id.Personal() && id.Value != "" {
		id.Value = h.Hash(id.Namespace, id.Value)
	}
	return id
}

// phone keeps digits; a Chinese mobile number loses +86 or 0086.
func phone(s string) string {
	digits := strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
	for _, prefix := range []string{"0086", "86"} {
		if rest, ok := strings.CutPrefix(digits, prefix); ok && len(rest) == 11 && rest[0] == '1' {
			return rest
		}
	}
	return digits
}
