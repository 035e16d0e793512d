package rawplan

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store"
)

// Partition names the memory of one raw partition.
type Partition struct {
	rdb    redis.UniversalClient
	key    string
	Number int
	// Replicas must have a plan before it is carried out; 0: none.
	Replicas int
}

// New names a partition's memory.
func New(rdb redis.UniversalClient, number int) *Partition {
	return &Partition{rdb: rdb, Number: number, key: fmt.Sprintf("tw:raw:{%d}", number)}
}

// Pos is where a partition stands. Records below Done have been published, those
// of [From, Offset) are covered by Plan.
type Pos struct {
	Epoch, Number      int64
	From, Offset, Done int64
	Plan               []byte
	Dictionaries       string // versions of the rule sets whose keywords the plan was matched by: "3,4"
	Exists             bool
}

// Read is the position as stored.
func (p *Partition) Read(ctx context.Context) (Pos, error) {
	h, err := p.rdb.HGetAll(ctx, p.key).Result()
	if err != nil {
		return Pos{}, fmt.Errorf("read plan of raw partition %d: %w", p.Number, err)
	}
	out := Pos{Plan: []byte(h["plan"]), Dictionaries: h["dictionaries"], Exists: h["number"] != ""}
	for name, into := range map[string]*int64{"epoch": &out.Epoch, "number": &out.Number, "from": &out.From, "offset": &out.Offset, "done": &out.Done} {
		if v := h[name]; v != "" {
			if *into, err = strconv.ParseInt(v, 10, 64); err != nil {
				return Pos{}, fmt.Errorf("read plan of raw partition %d: %w", p.Number, err)
			}
		}
	}
	return out, nil
}

// TakeOver makes the caller the owner.
func (p *Partition) TakeOver(ctx context.Context) (Pos, error) {
	epoch, err := p.rdb.HIncrBy(ctx, p.key, "epoch", 1).Result()
	if err != nil {
		return Pos{}, fmt.Errorf("take over raw partition %d: %w", p.Number, err)
	}
	pos, err := p.Read(ctx)
	if err == nil && pos.Epoch != epoch {
		err = fmt.Errorf("take over raw partition %d: %w", p.Number, store.ErrNotOwner)
	}
	return pos, err
}

var storeScript = redis.NewScript(`
local cur = redis.call('HMGET', KEYS[1], 'epoch', 'number')
if cur[1] ~= ARGV[1] then return 'owner' end
if (cur[2] or '0') ~= ARGV[2] then return 'behind' end
redis.call('HSET', KEYS[1], 'number', ARGV[3], 'from', ARGV[4], 'offset', ARGV[5], 'done', ARGV[6], 'plan', ARGV[7], 'dictionaries', ARGV[8])
return 'ok'
`)

// Store writes the next plan; pos.Number is the number before.
func (p *Partition) Store(ctx context.Context, pos Pos) error {
	res, err := store.Confirmed(ctx, p.rdb, p.Replicas, store.Call{Script: storeScript, Keys: []string{p.key}, Args: []any{
		pos.Epoch, pos.Number, pos.Number + 1, pos.From, pos.Offset, pos.Done, pos.Plan, pos.Dictionaries,
	}})
	if err != nil {
		return fmt.Errorf("store plan of raw partition %d: %w", p.Number, err)
	}
	if err := store.Refused(res); err != nil {
		return fmt.Errorf("store plan of raw partition %d: %w", p.Number, err)
	}
	return nil
}

var doneScript = redis.NewScript(`
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 'owner' end
redis.call('HSET', KEYS[1], 'done', ARGV[2])
return 'ok'
`)

// Done notes that everything below the offset has been published: stream time
// reads it.
func (p *Partition) Done(ctx context.Context, epoch, offset int64) error {
	res, err := doneScript.Run(ctx, p.rdb, []string{p.key}, epoch, offset).Text()
	if err != nil {
		return fmt.Errorf("note raw partition %d as published: %w", p.Number, err)
	}
	if err := store.Refused(res); err != nil {
		return fmt.Errorf("note raw partition %d as published: %w", p.Number, err)
	}
	return nil
}

// Names says that the stored plan was matched by the rules of a version.
func (p Pos) Names(version int64) bool {
	for v := range strings.SplitSeq(p.Dictionaries, ",") {
		if v == strconv.FormatInt(version, 10) {
			return true
		}
	}
	return false
}

// Identities maps identities to profiles. Personal values are hashed before
// they come here.
type Identities struct{ rdb redis.UniversalClient }

// NewIdentities reads and writes the mapping.
func NewIdentities(rdb redis.UniversalClient) Identities { return Identities{rdb} }

func idKey(id event.Identity) string { return "tw:id:" + id.Namespace + ":" + id.Value }

// Lookup finds the profiles of identities; unknown ones are missing.
func (i Identities) Lookup(ctx context.Context, ids []event.Identity) (map[event.Identity]string, error) {
	out := make(map[event.Identity]string, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	pipe := i.rdb.Pipeline()
	cmds := make([]*redis.StringCmd, len(ids))
	for n, id := range ids {
		cmds[n] = pipe.Get(ctx, idKey(id))
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("look up %d identities: %w", len(ids), err)
	}
	for n, c := range cmds {
		if v, err := c.Result(); err == nil {
			out[ids[n]] = v
		} else if !errors.Is(err, redis.Nil) {
			return nil, fmt.Errorf("look up identity %s: %w", ids[n].Namespace, err)
		}
	}
	return out, nil
}

// Link is an identity that a plan gives to a profile.
type Link struct {
	Identity event.Identity `json:"i"`
	Profile  string         `json:"p"`
}

// Claim writes links that are not there yet; lost are those that another
// partition has given to another profile meanwhile.
func (i Identities) Claim(ctx context.Context, links []Link) (lost []Link, err error) {
	if len(links) == 0 {
		return nil, nil
	}
	pipe := i.rdb.Pipeline()
	cmds := make([]*redis.StatusCmd, len(links))
	for n, l := range links {
		cmds[n] = pipe.SetArgs(ctx, idKey(l.Identity), l.Profile, redis.SetArgs{Mode: "NX", Get: true})
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("claim %d identities: %w", len(links), err)
	}
	for n, c := range cmds {
		switch v, err := c.Result(); {
		case errors.Is(err, redis.Nil), err == nil && v == links[n].Profile: // was free, or ours
		case err != nil:
			return nil, fmt.Errorf("claim identity %s: %w", links[n].Identity.Namespace, err)
		default:
			lost = append(lost, Link{links[n].Identity, v})
		}
	}
	return lost, nil
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
