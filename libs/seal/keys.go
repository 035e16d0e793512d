package seal

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/stream"
)

// Errors of keys.
var (
	ErrErased      = errors.New("the key has been destroyed")
	ErrProfile     = errors.New("not a profile id")
	ErrOtherTopic  = errors.New("the topic keys is not the one that was written to: Kafka has lost acknowledged records")
	ErrWrongMaster = errors.New("the master key is not the one that wrapped this deployment's keys; give back the earlier one")
)

// Erased stands in a text where something sealed with a destroyed key was.
const Erased = "[erased]"

const (
	maxProfile  = 64 // characters of a profile id
	cacheSize   = 20_000
	cacheTime   = time.Minute // how long a key destroyed elsewhere may still open here
	openTimeout = 5 * time.Second
	// rescanEvery spaces the readings of the whole topic for a profile's key that
	// Redis does not have: forged tokens must not cost one each.
	rescanEvery = 10 * time.Minute
)

// KeysOptions are the parts that Keys works with; Now may be left out.
type KeysOptions struct {
	Stream *stream.Client
	Redis  redis.UniversalClient
	Master *Master
	Log    *zap.Logger
	Now    func() time.Time
}

// Keys gives out the keys of days and profiles. Safe for concurrent use.
type Keys struct {
	opt       KeysOptions
	cache     *cache
	days      days
	seen      atomic.Int64 // the topic's keys below this offset were once in Redis
	restoring sync.Mutex
	rescanned time.Time // guarded by restoring
}

// key is one unwrapped key; without aead it has been destroyed.
type key struct {
	id   string
	aead cipher.AEAD
	read time.Time
}

// OpenKeys brings the working copy up to date with the topic. When Kafka or
// Redis is away it goes on and does so with the first key that is asked for;
// a wrong master key is an error.
func OpenKeys(ctx context.Context, opt KeysOptions) (*Keys, error) {
	switch {
	case opt.Stream == nil:
		return nil, errors.New("seal: KeysOptions.Stream is nil")
	case opt.Redis == nil:
		return nil, errors.New("seal: KeysOptions.Redis is nil")
	case opt.Master == nil:
		return nil, errors.New("seal: KeysOptions.Master is nil")
	case opt.Log == nil:
		return nil, errors.New("seal: KeysOptions.Log is nil")
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	k := &Keys{opt: opt, cache: newCache(cacheSize), days: days{keys: map[string]*key{}}}
	tctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	err := k.catchUp(tctx)
	switch {
	case errors.Is(err, ErrWrongMaster):
		return nil, fmt.Errorf("open keys: %w", err)
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		opt.Log.Warn("keys are not at hand yet, asking again when one is needed", zap.Error(err))
	}
	return k, nil
}

// Master is the master key that wraps these keys.
func (k *Keys) Master() *Master { return k.opt.Master }

// Warm loads the keys of many profiles, and makes those that do not exist yet, in
// one go: SealText of these profiles then needs no round trip for a minute.
func (k *Keys) Warm(ctx context.Context, profiles []string) error {
	ids := make([]string, 0, len(profiles))
	for _, p := range profiles {
		id, err := profileKey(p)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	_, err := k.get(ctx, ids, true)
	return err
}

// Destroy makes everything sealed for these profiles unreadable, for good: after
// it returns no Redis and no rebuilding from the topic gives the keys back.
// Asking again is harmless.
func (k *Keys) Destroy(ctx context.Context, profiles ...string) error {
	ids := make([]string, 0, len(profiles))
	for _, p := range profiles {
		id, err := profileKey(p)
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	return k.destroy(ctx, ids)
}

func (k *Keys) destroy(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	// Redis first: from here on nobody makes or publishes the key again, and one
	// who was about to finds the mark and puts a tombstone behind its record.
	_, err := k.opt.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, id := range ids {
			p.Set(ctx, redisKey(id), markGone, 0)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("mark %d keys destroyed: %w", len(ids), err)
	}
	k.cache.drop(ids)
	msgs := make([]stream.Message, len(ids))
	for i, id := range ids {
		msgs[i] = stream.Message{Key: []byte(id)} // no value: a tombstone
	}
	return k.publish(ctx, msgs)
}

// get finds keys by id; those that do not exist and are not to be created are
// not in the answer.
func (k *Keys) get(ctx context.Context, ids []string, create bool) (map[string]*key, error) {
	found, missing := k.cache.get(ids, k.opt.Now().Add(-cacheTime))
	if len(missing) == 0 {
		return found, nil
	}
	loaded, err := k.load(ctx, missing, create)
	if err != nil {
		return nil, err
	}
	k.cache.put(loaded)
	maps.Copy(found, loaded)
	return found, nil
}

// profileKey is the id of a profile's key.
func profileKey(profile string) (string, error) {
	if !isProfile(profile) {
		return "", fmt.Errorf("%q: %w", profile, ErrProfile)
	}
	return "p/" + profile, nil
}

func isProfile(s string) bool {
	if len(s) == 0 || len(s) > maxProfile {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}
