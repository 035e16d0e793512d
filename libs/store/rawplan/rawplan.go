package rawplan

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/tagwire/tagwire/libs/store"
)

// Partition names the memory of one raw partition.
type Partition struct {
	rdb    redis.UniversalClient
	key    string
	run    string // life of the partition's node in which the caller took over
	lives  string // of all nodes
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
	// Ends are offsets of `events` by partition: no record that was published by this
	// plan or a later one lies below. Run is the life of Redis that the plan was stored
	// in: in another one, later plans may have been lost.
	Ends         []int64
	Run          string
	Dictionaries string // versions of the rule sets whose keywords the plan was matched by: "3,4"
	Exists       bool
}

// Read is the position as stored.
func (p *Partition) Read(ctx context.Context) (Pos, error) {
	h, err := p.rdb.HGetAll(ctx, p.key).Result()
	if err != nil {
		return Pos{}, fmt.Errorf("read plan of raw partition %d: %w", p.Number, err)
	}
	out := Pos{Plan: []byte(h["plan"]), Dictionaries: h["dictionaries"], Run: h["run"], Exists: h["number"] != ""}
	for name, into := range map[string]*int64{"epoch": &out.Epoch, "number": &out.Number, "from": &out.From, "offset": &out.Offset, "done": &out.Done} {
		if v := h[name]; v != "" {
			if *into, err = strconv.ParseInt(v, 10, 64); err != nil {
				return Pos{}, fmt.Errorf("read plan of raw partition %d: %w", p.Number, err)
			}
		}
	}
	if v := h["ends"]; v != "" {
		if err := json.Unmarshal([]byte(v), &out.Ends); err != nil {
			return Pos{}, fmt.Errorf("read plan of raw partition %d: %w", p.Number, err)
		}
	}
	return out, nil
}

// TakeOver makes the caller the owner. The run is that of Redis now, of a Cluster
// all its masters': while it is the position's, no later plan has been lost. It is
// asked for last, since a fail-over between would then show as another one.
func (p *Partition) TakeOver(ctx context.Context) (pos Pos, run string, err error) {
	epoch, err := store.RaiseEpoch(ctx, p.rdb, p.key)
	if err != nil {
		return Pos{}, "", fmt.Errorf("take over raw partition %d: %w", p.Number, err)
	}
	if pos, err = p.Read(ctx); err != nil {
		return pos, "", err
	}
	if pos.Epoch != epoch {
		return pos, "", fmt.Errorf("take over raw partition %d: %w", p.Number, store.ErrNotOwner)
	}
	if p.run, err = store.Run(ctx, p.rdb, p.key); err != nil {
		return pos, "", err
	}
	p.lives, err = store.Lives(ctx, p.rdb)
	return pos, p.lives, err
}

// checkLua also refuses in another life of Redis: the identities that the last plan
// claimed may be gone, though the plan is there.
const checkLua = store.LuaRun + `
local cur = redis.call('HMGET', KEYS[1], 'epoch', 'number')
if cur[1] ~= ARGV[1] then return 'owner' end
if (cur[2] or '0') ~= ARGV[2] or run() ~= ARGV[3] then return 'behind' end
`

var storeScript = redis.NewScript(checkLua + `
redis.call('HSET', KEYS[1], 'number', ARGV[4], 'from', ARGV[5], 'offset', ARGV[6], 'done', ARGV[7], 'plan', ARGV[8], 'dictionaries', ARGV[9],
  'ends', ARGV[10], 'run', ARGV[11])
return 'ok'
`)

// Store writes the next plan; pos.Number is the number before.
func (p *Partition) Store(ctx context.Context, pos Pos) error {
	ends, _ := json.Marshal(pos.Ends) // numbers always encode
	res, err := store.Confirmed(ctx, p.rdb, p.Replicas, store.Call{Script: storeScript, Keys: []string{p.key}, Args: []any{
		pos.Epoch, pos.Number, p.run, pos.Number + 1, pos.From, pos.Offset, pos.Done, pos.Plan, pos.Dictionaries, ends, pos.Run,
	}})
	if err != nil {
		return fmt.Errorf("store plan of raw partition %d: %w", p.Number, err)
	}
	if err := store.Refused(res); err != nil {
		return fmt.Errorf("store plan of raw partition %d: %w", p.Number, err)
	}
	return nil
}

var doneScript = redis.NewScript(checkLua + `
redis.call('HSET', KEYS[1], 'done', ARGV[4])
return 'ok'
`)

// Done notes that everything below pos.Done has been published: stream time
// reads it.
func (p *Partition) Done(ctx context.Context, pos Pos) error {
	res, err := doneScript.Run(ctx, p.rdb, []string{p.key}, pos.Epoch, pos.Number, p.run, pos.Done).Text()
	if err != nil {
		return fmt.Errorf("note raw partition %d as published: %w", p.Number, err)
	}
	if err := store.Refused(res); err != nil {
		return fmt.Errorf("note raw partition %d as published: %w", p.Number, err)
	}
	return nil
}

var tickScript = redis.NewScript(checkLua + `return 'ok'`)

// Tick finds out whether the partition is still the caller's and where the caller
// left it: of a Redis that came back with an older state it says store.ErrBehind,
// also while nothing comes.
func (p *Partition) Tick(ctx context.Context, pos Pos) error {
	res, err := tickScript.Run(ctx, p.rdb, []string{p.key}, pos.Epoch, pos.Number, p.run).Text()
	if err != nil {
		return fmt.Errorf("tick raw partition %d: %w", p.Number, err)
	}
	if err := store.Refused(res); err != nil {
		return fmt.Errorf("tick raw partition %d: %w", p.Number, err)
	}
	if _, isCluster := p.rdb.(*redis.ClusterClient); !isCluster {
		return nil // the script has looked
	}
	lives, err := store.Lives(ctx, p.rdb)
	if err != nil {
		return fmt.Errorf("tick raw partition %d: %w", p.Number, err)
	}
	if lives != p.lives {
		return fmt.Errorf("tick raw partition %d: another node was restarted or failed over: %w", p.Number, store.ErrBehind)
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
