package shard

import (
	"context"
	"fmt"
	"sort"

	"github.com/redis/go-redis/v9"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store"
)

// Batch is one commit.
type Batch struct {
	Pos      Pos // the new position; Commit is the number before
	Profiles []Write
	Counts   map[string]int64 // deltas by field
	Timers   []TimerChange
	Out      [][]byte // outbox entries to append
	Trim     int64    // entries to drop from the outbox's head: published
	Leap     int64    // commit numbers to leave out: they were used before Redis came back with an older state
}

// Write is one profile with what of it has changed. The commit's number goes with it.
type Write struct {
	ID     string
	State  []byte
	Tags   []byte // JSON; nil: as they are
	Traits []byte // likewise
}

// append adds the hash's fields with their number in front.
func (w *Write) append(args []any, commit int64) []any {
	at := len(args)
	args = append(args, 0, "state", w.State, "v", commit)
	if w.Tags != nil {
		args = append(args, "tags", w.Tags)
	}
	if w.Traits != nil {
		args = append(args, "traits", w.Traits)
	}
	args[at] = len(args) - at - 1
	return args
}

// TimerChange replaces a profile's timer.
type TimerChange struct {
	Profile string
	Old     Timer // zero Due: none
	New     Timer
}

// commitScript: KEYS pos, counts, due, held, out, then the profiles. All checks
// precede all writes.
var commitScript = redis.NewScript(`
local cur = redis.call('HMGET', KEYS[1], 'epoch', 'commit')
if not cur[2] then return 'lost' end
if cur[1] ~= ARGV[1] then return 'owner' end
if cur[2] ~= ARGV[2] then return 'behind' end
local i = 3
local function take() local v = ARGV[i]; i = i + 1; return v end
local function number() return tonumber(take()) end
local function all(key, command)
  local left = number()
  while left > 0 do
    local n = math.min(left, 2000)
    redis.call(command, key, unpack(ARGV, i, i + n - 1))
    i, left = i + n, left - n
  end
end
all(KEYS[1], 'HSET')
for _ = 1, number() do
  local f, d = take(), take()
  if redis.call('HINCRBY', KEYS[2], f, d) == 0 then redis.call('HDEL', KEYS[2], f) end
end
all(KEYS[3], 'ZREM')
all(KEYS[4], 'ZREM')
all(KEYS[3], 'ZADD')
all(KEYS[4], 'ZADD')
local trim = number()
if trim > 0 then redis.call('LTRIM', KEYS[5], trim, -1) end
all(KEYS[5], 'RPUSH')
for k = 6, #KEYS do all(KEYS[k], 'HSET') end
return 'ok'
`)

// Commit writes the batch if the caller still owns the shard and knows its last
// commit: store.ErrNotOwner, ErrBehind and ErrLost say why not, and then nothing has
// changed.
func (s *Shard) Commit(ctx context.Context, b Batch) error {
	keys := []string{s.key("pos"), s.key("counts"), s.key("due"), s.key("held"), s.key("out")}
	expected := b.Pos.Commit
	b.Pos.Commit += 1 + b.Leap
	args := []any{b.Pos.Epoch, expected}
	fields := b.Pos.fields()
	args = append(args, len(fields))
	args = append(args, fields...)
	args = appendCounts(args, b.Counts)
	args = appendTimers(args, b.Timers)
	args = append(args, b.Trim, len(b.Out))
	for _, o := range b.Out {
		args = append(args, o)
	}
	for _, w := range b.Profiles {
		keys = append(keys, s.ProfileKey(w.ID))
		args = w.append(args, b.Pos.Commit)
	}
	res, err := store.Confirmed(ctx, s.rdb, s.Replicas, store.Call{Script: commitScript, Keys: keys, Args: args})
	if err != nil {
		return fmt.Errorf("commit %d of shard %d: %w", b.Pos.Commit, s.Number, err)
	}
	return s.verdict(res, b.Pos.Commit)
}

func (s *Shard) verdict(res string, commit int64) error {
	if err := store.Refused(res); err != nil {
		return fmt.Errorf("commit %d of shard %d: %w", commit, s.Number, err)
	}
	return nil
}

func appendCounts(args []any, counts map[string]int64) []any {
	fields := make([]string, 0, len(counts))
	for f, d := range counts {
		if d != 0 {
			fields = append(fields, f)
		}
	}
	sort.Strings(fields)
	args = append(args, len(fields))
	for _, f := range fields {
		args = append(args, f, counts[f])
	}
	return args
}

func member(t Timer) string { return t.Import + "\x00" + t.Profile }

func appendTimers(args []any, changes []TimerChange) []any {
	var remDue, remHeld, addDue, addHeld []any
	for _, c := range changes {
		switch {
		case c.Old.Due == 0:
		case c.Old.Import != "":
			remHeld = append(remHeld, member(c.Old))
		case c.New.Due == 0 || c.New.Import != "":
			remDue = append(remDue, c.Profile)
		}
		switch {
		case c.New.Due == 0:
		case c.New.Import != "":
			addHeld = append(addHeld, int64(c.New.Due), member(c.New))
		default:
			addDue = append(addDue, int64(c.New.Due), c.Profile)
		}
	}
	for _, list := range [][]any{remDue, remHeld, addDue, addHeld} {
		args = append(append(args, len(list)), list...)
	}
	return args
}

var tickScript = redis.NewScript(`
local cur = redis.call('HMGET', KEYS[1], 'epoch', 'commit')
if not cur[2] then return 'lost' end
if cur[1] ~= ARGV[1] then return 'owner' end
if cur[2] ~= ARGV[2] then return 'behind' end
redis.call('HSET', KEYS[1], 'stream', ARGV[3])
return 'ok'
`)

// Tick writes the stream time between commits and finds out whether the shard
// is still the caller's, still there, and where the caller left it: of a Redis
// that came back with an older state it says store.ErrBehind, also while no event comes.
func (s *Shard) Tick(ctx context.Context, pos Pos, stream event.Time) error {
	res, err := tickScript.Run(ctx, s.rdb, []string{s.key("pos")}, pos.Epoch, pos.Commit, int64(stream)).Text()
	if err != nil {
		return fmt.Errorf("tick shard %d: %w", s.Number, err)
	}
	return s.verdict(res, pos.Commit)
}
