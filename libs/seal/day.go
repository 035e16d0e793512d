package seal

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

const (
	dayPrefix  = "day/"
	dayLayout  = "2006-01-02"
	formatDay  = 2
	dayTimeout = 2 * time.Second // how long sealing waits for a new day's key
	dayRetry   = 2 * time.Second
	daysKept   = 400
	apartMark  = "~" // in the name of a day's key that was made without Redis
)

// days are the day keys in memory. They stay while Redis and Kafka are away.
type days struct {
	mu     sync.RWMutex
	keys   map[string]*key
	newest *key

	making sync.Mutex
	failed time.Time // guarded by making
	ahead  string    // guarded by making: the day that was made ahead of time
}

func day(at event.Time) string { return at.Std().Format(dayLayout) }

// SealDay seals with the key of the UTC day of `at`, the moment of receipt. While
// a new day's key cannot be made because Redis or Kafka is away, the newest key
// at hand serves: it is destroyed a little earlier.
func (k *Keys) SealDay(ctx context.Context, at event.Time, plain []byte) ([]byte, error) {
	key, err := k.dayForSealing(ctx, at)
	if err != nil {
		return nil, err
	}
	name := key.id[len(dayPrefix):]
	prefix := append([]byte{formatDay, byte(len(name))}, name...)
	return sealWith(key.aead, prefix, plain, key.id), nil
}

// OpenDay opens what SealDay made. ErrErased: the day's key has been destroyed;
// ErrOpen: these bytes were never sealed here, or were changed.
func (k *Keys) OpenDay(ctx context.Context, sealed []byte) ([]byte, error) {
	if len(sealed) < 2 || sealed[0] != formatDay || len(sealed) < 2+int(sealed[1]) {
		return nil, ErrOpen
	}
	n := 2 + int(sealed[1])
	id := dayPrefix + string(sealed[2:n])
	if _, err := time.Parse(dayLayout, id[len(dayPrefix):][:min(len(id)-len(dayPrefix), len(dayLayout))]); err != nil {
		return nil, ErrOpen
	}
	key := k.days.get(id)
	var err error
	switch {
	case key == nil:
		key, err = k.loadDay(ctx, id, false)
	case k.opt.Now().Sub(key.read) >= cacheTime:
		key, err = k.checkDay(ctx, key)
	}
	if err != nil {
		return nil, err
	}
	return openWith(key.aead, sealed[n:], key.id)
}

func (k *Keys) dayForSealing(ctx context.Context, at event.Time) (*key, error) {
	id := dayPrefix + day(at)
	if key := k.days.get(id); key != nil {
		k.prepareNext(ctx, at)
		return key, nil
	}
	k.days.making.Lock()
	defer k.days.making.Unlock()
	if key := k.days.get(id); key != nil {
		return key, nil
	}
	newest := k.days.last()
	if newest != nil && k.opt.Now().Sub(k.days.failed) < dayRetry {
		return newest, nil
	}
	tctx, cancel := context.WithTimeout(ctx, dayTimeout)
	defer cancel()
	key, err := k.loadDay(tctx, id, true)
	switch {
	case err == nil, errors.Is(err, ErrErased), errors.Is(err, ErrWrongMaster):
		return key, err
	case newest != nil:
		k.days.failed = k.opt.Now()
		k.opt.Log.Warn("no key for the new day yet, the newest one serves", zap.String("day", day(at)), zap.String("key", newest.id), zap.Error(err))
		return newest, nil
	}
	return k.makeApart(ctx, id, err)
}

// makeApart makes a day's key without Redis, where two processes cannot agree on
// one: under a name of its own, straight into the topic.
func (k *Keys) makeApart(ctx context.Context, id string, cause error) (*key, error) {
	ctx, cancel := context.WithTimeout(ctx, dayTimeout)
	defer cancel()
	id += apartMark + hex.EncodeToString(randomBytes(4))
	wrapped := k.opt.Master.Seal(randomBytes(KeySize), wrapAAD(id))
	msg := stream.Message{Key: []byte(id), Value: wrapped}
	if _, err := k.opt.Stream.Publish(ctx, schemas.TopicKeys, 0, []stream.Message{msg}); err != nil {
		return nil, fmt.Errorf("key %s: %w", id, errors.Join(cause, err))
	}
	k.opt.Log.Warn("made a day's key without Redis", zap.String("key", id), zap.Error(cause))
	keys, err := k.unwrap(map[string]string{id: markLive + string(wrapped)})
	if err != nil {
		return nil, err
	}
	k.days.put(keys[id])
	return keys[id], nil
}

// prepareNext makes tomorrow's key in the last hour of a day, so that midnight
// does not depend on Redis and Kafka being there.
func (k *Keys) prepareNext(ctx context.Context, at event.Time) {
	if at.Std().Hour() != 23 {
		return
	}
	next := dayPrefix + day(at.Add(24*time.Hour))
	if k.days.get(next) != nil || !k.days.making.TryLock() {
		return
	}
	defer k.days.making.Unlock()
	if k.days.ahead == next && k.opt.Now().Sub(k.days.failed) < time.Minute {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, dayTimeout)
	defer cancel()
	k.days.ahead = next
	if _, err := k.loadDay(ctx, next, true); err != nil {
		k.days.failed = k.opt.Now()
		k.opt.Log.Warn("no key for the next day yet", zap.String("key", next), zap.Error(err))
	}
}

func (k *Keys) loadDay(ctx context.Context, id string, create bool) (*key, error) {
	keys, err := k.load(ctx, []string{id}, create)
	if err != nil {
		return nil, err
	}
	key := keys[id]
	if key == nil || key.aead == nil {
		return nil, fmt.Errorf("key %s: %w", id, ErrErased)
	}
	k.days.put(key)
	return key, nil
}

// checkDay asks whether another process has destroyed a key that is in memory.
// While Redis is away it serves on.
func (k *Keys) checkDay(ctx context.Context, old *key) (*key, error) {
	values, _, err := k.readOnce(ctx, []string{old.id})
	if err != nil {
		k.opt.Log.Debug("not known whether a day's key still stands, it serves on", zap.String("key", old.id), zap.Error(err))
		return old, nil
	}
	if values[old.id] == markGone {
		k.days.drop([]string{old.id})
		return nil, fmt.Errorf("key %s: %w", old.id, ErrErased)
	}
	checked := &key{id: old.id, aead: old.aead, read: k.opt.Now()}
	k.days.put(checked)
	return checked, nil
}

func (d *days) get(id string) *key {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.keys[id]
}

func (d *days) last() *key {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.newest
}

func (d *days) put(k *key) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.keys) >= daysKept {
		clear(d.keys)
	}
	d.keys[k.id] = k
	if d.newest == nil || k.id > d.newest.id {
		d.newest = k
	}
}

func (d *days) drop(ids []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ids {
		delete(d.keys, id)
		if d.newest != nil && d.newest.id == id {
			d.newest = nil
		}
	}
}
