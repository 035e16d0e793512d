package seal_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tagwire/tagwire/libs/seal"
)

// watched is a process whose warnings are kept.
func (p *parts) watched() (*seal.Keys, *observer.ObservedLogs) {
	p.t.Helper()
	core, logs := observer.New(zap.WarnLevel)
	opt := p.options()
	opt.Log = zap.New(core)
	k, err := seal.OpenKeys(p.t.Context(), opt)
	require.NoError(p.t, err)
	return k, logs
}

// between runs fn once, after a pipeline has been answered and before the caller
// sees the answer.
type between struct {
	done atomic.Bool
	fn   func()
}

func (b *between) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (b *between) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (b *between) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		if b.done.CompareAndSwap(false, true) {
			b.fn()
		}
		return err
	}
}

func TestNothingIsLostOnFreshFolders(t *testing.T) {
	p := newParts(t)
	k, logs := p.watched()
	// While one goroutine looks a key up, another makes one and publishes it.
	p.redis.Client.(*redis.Client).AddHook(&between{fn: func() { sealText(t, k, "p2", "x") }})
	sealText(t, k, "p1", "x")
	sealDay(t, k, p.time(), "x")
	require.NoError(t, k.Destroy(t.Context(), "p2"))
	require.Empty(t, logs.All())

	_, logs = p.watched()
	require.Empty(t, logs.All(), "nor for who comes later")
}

func TestLostKeysAreTold(t *testing.T) {
	p := newParts(t)
	k, logs := p.watched()
	sealText(t, k, "p1", "x")
	sealText(t, k, "p2", "x")
	require.Empty(t, logs.All())
	told := func(logs *observer.ObservedLogs) []any {
		var out []any
		for _, e := range logs.FilterMessageSnippet("Redis had lost keys").TakeAll() {
			out = append(out, e.ContextMap()["keys"])
		}
		return out
	}

	p.redis.FlushAll()
	sealText(t, k, "p3", "x")
	require.Equal(t, []any{int64(2)}, told(logs), "while the process runs")
	p.redis.FlushAll()
	_, atStart := p.watched()
	require.Equal(t, []any{int64(3)}, told(atStart), "and when one starts")

	// The position alone is no key.
	require.NoError(t, p.redis.Client.Del(t.Context(), "tw:key:position").Err())
	_, atStart = p.watched()
	require.Empty(t, told(atStart))
}

func TestKeysMadeWithoutRedisAreNotLost(t *testing.T) {
	p := newParts(t)
	p.redis.SetError("LOADING away")
	k, _ := p.watched()
	sealDay(t, k, p.time(), "apart")
	p.redis.SetError("")
	_, logs := p.watched()
	require.Empty(t, logs.All())
}
