// Package shards is the console's view of the taggers' state: where each shard
// stands, and profiles by their id. It reads only and keeps nothing; whoever was
// merged away is found under the profile that holds the customer today.
//
// It is called by the API, the live board, the activation and the recount. What
// it reads is as of one commit per shard, never of all shards at once.
package shards

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/store/shard"
)

// ErrUnknown is the answer about a profile that is not there.
var ErrUnknown = errors.New("no such profile")

// maxForwards bounds a chain of merges; each shortens the age, so there is no
// cycle, but a reader does not trust that.
const maxForwards = 64

// Set is all shards of a generation.
type Set struct {
	rdb redis.UniversalClient
	all []*shard.Shard
}

// New names the shards of a generation.
func New(rdb redis.UniversalClient, generation, n int) *Set {
	s := &Set{rdb: rdb, all: make([]*shard.Shard, n)}
	for i := range s.all {
		s.all[i] = shard.New(rdb, generation, i)
	}
	return s
}

// All are the shards by number.
func (s *Set) All() []*shard.Shard { return s.all }

// Redis is where the shards are.
func (s *Set) Redis() redis.UniversalClient { return s.rdb }

// Of is the shard of a profile.
func (s *Set) Of(profileID string) *shard.Shard {
	return s.all[event.Shard(profileID, len(s.all))]
}

// Glimpse is the part of a shard's position that moves all the time.
type Glimpse struct {
	Commit int64
	Rules  int64
	Swept  int64
	Stream event.Time
	Exists bool
}

// Peek reads where all shards stand, with one round trip.
func (s *Set) Peek(ctx context.Context) ([]Glimpse, error) {
	pipe := s.rdb.Pipeline()
	cmds := make([]*redis.SliceCmd, len(s.all))
	for i, sh := range s.all {
		cmds[i] = pipe.HMGet(ctx, sh.PosKey(), "commit", "rules", "swept", "stream")
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("read where the shards stand: %w", err)
	}
	out := make([]Glimpse, len(s.all))
	for i, c := range cmds {
		var n [4]int64
		for f, v := range c.Val() {
			text, ok := v.(string)
			if !ok {
				continue
			}
			var err error
			if n[f], err = strconv.ParseInt(text, 10, 64); err != nil {
				return nil, fmt.Errorf("read where shard %d stands: %w", i, err)
			}
			out[i].Exists = out[i].Exists || f == 0
		}
		out[i].Commit, out[i].Rules, out[i].Swept, out[i].Stream = n[0], n[1], n[2], event.Time(n[3])
	}
	return out, nil
}

// Lowest is the rules version that every shard has at least.
func Lowest(all []Glimpse) (rules, swept int64) {
	for i, g := range all {
		if i == 0 || g.Rules < rules {
			rules = g.Rules
		}
		if i == 0 || g.Swept < swept {
			swept = g.Swept
		}
	}
	return rules, swept
}

// Profile reads the customer that an id stands for today.
func (s *Set) Profile(ctx context.Context, id string) (*profile.Profile, error) {
	for range maxForwards {
		states, err := s.Of(id).Load(ctx, []string{id})
		if err != nil {
			return nil, err
		}
		b, ok := states[id]
		if !ok {
			return nil, fmt.Errorf("profile %s: %w", id, ErrUnknown)
		}
		p, err := profile.Decode(b)
		if err != nil {
			return nil, fmt.Errorf("profile %s: %w", id, err)
		}
		if p.Winner == "" {
			return p, nil
		}
		id = p.Winner
	}
	return nil, fmt.Errorf("profile %s: forwarded more than %d times: %w", id, maxForwards, ErrUnknown)
}

// Profiles reads many profiles as they stand, without following merges; those
// that are not there are missing.
func (s *Set) Profiles(ctx context.Context, ids []string) (map[string]*profile.Profile, error) {
	byShard := map[*shard.Shard][]string{}
	for _, id := range ids {
		sh := s.Of(id)
		byShard[sh] = append(byShard[sh], id)
	}
	out := make(map[string]*profile.Profile, len(ids))
	for sh, of := range byShard {
		states, err := sh.Load(ctx, of)
		if err != nil {
			return nil, err
		}
		for id, b := range states {
			p, err := profile.Decode(b)
			if err != nil {
				return nil, fmt.Errorf("profile %s: %w", id, err)
			}
			out[id] = p
		}
	}
	return out, nil
}
