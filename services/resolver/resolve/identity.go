package resolve

import "github.com/tagwire/tagwire/libs/event"

// hasher keys personal values.
type hasher interface {
	Hash(namespace, value string) string
}

// Normalize brings identities to the form in which they are stored: normal,
// personal values as keyed hashes; repeated ones once, in the order of the event.
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
	if id.Namespace == linkNamespace {
		id.Namespace = DirectNamespace
	}
	id = id.Normal()
	if id.Personal() && id.Value != "" {
		id.Value = h.Hash(id.Namespace, id.Value)
	}
	return id
}
