package seal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

// maxEmpty is how many fetches in a row bring nothing before the end counts as
// reached. One alone may be a broker's throttling.
const maxEmpty = 4

// unknown is Redis' position when it has none.
const unknown = -1

// Restore fills Redis from the whole topic: after a restore of a backup, or when
// Redis has been replaced. Keys does so by itself when it sees that Redis lost
// its keys. What Redis has is kept.
func (k *Keys) Restore(ctx context.Context) error { return k.restoreFrom(ctx, 0, 0) }

// catchUp checks the master key and reads what the topic has beyond Redis'
// position.
func (k *Keys) catchUp(ctx context.Context) error {
	check := k.opt.Master.Hash("master", "check")
	stands, err := k.opt.Redis.HGet(ctx, positionKey, "check").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("reach the keys in Redis: %w", err)
	}
	if err == nil && stands != check {
		return ErrWrongMaster
	}
	_, position, err := k.readOnce(ctx, nil)
	if err != nil {
		return err
	}
	if err := k.restoreFrom(ctx, max(position, 0), position); err != nil {
		return err
	}
	// Only now: a wrong master key is found by unwrapping where Redis is empty.
	if err := k.opt.Redis.HSetNX(ctx, positionKey, "check", check).Err(); err != nil {
		return fmt.Errorf("write the check of the master key: %w", err)
	}
	return nil
}

// restoreFrom reads the topic from an offset to its end into Redis. A destroyed
// key stays destroyed even when a record of it comes behind the tombstone: that
// is one whose maker was overtaken by the destroying. Redis once had the keys
// below the offset had; those that it has no more are told. Unknown is any.
func (k *Keys) restoreFrom(ctx context.Context, from, had int64) error {
	k.restoring.Lock()
	defer k.restoring.Unlock()
	if from == 0 {
		k.rescanned = k.opt.Now()
	}
	gone := map[string]bool{}
	late := map[string]bool{}
	lost := 0
	end, err := k.scan(ctx, from, func(b stream.Batch) error {
		for _, r := range b.Records {
			id := string(r.Key)
			if r.Value == nil {
				gone[id] = true
				delete(late, id)
			} else if gone[id] {
				late[id] = true
			}
		}
		n, err := k.copyToRedis(ctx, b, had)
		lost += n
		return err
	})
	if lost > 0 {
		k.opt.Log.Warn("Redis had lost keys, they are there again from the topic", zap.Int("keys", lost), zap.Int64("from", from))
	}
	if err != nil {
		return err
	}
	if err := k.moveTo(ctx, end); err != nil {
		return err
	}
	again := make([]string, 0, len(late))
	for id := range late {
		again = append(again, id)
	}
	return k.destroy(ctx, again)
}

// copyToRedis gives the number of keys below the offset had that Redis lacked.
func (k *Keys) copyToRedis(ctx context.Context, b stream.Batch, had int64) (int, error) {
	if len(b.Records) == 0 {
		return 0, nil
	}
	for _, r := range b.Records { // one is enough to tell a wrong master key
		if r.Value == nil {
			continue
		}
		if _, err := k.opt.Master.Open(r.Value, wrapAAD(string(r.Key))); err != nil {
			return 0, fmt.Errorf("unwrap key %s: %w", r.Key, ErrWrongMaster)
		}
		break
	}
	var lacked []*redis.BoolCmd
	_, err := k.opt.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, r := range b.Records {
			id := redisKey(string(r.Key))
			if r.Value == nil {
				p.Set(ctx, id, markGone, 0)
				continue
			}
			set := p.SetNX(ctx, id, markLive+string(r.Value), 0)
			// Keys that were made apart have never been in Redis.
			if (had == unknown || r.Offset < had) && !strings.Contains(string(r.Key), apartMark) {
				lacked = append(lacked, set)
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("copy %d keys to Redis: %w", len(b.Records), err)
	}
	lost := 0
	for _, set := range lacked {
		if set.Val() {
			lost++
		}
	}
	return lost, nil
}

// scan reads the topic up to the end it has at the beginning, which is returned.
func (k *Keys) scan(ctx context.Context, from int64, fn func(stream.Batch) error) (int64, error) {
	ranges, err := k.opt.Stream.Ranges(ctx, schemas.TopicKeys, 1)
	if err != nil {
		return 0, err
	}
	at, empty := max(from, ranges[0].First), 0
	// Compaction may have removed the last records of all: then nothing comes.
	for at < ranges[0].End && empty < maxEmpty {
		b, err := k.opt.Stream.Fetch(ctx, schemas.TopicKeys, 0, at, 500*time.Millisecond)
		if err != nil {
			return 0, fmt.Errorf("read keys: %w", err)
		}
		if err := fn(b); err != nil {
			return 0, err
		}
		if empty++; b.Next > at {
			at, empty = b.Next, 0
		}
	}
	return ranges[0].End, nil
}

// DestroyDays destroys the keys of all days before a moment, in UTC, and gives
// their number: what `raw` and `rejected` held of those days is unreadable then.
// Never ask for a day that is still within the retention of `raw`, or of which
// something has not been resolved. Asking again for the same day reads nothing.
func (k *Keys) DestroyDays(ctx context.Context, before event.Time) (int, error) {
	if before <= 0 {
		return 0, errors.New("destroy day keys: no time given")
	}
	limit := day(before)
	done, err := k.opt.Redis.HGet(ctx, positionKey, "days").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return 0, fmt.Errorf("read which days' keys are destroyed: %w", err)
	}
	if done >= limit {
		return 0, nil
	}
	ids, err := k.liveDays(ctx, dayPrefix+limit)
	if err != nil {
		return 0, err
	}
	k.days.drop(ids)
	if err := k.destroy(ctx, ids); err != nil {
		return 0, err
	}
	if err := k.opt.Redis.HSet(ctx, positionKey, "days", limit).Err(); err != nil {
		return 0, fmt.Errorf("write which days' keys are destroyed: %w", err)
	}
	return len(ids), nil
}

// liveDays are the keys of days in the topic below a limit.
func (k *Keys) liveDays(ctx context.Context, limit string) ([]string, error) {
	live := map[string]bool{}
	_, err := k.scan(ctx, 0, func(b stream.Batch) error {
		for _, r := range b.Records {
			id := string(r.Key)
			switch {
			case r.Value == nil:
				delete(live, id)
			case strings.HasPrefix(id, dayPrefix) && id < limit:
				live[id] = true
			}
		}
		return nil
	})
	return slices.Collect(maps.Keys(live)), err
}
