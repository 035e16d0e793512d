package seal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

// A key in Redis: one mark, then the wrapped key.
const (
	markNew  = "0" // not known to be in the topic: publish before use
	markLive = "1" // in the topic
	markGone = "x" // destroyed; nothing follows

	// positionKey is a hash: offset, below which every key of the topic has been in
	// this Redis; check, a hash that tells the master key apart; days, before which
	// all keys of days have been destroyed.
	positionKey = "tw:key:position"
)

func redisKey(id string) string { return "tw:key:" + id }

// markScript turns the mark from new to live if the key is still the one that was
// published, and gives back the mark that stands then.
const markScript = `local v = redis.call('GET', KEYS[1])
if v == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2]) return '1' end
if not v then return '' end
return string.sub(v, 1, 1)`

// positionScript moves the position forward, never back.
const positionScript = `local v = tonumber(redis.call('HGET', KEYS[1], 'offset') or '-1')
if tonumber(ARGV[1]) > v then redis.call('HSET', KEYS[1], 'offset', ARGV[1]) end
return 1`

// load reads keys from Redis, makes missing ones if asked to, and publishes those
// that are not in the topic yet.
func (k *Keys) load(ctx context.Context, ids []string, create bool) (map[string]*key, error) {
	values, err := k.read(ctx, ids)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, id := range ids {
		if values[id] == "" {
			missing = append(missing, id)
		}
	}
	switch {
	case len(missing) == 0:
	case create:
		err = k.create(ctx, missing, values)
	default:
		err = k.rescan(ctx, missing, values)
	}
	if err != nil {
		return nil, err
	}
	if err := k.publishNew(ctx, values); err != nil {
		return nil, err
	}
	return k.unwrap(values)
}

// read gets values from Redis after making sure that Redis has not lost any.
func (k *Keys) read(ctx context.Context, ids []string) (map[string]string, error) {
	for try := 0; ; try++ {
		// Before the round trip: what another goroutine publishes meanwhile is not
		// in the answer, and not lost.
		seen := k.seen.Load()
		values, position, err := k.readOnce(ctx, ids)
		if err != nil {
			return nil, err
		}
		if position >= seen {
			return values, nil
		}
		if try == 3 { // the topic ends before what this process has published to it
			return nil, fmt.Errorf("read keys: %w", ErrOtherTopic)
		}
		had := seen
		if position < 0 {
			had = unknown
		}
		if err := k.restoreFrom(ctx, max(position, 0), had); err != nil {
			return nil, err
		}
	}
}

// readOnce is one round trip; the position is unknown when Redis has none.
func (k *Keys) readOnce(ctx context.Context, ids []string) (map[string]string, int64, error) {
	gets := make([]*redis.StringCmd, len(ids))
	var position *redis.StringCmd
	_, err := k.opt.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			gets[i] = p.Get(ctx, redisKey(id))
		}
		position = p.HGet(ctx, positionKey, "offset")
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, 0, fmt.Errorf("read %d keys from Redis: %w", len(ids), err)
	}
	values := make(map[string]string, len(ids))
	for i, g := range gets {
		v, err := g.Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, 0, fmt.Errorf("read key %s from Redis: %w", ids[i], err)
		}
		values[ids[i]] = v
	}
	at, err := position.Int64()
	if errors.Is(err, redis.Nil) {
		return values, unknown, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read the position of keys from Redis: %w", err)
	}
	return values, at, nil
}

// create makes keys; where another process was first, its key counts.
func (k *Keys) create(ctx context.Context, ids []string, values map[string]string) error {
	gets := make([]*redis.StringCmd, len(ids))
	_, err := k.opt.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			wrapped := k.opt.Master.Seal(randomBytes(KeySize), wrapAAD(id))
			p.SetNX(ctx, redisKey(id), markNew+string(wrapped), 0)
			gets[i] = p.Get(ctx, redisKey(id))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("create %d keys in Redis: %w", len(ids), err)
	}
	for i, id := range ids {
		values[id] = gets[i].Val()
	}
	return nil
}

// rescan looks for keys in the whole topic that Redis should have and has not.
func (k *Keys) rescan(ctx context.Context, missing []string, values map[string]string) error {
	if k.mayRescan(strings.HasPrefix(missing[0], dayPrefix)) {
		if err := k.restoreFrom(ctx, 0, k.seen.Load()); err != nil {
			return err
		}
	}
	// Also where another goroutine has just rescanned: its keys are there now.
	again, err := k.read(ctx, missing)
	if err != nil {
		return err
	}
	maps.Copy(values, again)
	return nil
}

// mayRescan spaces rescans widely for profiles, whose ids come from texts that
// anybody may have forged, and hardly for days, whose ids are the product's own.
func (k *Keys) mayRescan(ofDay bool) bool {
	k.restoring.Lock()
	defer k.restoring.Unlock()
	every := rescanEvery
	if ofDay {
		every = time.Second
	}
	return k.opt.Now().Sub(k.rescanned) >= every
}

// publishNew puts the keys marked new into the topic and marks them live. One
// that was destroyed meanwhile gets a tombstone behind it.
func (k *Keys) publishNew(ctx context.Context, values map[string]string) error {
	var ids []string
	var msgs []stream.Message
	for id, v := range values {
		if len(v) > 0 && v[:1] == markNew {
			ids = append(ids, id)
			msgs = append(msgs, stream.Message{Key: []byte(id), Value: []byte(v[1:])})
		}
	}
	if len(ids) == 0 {
		return nil
	}
	if err := k.publish(ctx, msgs); err != nil {
		return err
	}
	marks := make([]*redis.Cmd, len(ids))
	_, err := k.opt.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, id := range ids {
			marks[i] = p.Eval(ctx, markScript, []string{redisKey(id)}, values[id], markLive+values[id][1:])
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("mark %d keys published: %w", len(ids), err)
	}
	var gone []string
	for i, id := range ids {
		values[id] = markLive + values[id][1:]
		if marks[i].Val() == markGone {
			values[id] = markGone
			gone = append(gone, id)
		}
	}
	return k.destroy(ctx, gone)
}

// publish appends to the topic and moves the position in Redis. Whatever was
// published has been in Redis before, so the position only speaks of keys there.
func (k *Keys) publish(ctx context.Context, msgs []stream.Message) error {
	base, err := k.opt.Stream.Publish(ctx, schemas.TopicKeys, 0, msgs)
	if err != nil {
		return fmt.Errorf("publish %d keys: %w", len(msgs), err)
	}
	return k.moveTo(ctx, base+1)
}

func (k *Keys) moveTo(ctx context.Context, offset int64) error {
	if err := k.opt.Redis.Eval(ctx, positionScript, []string{positionKey}, offset).Err(); err != nil {
		return fmt.Errorf("write the position of keys to Redis: %w", err)
	}
	for {
		old := k.seen.Load()
		if old >= offset || k.seen.CompareAndSwap(old, offset) {
			return nil
		}
	}
}

func (k *Keys) unwrap(values map[string]string) (map[string]*key, error) {
	out := make(map[string]*key, len(values))
	now := k.opt.Now()
	for id, v := range values {
		switch {
		case v == "":
		case v[:1] == markGone:
			out[id] = &key{id: id, read: now}
		default:
			plain, err := k.opt.Master.Open([]byte(v[1:]), wrapAAD(id))
			if err != nil {
				return nil, fmt.Errorf("unwrap key %s: %w", id, ErrWrongMaster)
			}
			a, err := newAEAD(plain)
			if err != nil {
				return nil, fmt.Errorf("key %s: %w", id, err)
			}
			out[id] = &key{id: id, aead: a, read: now}
		}
	}
	return out, nil
}

func wrapAAD(id string) string { return "key " + id }
