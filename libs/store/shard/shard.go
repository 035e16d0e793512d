package shard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store"
)

// Shard names one shard of one generation.
type Shard struct {
	rdb      redis.UniversalClient
	prefix   string
	Gen      int
	Number   int
	Replicas int // that must have a commit before it is confirmed; 0: none
}

// New names a shard.
func New(rdb redis.UniversalClient, generation, number int) *Shard {
	return &Shard{rdb: rdb, Gen: generation, Number: number, prefix: fmt.Sprintf("tw:{%d.%d}:", generation, number)}
}

func (s *Shard) key(name string) string { return s.prefix + name }

// ProfileKey is the hash of a profile.
func (s *Shard) ProfileKey(id string) string { return s.prefix + "p:" + id }

// ProfilePattern matches the hashes of all profiles of the shard.
func (s *Shard) ProfilePattern() string { return s.prefix + "p:*" }

// IDOf is the profile id in a hash's key.
func (s *Shard) IDOf(key string) string { return strings.TrimPrefix(key, s.prefix+"p:") }

// PosKey is the position's key; it names the slot.
func (s *Shard) PosKey() string { return s.key("pos") }

// Import is an import that a shard knows to be open.
type Import struct {
	Last event.Time `json:"last"` // wall clock of its newest record here
	Ends []string   `json:"ends,omitempty"`
}

// Pos is where a shard stands.
type Pos struct {
	Epoch   int64
	Commit  int64
	Offset  int64            // next offset of `events`
	Marks   map[string]int64 // by source: highest number applied
	Rules   int64            // version in force
	Swept   int64            // version by which every profile has been judged
	Out     int64            // number of the first outbox entry
	Next    int64            // number of the next outbox entry
	Stream  event.Time       // stream time
	Imports map[string]Import
	Run     string // life of Redis in which the numbers are good
	Exists  bool
}

func (p *Pos) fields() []any {
	marks, _ := json.Marshal(p.Marks)     // maps of plain values always encode
	imports, _ := json.Marshal(p.Imports) // likewise
	return []any{
		"commit", p.Commit, "offset", p.Offset, "marks", marks, "rules", p.Rules, "swept", p.Swept,
		"out", p.Out, "next", p.Next, "stream", int64(p.Stream), "imports", imports, "run", p.Run,
	}
}

func parsePos(h map[string]string) (Pos, error) {
	p := Pos{Marks: map[string]int64{}, Imports: map[string]Import{}, Next: 1, Out: 1}
	if len(h) == 0 {
		return p, nil
	}
	p.Exists, p.Run = h["commit"] != "", h["run"]
	var err error
	num := func(name string, into *int64) {
		if v := h[name]; v != "" && err == nil {
			*into, err = strconv.ParseInt(v, 10, 64)
		}
	}
	var stream int64
	num("epoch", &p.Epoch)
	num("commit", &p.Commit)
	num("offset", &p.Offset)
	num("rules", &p.Rules)
	num("swept", &p.Swept)
	num("out", &p.Out)
	num("next", &p.Next)
	num("stream", &stream)
	p.Stream = event.Time(stream)
	for name, into := range map[string]any{"marks": &p.Marks, "imports": &p.Imports} {
		if v := h[name]; v != "" && v != "null" && err == nil {
			err = json.Unmarshal([]byte(v), into)
		}
	}
	if err != nil {
		return p, fmt.Errorf("read position: %w", err)
	}
	return p, nil
}

// Read is the position as stored.
func (s *Shard) Read(ctx context.Context) (Pos, error) {
	h, err := s.rdb.HGetAll(ctx, s.key("pos")).Result()
	if err != nil {
		return Pos{}, fmt.Errorf("read position of shard %d: %w", s.Number, err)
	}
	return parsePos(h)
}

// TakeOver makes the caller the owner: the epoch is raised, so that whoever
// owned the shard before can commit nothing more. The run is that of Redis now:
// while it is the position's, no later commit has been lost. It is asked for last,
// since a fail-over between would then show as another one.
func (s *Shard) TakeOver(ctx context.Context) (pos Pos, run string, err error) {
	epoch, err := store.RaiseEpoch(ctx, s.rdb, s.key("pos"))
	if err != nil {
		return Pos{}, "", fmt.Errorf("take over shard %d: %w", s.Number, err)
	}
	if pos, err = s.Read(ctx); err != nil {
		return Pos{}, "", err
	}
	if pos.Epoch != epoch {
		return Pos{}, "", fmt.Errorf("take over shard %d: %w", s.Number, store.ErrNotOwner)
	}
	run, err = store.Run(ctx, s.rdb, s.key("pos"))
	return pos, run, err
}

// beginScript may be sent again after a lost reply: then the position stands that
// it would write.
var beginScript = redis.NewScript(`
local cur = redis.call('HMGET', KEYS[1], 'epoch', 'commit')
if cur[1] ~= ARGV[1] then return 'owner' end
if cur[2] and cur[2] ~= ARGV[2] then return 'behind' end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
return 'ok'
`)

// Begin writes the first position of a shard that has none, if the caller still
// owns it; it is commit 0.
func (s *Shard) Begin(ctx context.Context, p Pos) error {
	res, err := beginScript.Run(ctx, s.rdb, []string{s.key("pos")}, append([]any{p.Epoch, p.Commit}, p.fields()...)...).Text()
	if err != nil {
		return fmt.Errorf("begin shard %d: %w", s.Number, err)
	}
	return s.verdict(res, p.Commit)
}

// Load reads the stored states of profiles; those that have none are missing.
func (s *Shard) Load(ctx context.Context, ids []string) (map[string][]byte, error) {
	out := make(map[string][]byte, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	cmds := make([]*redis.StringCmd, len(ids))
	pipe := s.rdb.Pipeline()
	for i, id := range ids {
		cmds[i] = pipe.HGet(ctx, s.ProfileKey(id), "state")
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, fmt.Errorf("load %d profiles of shard %d: %w", len(ids), s.Number, err)
	}
	for i, c := range cmds {
		b, err := c.Bytes()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("load profile %s: %w", ids[i], err)
		}
		out[ids[i]] = b
	}
	return out, nil
}

// Counts are the shard's counts with the position they belong to.
func (s *Shard) Counts(ctx context.Context) (map[string]int64, Pos, error) {
	pipe := s.rdb.TxPipeline() // both as of one commit
	pos, counts := pipe.HGetAll(ctx, s.key("pos")), pipe.HGetAll(ctx, s.key("counts"))
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, Pos{}, fmt.Errorf("read counts of shard %d: %w", s.Number, err)
	}
	p, err := parsePos(pos.Val())
	if err != nil {
		return nil, p, err
	}
	out := make(map[string]int64, len(counts.Val()))
	for f, v := range counts.Val() {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return nil, p, fmt.Errorf("count %s of shard %d: %w", f, s.Number, err)
		}
		out[f] = n
	}
	return out, p, nil
}

// Timer is a profile's next due moment; Import is set while an open import holds
// it back.
type Timer struct {
	Profile string
	Due     event.Time
	Import  string
}

// Timers are all timers of the shard: read at take-over, kept in memory after.
func (s *Shard) Timers(ctx context.Context) ([]Timer, error) {
	var out []Timer
	for _, name := range []string{"due", "held"} {
		zs, err := s.rdb.ZRangeWithScores(ctx, s.key(name), 0, -1).Result()
		if err != nil {
			return nil, fmt.Errorf("read timers of shard %d: %w", s.Number, err)
		}
		for _, z := range zs {
			member, ok := z.Member.(string)
			if !ok {
				continue
			}
			t := Timer{Profile: member, Due: event.Time(z.Score)}
			if name == "held" {
				t.Import, t.Profile, _ = strings.Cut(member, "\x00")
			}
			out = append(out, t)
		}
	}
	return out, nil
}

// Outbox are the entries that may not have been published.
func (s *Shard) Outbox(ctx context.Context) ([][]byte, error) {
	list, err := s.rdb.LRange(ctx, s.key("out"), 0, -1).Result()
	if err != nil {
		return nil, fmt.Errorf("read outbox of shard %d: %w", s.Number, err)
	}
	out := make([][]byte, len(list))
	for i, v := range list {
		out[i] = []byte(v)
	}
	return out, nil
}
