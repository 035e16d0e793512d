package activation

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// leaseKey names the console that may activate.
const leaseKey = "tw:lease:activation"

const (
	leaseFor   = 15 * time.Second
	leaseRenew = 4 * time.Second
)

// What a lease is taken for. One for a person's request is told to others as
// busy, one for completing is only waited for.
const (
	forPut      = "put"
	forComplete = "complete"
)

var renewScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
`)

var releaseScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`)

// lease is held until release. Its context ends when it was lost.
type lease struct {
	rdb   redis.UniversalClient
	value string
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// takeLease tries once; held is what it is taken for by somebody else.
func takeLease(ctx context.Context, rdb redis.UniversalClient, what string) (l *lease, lctx context.Context, held string, err error) {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	value := what + ":" + hex.EncodeToString(b[:])
	err = rdb.SetArgs(ctx, leaseKey, value, redis.SetArgs{Mode: "NX", TTL: leaseFor}).Err()
	if errors.Is(err, redis.Nil) {
		other, err := rdb.Get(ctx, leaseKey).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, nil, "", fmt.Errorf("read the activation lease: %w", err)
		}
		held, _, _ = strings.Cut(other, ":")
		return nil, nil, held, nil
	}
	if err != nil {
		return nil, nil, "", fmt.Errorf("take the activation lease: %w", err)
	}
	l = &lease{rdb: rdb, value: value}
	lctx, l.stop = context.WithCancel(ctx)
	l.done.Go(func() { l.keep(lctx) })
	return l, lctx, "", nil
}

// Hold does something that only one console may do at a time, unless another one
// is activating or completing; false: another is.
func Hold(ctx context.Context, rdb redis.UniversalClient, do func(ctx context.Context) error) (bool, error) {
	l, lctx, _, err := takeLease(ctx, rdb, forComplete)
	if err != nil || l == nil {
		return false, err
	}
	defer l.release(ctx)
	return true, do(lctx)
}

// keep renews until ctx ends; a lease that cannot be renewed in time is given
// up, since another console may hold it by then.
func (l *lease) keep(ctx context.Context) {
	ticker := time.NewTicker(leaseRenew)
	defer ticker.Stop()
	renewed := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		n, err := renewScript.Run(ctx, l.rdb, []string{leaseKey}, l.value, leaseFor.Milliseconds()).Int()
		switch {
		case err == nil && n == 1:
			renewed = time.Now()
		case err == nil || time.Since(renewed) > leaseFor-leaseRenew:
			l.stop()
			return
		}
	}
}

// release gives the lease back, also when the request behind it has ended.
func (l *lease) release(ctx context.Context) {
	l.stop()
	l.done.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = releaseScript.Run(ctx, l.rdb, []string{leaseKey}, l.value).Err() // it ends by itself otherwise
}
