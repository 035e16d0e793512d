package storetest

import (
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/store/shard"
)

// Shard is what a Redis must do for shards to be exact: a commit changes all or
// nothing, and only the present owner's next one does. open gives an empty Redis.
func Shard(t *testing.T, open Opener) {
	run(t, open, map[string]check{
		"a commit writes everything at once":          shardCommitWritesEverythingAtOnce,
		"a refused commit changes nothing":            shardRefusedCommitChangesNothing,
		"beginning is for a shard without a position": shardBeginIsForAShardWithoutAPosition,
		"lost state is told":                          shardLostStateIsTold,
		"counts are sums of their deltas":             shardCountsAreSumsOfTheirDeltas,
		"a profile has one timer":                     shardAProfileHasOneTimer,
		"the outbox is trimmed by the next commit":    shardOutboxIsTrimmedByTheNextCommit,
		"shards are apart":                            shardShardsAreApart,
	})
}

const (
	generation  = 1
	shardNumber = 3
)

// begunShard is a shard with its first position, taken over once.
func begunShard(t *testing.T, rdb redis.UniversalClient) (*shard.Shard, shard.Pos) {
	t.Helper()
	s := shard.New(rdb, generation, shardNumber)
	pos, _, err := s.TakeOver(t.Context())
	require.NoError(t, err)
	require.False(t, pos.Exists, "an epoch alone is no position")
	pos.Offset = 40
	require.NoError(t, s.Begin(t.Context(), pos))
	return s, pos
}

// fullBatch is a batch that writes to every key.
func fullBatch(pos shard.Pos) shard.Batch {
	pos.Offset, pos.Rules, pos.Swept, pos.Stream, pos.Next = 42, 7, 6, 1_795_000_000_000, 3
	pos.Marks = map[string]int64{"raw.1/0": 99}
	pos.Imports = map[string]shard.Import{"orders": {Last: 5, Ends: []string{"raw.1/0"}}}
	return shard.Batch{
		Pos:      pos,
		Profiles: []shard.Write{{ID: "p1", State: []byte("one"), Tags: []byte("T")}, {ID: "p2", State: []byte("two"), Traits: []byte("{}")}},
		Counts:   map[string]int64{`["t","高意向"]`: 2, `["t","none"]`: 0},
		Timers:   []shard.TimerChange{{Profile: "p1", New: shard.Timer{Profile: "p1", Due: 1000}}, {Profile: "p2", New: shard.Timer{Profile: "p2", Due: 2000, Import: "orders"}}},
		Out:      [][]byte{[]byte("a"), []byte("b")},
	}
}

// shardContents is all that the shard holds, as it lies in Redis.
func shardContents(t *testing.T, rdb redis.UniversalClient, s *shard.Shard) map[string]any {
	t.Helper()
	out := map[string]any{}
	for _, k := range keys(t, rdb) {
		kind, err := rdb.Type(t.Context(), k).Result()
		require.NoError(t, err)
		switch kind {
		case "hash":
			out[k], err = rdb.HGetAll(t.Context(), k).Result()
		case "zset":
			out[k], err = rdb.ZRangeWithScores(t.Context(), k, 0, -1).Result()
		case "list":
			out[k], err = rdb.LRange(t.Context(), k, 0, -1).Result()
		}
		require.NoError(t, err)
		require.Contains(t, k, "{1.3}", "all keys lie in the slot of %s", s.PosKey())
	}
	return out
}

func shardCommitWritesEverythingAtOnce(t *testing.T, rdb redis.UniversalClient) {
	s, pos := begunShard(t, rdb)
	b := fullBatch(pos)
	require.NoError(t, s.Commit(t.Context(), b))

	got, err := s.Read(t.Context())
	require.NoError(t, err)
	want := b.Pos
	want.Commit, want.Exists = 1, true
	require.Equal(t, want, got)
	states, err := s.Load(t.Context(), []string{"p1", "p2", "nobody"})
	require.NoError(t, err)
	require.Equal(t, map[string][]byte{"p1": []byte("one"), "p2": []byte("two")}, states)
	counts, at, err := s.Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int64{`["t","高意向"]`: 2}, counts)
	require.EqualValues(t, 1, at.Commit)
	timers, err := s.Timers(t.Context())
	require.NoError(t, err)
	require.Equal(t, []shard.Timer{{Profile: "p1", Due: 1000}, {Profile: "p2", Due: 2000, Import: "orders"}}, timers)
	out, err := s.Outbox(t.Context())
	require.NoError(t, err)
	require.Equal(t, [][]byte{[]byte("a"), []byte("b")}, out)
}

// Everything that is not the next commit of the present owner changes nothing.
func shardRefusedCommitChangesNothing(t *testing.T, rdb redis.UniversalClient) {
	s, pos := begunShard(t, rdb)
	first := fullBatch(pos)
	require.NoError(t, s.Commit(t.Context(), first))
	second := shard.Batch{Pos: first.Pos, Counts: map[string]int64{"x": 1}, Trim: 1, Out: [][]byte{[]byte("c")}, Profiles: []shard.Write{{ID: "p1", State: []byte("later")}}}
	second.Pos.Commit = 1
	before := shardContents(t, rdb, s)

	require.ErrorIs(t, s.Commit(t.Context(), first), store.ErrBehind, "the same commit again, as go-redis sends it after a lost reply")
	early := second
	early.Pos.Commit = 2
	require.ErrorIs(t, s.Commit(t.Context(), early), store.ErrBehind, "one that leaves one out")
	never := second
	never.Pos.Epoch++
	require.ErrorIs(t, s.Commit(t.Context(), never), store.ErrNotOwner)
	require.Equal(t, before, shardContents(t, rdb, s))

	taken, _, err := shard.New(rdb, generation, shardNumber).TakeOver(t.Context())
	require.NoError(t, err)
	require.Greater(t, taken.Epoch, pos.Epoch)
	require.True(t, taken.Exists)
	before = shardContents(t, rdb, s)
	require.ErrorIs(t, s.Commit(t.Context(), second), store.ErrNotOwner, "the former owner wakes up")
	require.ErrorIs(t, s.Tick(t.Context(), second.Pos, 9), store.ErrNotOwner)
	require.ErrorIs(t, s.Begin(t.Context(), pos), store.ErrNotOwner)
	require.Equal(t, before, shardContents(t, rdb, s))

	second.Pos.Epoch = taken.Epoch
	require.NoError(t, s.Commit(t.Context(), second), "the present one goes on")
}

func shardBeginIsForAShardWithoutAPosition(t *testing.T, rdb redis.UniversalClient) {
	s, pos := begunShard(t, rdb)
	require.NoError(t, s.Begin(t.Context(), pos), "sent again after a lost reply")
	require.NoError(t, s.Commit(t.Context(), fullBatch(pos)))
	before := shardContents(t, rdb, s)
	require.ErrorIs(t, s.Begin(t.Context(), pos), store.ErrBehind)
	require.Equal(t, before, shardContents(t, rdb, s))

	// Two take over an empty shard, and the first of them begins late.
	emptied(t, rdb)
	slow, _, err := s.TakeOver(t.Context())
	require.NoError(t, err)
	quick, _, err := s.TakeOver(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.Begin(t.Context(), quick))
	require.ErrorIs(t, s.Begin(t.Context(), slow), store.ErrNotOwner)
}

func shardLostStateIsTold(t *testing.T, rdb redis.UniversalClient) {
	s, pos := begunShard(t, rdb)
	require.NoError(t, s.Tick(t.Context(), pos, 77))
	ahead := pos
	ahead.Commit++
	require.ErrorIs(t, s.Tick(t.Context(), ahead, 78), store.ErrBehind, "Redis came back with an older state")
	got, err := s.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, event.Time(77), got.Stream)
	emptied(t, rdb)
	require.ErrorIs(t, s.Tick(t.Context(), pos, 78), store.ErrLost)
	require.ErrorIs(t, s.Commit(t.Context(), fullBatch(pos)), store.ErrLost)
	taken, _, err := s.TakeOver(t.Context())
	require.NoError(t, err)
	require.False(t, taken.Exists)
	require.ErrorIs(t, s.Commit(t.Context(), fullBatch(taken)), store.ErrLost, "it begins before it commits")
	require.Equal(t, map[string]any{s.PosKey(): map[string]string{"epoch": strconv.FormatInt(taken.Epoch, 10)}}, shardContents(t, rdb, s))
}

// commits are commits of one owner, one after the other.
type commits struct {
	t   *testing.T
	s   *shard.Shard
	pos shard.Pos
}

func (c *commits) put(b shard.Batch) {
	c.t.Helper()
	b.Pos = c.pos
	require.NoError(c.t, c.s.Commit(c.t.Context(), b))
	c.pos.Commit++
}

func shardCountsAreSumsOfTheirDeltas(t *testing.T, rdb redis.UniversalClient) {
	s, pos := begunShard(t, rdb)
	c := &commits{t, s, pos}
	c.put(shard.Batch{Counts: map[string]int64{"a": 3, "b": 1}})
	c.put(shard.Batch{Counts: map[string]int64{"a": -1, "b": -1, "c": 5}})
	counts, at, err := s.Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"a": 2, "c": 5}, counts, "a count that is back at 0 is gone")
	require.EqualValues(t, 2, at.Commit)
}

func shardAProfileHasOneTimer(t *testing.T, rdb redis.UniversalClient) {
	s, pos := begunShard(t, rdb)
	c := &commits{t, s, pos}
	states := []shard.Timer{
		{},
		{Profile: "p", Due: 10},
		{Profile: "p", Due: 20},
		{Profile: "p", Due: 20, Import: "i"},
		{Profile: "p", Due: 30, Import: "i"},
		{Profile: "p", Due: 30, Import: "j"},
		{Profile: "p", Due: 5},
	}
	for _, old := range states {
		for _, next := range states {
			c.put(shard.Batch{Timers: []shard.TimerChange{{Profile: "p", New: old}}})
			c.put(shard.Batch{Timers: []shard.TimerChange{{Profile: "p", Old: old, New: next}}})
			got, err := s.Timers(t.Context())
			require.NoError(t, err)
			if next.Due == 0 {
				require.Empty(t, got, "%v → %v", old, next)
			} else {
				require.Equal(t, []shard.Timer{next}, got, "%v → %v", old, next)
			}
			c.put(shard.Batch{Timers: []shard.TimerChange{{Profile: "p", Old: next}}})
		}
	}
}

// What is published is trimmed from the head, in the same commit that appends.
func shardOutboxIsTrimmedByTheNextCommit(t *testing.T, rdb redis.UniversalClient) {
	s, pos := begunShard(t, rdb)
	c := &commits{t, s, pos}
	outbox := func() (out []string) {
		t.Helper()
		list, err := s.Outbox(t.Context())
		require.NoError(t, err)
		for _, b := range list {
			out = append(out, string(b))
		}
		return out
	}
	c.put(shard.Batch{Out: [][]byte{[]byte("1"), []byte("2"), []byte("3")}})
	c.put(shard.Batch{Trim: 2, Out: [][]byte{[]byte("4")}})
	require.Equal(t, []string{"3", "4"}, outbox())
	c.put(shard.Batch{})
	require.Equal(t, []string{"3", "4"}, outbox())
	c.put(shard.Batch{Trim: 2})
	require.Empty(t, outbox())
	c.put(shard.Batch{Out: [][]byte{[]byte("5")}})
	require.Equal(t, []string{"5"}, outbox())
}

// Shards and generations do not see each other.
func shardShardsAreApart(t *testing.T, rdb redis.UniversalClient) {
	s, pos := begunShard(t, rdb)
	require.NoError(t, s.Commit(t.Context(), fullBatch(pos)))
	for _, other := range []*shard.Shard{shard.New(rdb, generation, shardNumber+1), shard.New(rdb, generation+1, shardNumber)} {
		p, err := other.Read(t.Context())
		require.NoError(t, err)
		require.False(t, p.Exists)
		states, err := other.Load(t.Context(), []string{"p1"})
		require.NoError(t, err)
		require.Empty(t, states)
	}
	require.Equal(t, "p1", s.IDOf(s.ProfileKey("p1")))
}
