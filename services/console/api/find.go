package api

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/services/console/shards"
)

// directNamespace addresses a profile by its id, as the resolver knows it.
const directNamespace = "profile"

// find reads the customer that {id} stands for: a profile id, or an identity
// namespace:value. Whoever was merged away is found as today.
func (a *API) find(ctx context.Context, id string) (*profile.Profile, error) {
	ident, err := event.ParseIdentity(id)
	if err != nil {
		return a.shards.Profile(ctx, id)
	}
	if ident.Namespace == directNamespace {
		return a.shards.Profile(ctx, ident.Value)
	}
	ident = a.stored(ident)
	found, err := a.names.Lookup(ctx, []event.Identity{ident})
	if err != nil {
		return nil, err
	}
	if found[ident] == "" {
		return nil, fmt.Errorf("identity of %s: %w", ident.Namespace, shards.ErrUnknown)
	}
	return a.shards.Profile(ctx, found[ident])
}

// stored is an identity as the resolver keeps it: personal values by their keyed
// hash. A hash, as answers show it, stands for itself.
func (a *API) stored(id event.Identity) event.Identity {
	id.Value = strings.TrimSpace(id.Value)
	if !id.Personal() || isHash(id.Value) {
		return id
	}
	switch id.Namespace {
	case "phone":
		id.Value = phoneDigits(id.Value)
	case "email":
		id.Value = strings.ToLower(id.Value)
	}
	if id.Value != "" {
		id.Value = a.opt.Keys.Master().Hash(id.Namespace, id.Value)
	}
	return id
}

// isHash says that a text looks like the hash of a value: 32 hex digits. No phone
// number or address does.
func isHash(s string) bool {
	return len(s) == 32 && !strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune("0123456789abcdef", r) })
}

// phoneDigits is a phone number as it is hashed: digits, a Chinese mobile number
// without +86.
func phoneDigits(s string) string {
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
