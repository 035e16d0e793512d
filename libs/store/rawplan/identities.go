package rawplan

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/tagwire/tagwire/libs/event"
)

// Identities maps identities to profiles. Personal values are hashed before
// they come here.
type Identities struct{ rdb redis.UniversalClient }

// NewIdentities reads and writes the mapping.
func NewIdentities(rdb redis.UniversalClient) Identities { return Identities{rdb} }

func idKey(id event.Identity) string { return "tw:id:" + id.Namespace + ":" + id.Value }

// People are the distinct unique identities that were seen with each of some
// phones and devices.
type People map[event.Identity][]event.Identity

func seenKey(id event.Identity) string { return "tw:seen:" + id.Namespace + ":" + id.Value }

// Lookup finds the profiles of identities; unknown ones are missing.
func (i Identities) Lookup(ctx context.Context, ids []event.Identity) (map[event.Identity]string, error) {
	out, _, err := i.Read(ctx, ids, nil)
	return out, err
}

// Read is Lookup, and of the limited ones with whom they were seen, in the same
// round trip.
func (i Identities) Read(ctx context.Context, ids, limited []event.Identity) (map[event.Identity]string, People, error) {
	out, people := make(map[event.Identity]string, len(ids)), make(People, len(limited))
	if len(ids)+len(limited) == 0 {
		return out, people, nil
	}
	pipe := i.rdb.Pipeline()
	cmds := make([]*redis.StringCmd, len(ids))
	for n, id := range ids {
		cmds[n] = pipe.Get(ctx, idKey(id))
	}
	sets := askPeople(ctx, pipe, limited)
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, nil, fmt.Errorf("look up %d identities: %w", len(ids), err)
	}
	for n, c := range cmds {
		if v, err := c.Result(); err == nil {
			out[ids[n]] = v
		} else if !errors.Is(err, redis.Nil) {
			return nil, nil, fmt.Errorf("look up identity %s: %w", ids[n].Namespace, err)
		}
	}
	return out, people, people.take(limited, sets)
}

func askPeople(ctx context.Context, pipe redis.Pipeliner, limited []event.Identity) []*redis.StringSliceCmd {
	sets := make([]*redis.StringSliceCmd, len(limited))
	for n, id := range limited {
		sets[n] = pipe.SMembers(ctx, seenKey(id))
	}
	return sets
}

// take reads the answers to askPeople; who was seen with nobody is missing.
func (p People) take(limited []event.Identity, sets []*redis.StringSliceCmd) error {
	for n, c := range sets {
		texts, err := c.Result()
		if err != nil {
			return fmt.Errorf("read with whom %s was seen: %w", limited[n].Namespace, err)
		}
		for _, text := range texts {
			who, err := event.ParseIdentity(text)
			if err != nil {
				return fmt.Errorf("read with whom %s was seen: %w", limited[n].Namespace, err)
			}
			p[limited[n]] = append(p[limited[n]], who)
		}
	}
	return nil
}

// Seen says that a phone or device was seen with a unique identity.
type Seen struct {
	Identity event.Identity `json:"i"`
	With     event.Identity `json:"w"`
}

// Link is an identity that a plan gives to a profile.
type Link struct {
	Identity event.Identity `json:"i"`
	Profile  string         `json:"p"`
}

// Claim writes links that are not there yet; lost are those that another
// partition has given to another profile meanwhile.
func (i Identities) Claim(ctx context.Context, links []Link) (lost []Link, err error) {
	lost, _, err = i.Write(ctx, links, nil)
	return lost, err
}

// Write is Claim, and in the same round trip notes who was seen with whom. It may
// be repeated. people are all that the limited identities of seen have been seen
// with then, by whichever partition.
func (i Identities) Write(ctx context.Context, links []Link, seen []Seen) (lost []Link, people People, err error) {
	people = People{}
	if len(links)+len(seen) == 0 {
		return nil, people, nil
	}
	pipe := i.rdb.Pipeline()
	cmds := make([]*redis.StatusCmd, len(links))
	for n, l := range links {
		cmds[n] = pipe.SetArgs(ctx, idKey(l.Identity), l.Profile, redis.SetArgs{Mode: "NX", Get: true})
	}
	var limited []event.Identity
	added := make([]*redis.IntCmd, len(seen))
	for n, s := range seen {
		added[n] = pipe.SAdd(ctx, seenKey(s.Identity), s.With.String())
		if _, asked := people[s.Identity]; !asked {
			people[s.Identity], limited = nil, append(limited, s.Identity)
		}
	}
	sets := askPeople(ctx, pipe, limited)
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, nil, fmt.Errorf("claim %d identities: %w", len(links), err)
	}
	for n, c := range cmds {
		switch v, err := c.Result(); {
		case errors.Is(err, redis.Nil), err == nil && v == links[n].Profile: // was free, or ours
		case err != nil:
			return nil, nil, fmt.Errorf("claim identity %s: %w", links[n].Identity.Namespace, err)
		default:
			lost = append(lost, Link{links[n].Identity, v})
		}
	}
	for n, c := range added {
		if err := c.Err(); err != nil {
			return nil, nil, fmt.Errorf("note with whom %s was seen: %w", seen[n].Identity.Namespace, err)
		}
	}
	return lost, people, people.take(limited, sets)
}

var repointScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) end
return 1
`)

// Repoint moves identities from a merged profile to its winner. The forwarding
// mark stays, so that a crash in between loses nothing.
func (i Identities) Repoint(ctx context.Context, ids []event.Identity, from, to string) error {
	for _, id := range ids {
		if err := repointScript.Run(ctx, i.rdb, []string{idKey(id)}, from, to).Err(); err != nil {
			return fmt.Errorf("re-point identity %s: %w", id.Namespace, err)
		}
	}
	return nil
}

// Move gives identities to a profile whoever had them: an unmerge.
func (i Identities) Move(ctx context.Context, ids []event.Identity, to string) error {
	for _, id := range ids {
		if err := i.rdb.Set(ctx, idKey(id), to, 0).Err(); err != nil {
			return fmt.Errorf("move identity %s: %w", id.Namespace, err)
		}
	}
	return nil
}
