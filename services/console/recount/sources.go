package recount

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/store/shard"
)

// parallel shards are counted at once: decoding is what takes the time.
const parallel = 2

// cut is a shard's live and recounted counts as of one commit.
type cut struct {
	commit        int64
	rules, swept  int64
	stream        event.Time
	profiles      int64
	live, counted map[string]int64
}

// redis counts all shards anew; the cut of one that never stood still is nil.
func (r *Recount) redis(ctx context.Context) ([]*cut, error) {
	all := r.opt.Shards.All()
	cuts := make([]*cut, len(all))
	deadline := time.Now().Add(r.opt.Budget)
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for s, sh := range all {
		g.Go(func() error {
			t := &tally{r: r, shard: sh, profiles: map[string]counted{}, kinds: map[string][]string{}}
			for {
				c, err := t.try(gctx)
				if err != nil {
					return err
				}
				if cuts[s] = c; c != nil || time.Now().After(deadline) {
					return nil
				}
			}
		})
	}
	return cuts, g.Wait()
}

// tally counts one shard, several times if it is written meanwhile; a profile is
// decoded again only when it has been written since.
type tally struct {
	r        *Recount
	shard    *shard.Shard
	pass     int
	profiles map[string]counted
	kinds    map[string][]string // lists of counts that profiles stand in, each once
}

// counted is a profile as of a write.
type counted struct {
	v    string // commit that wrote it
	keys []string
	pass int // in which it was seen
}

// try counts the shard; nil when it was written meanwhile.
func (t *tally) try(ctx context.Context) (*cut, error) {
	t.pass++
	live, before, err := t.shard.Counts(ctx)
	if err != nil {
		return nil, err
	}
	err = store.Scan(ctx, t.r.opt.Shards.Redis(), t.shard.PosKey(), store.Glob(t.shard.ProfileKey(""))+"*", func(keys []string) error {
		return t.look(ctx, keys)
	})
	if err != nil {
		return nil, err
	}
	after, err := t.r.commit(ctx, t.shard)
	if err != nil || after != before.Commit {
		return nil, err
	}
	c := &cut{commit: before.Commit, rules: before.Rules, swept: before.Swept, stream: before.Stream, live: live, counted: map[string]int64{}}
	for id, p := range t.profiles {
		if p.pass != t.pass { // gone since
			delete(t.profiles, id)
			continue
		}
		c.profiles++
		for _, k := range p.keys {
			c.counted[k]++
		}
	}
	return c, nil
}

// look reads the profiles behind keys that have been written since the last
// pass. SCAN may give a key twice.
func (t *tally) look(ctx context.Context, keys []string) error {
	pipe := t.r.opt.Shards.Redis().Pipeline()
	cmds := make([]*redis.StringCmd, len(keys))
	for i, k := range keys {
		cmds[i] = pipe.HGet(ctx, k, "v")
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("look at %d profiles of shard %d: %w", len(keys), t.shard.Number, err)
	}
	var ids []string
	versions := make(map[string]string, len(keys))
	for i, k := range keys {
		id := t.shard.IDOf(k)
		p, known := t.profiles[id]
		if v := cmds[i].Val(); !known || v == "" || v != p.v {
			ids, versions[id] = append(ids, id), v
			continue
		}
		p.pass = t.pass
		t.profiles[id] = p
	}
	// Read after its version, so that a write in between is seen next time.
	states, err := t.shard.Load(ctx, ids)
	if err != nil {
		return err
	}
	for id, b := range states {
		p, err := profile.Decode(b)
		if err != nil {
			return fmt.Errorf("profile %s: %w", id, err)
		}
		rules, err := t.r.opt.Rules.At(p.Rules) // a profile is counted by the rules that judged it last
		if err != nil {
			return fmt.Errorf("count profile %s: %w", id, err)
		}
		t.profiles[id] = counted{v: versions[id], keys: t.kind(p.CountKeys(rules.Dimensions)), pass: t.pass}
	}
	return nil
}

// kind is one list for all profiles that stand in the same counts.
func (t *tally) kind(keys []string) []string {
	name := strings.Join(keys, "\n")
	same, ok := t.kinds[name]
	if !ok {
		same = keys
		t.kinds[name] = same
	}
	return same
}

func (r *Recount) commit(ctx context.Context, sh *shard.Shard) (int64, error) {
	n, err := r.opt.Shards.Redis().HGet(ctx, sh.PosKey(), "commit").Int64()
	if errors.Is(err, redis.Nil) {
		return 0, nil // it has not begun
	}
	if err != nil {
		return 0, fmt.Errorf("read commit of shard %d: %w", sh.Number, err)
	}
	return n, nil
}
