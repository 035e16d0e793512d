package api

import (
	"context"
	"fmt"
	"strings"

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
	if id.Personal() && isHash(id.Value) {
		return id
	}
	id = id.Normal()
	if id.Personal() && id.Value != "" {
		id.Value = a.opt.Keys.Master().Hash(id.Namespace, id.Value)
	}
	return id
}

// isHash says that a text looks like the hash of a value: 32 hex digits. No phone
// number or address does.
func isHash(s string) bool {
	return len(s) == 32 && !strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune("0123456789abcdef", r) })
}
