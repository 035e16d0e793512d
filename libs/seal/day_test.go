package seal_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

func publishKey(t *testing.T, p *parts, id string, value []byte) {
	t.Helper()
	_, err := p.kafka.Publish(t.Context(), schemas.TopicKeys, 0, []stream.Message{{Key: []byte(id), Value: value}})
	require.NoError(t, err)
}

func sealDay(t *testing.T, k *seal.Keys, at time.Time, plain string) []byte {
	t.Helper()
	b, err := k.SealDay(t.Context(), event.At(at), []byte(plain))
	require.NoError(t, err)
	return b
}

func openDay(t *testing.T, k *seal.Keys, sealed []byte) string {
	t.Helper()
	b, err := k.OpenDay(t.Context(), sealed)
	require.NoError(t, err)
	return string(b)
}

func TestDayKeys(t *testing.T) {
	p := newParts(t)
	k := p.process()
	sunday := sealDay(t, k, p.time(), "sunday")
	monday := sealDay(t, k, p.time().Add(24*time.Hour), "monday")
	require.NotContains(t, string(sunday), "sunday")
	require.Equal(t, "sunday", openDay(t, p.process(), sunday))
	topic, _ := p.topic()
	require.Contains(t, topic, "day/2026-11-22")
	require.Contains(t, topic, "day/2026-11-23")

	for i := range sunday {
		bad := append([]byte(nil), sunday...)
		bad[i] ^= 0x40
		_, err := k.OpenDay(t.Context(), bad)
		require.Error(t, err, "byte %d", i)
		_, err = k.OpenDay(t.Context(), sunday[:i])
		require.ErrorIs(t, err, seal.ErrOpen, "cut to %d", i)
	}

	other := p.process()
	require.Equal(t, "sunday", openDay(t, other, sunday))
	require.Equal(t, "monday", openDay(t, other, monday))
	n, err := k.DestroyDays(t.Context(), event.At(p.time().Add(24*time.Hour)))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	for _, reader := range []*seal.Keys{k, p.process()} {
		_, err = reader.OpenDay(t.Context(), sunday)
		require.ErrorIs(t, err, seal.ErrErased)
		require.Equal(t, "monday", openDay(t, reader, monday))
	}
	p.now.Add(int64(time.Minute))
	_, err = other.OpenDay(t.Context(), sunday)
	require.ErrorIs(t, err, seal.ErrErased, "what another process holds in memory is given up within a minute")
	require.Equal(t, "monday", openDay(t, other, monday))
	p.redis.SetError("LOADING away")
	p.now.Add(int64(time.Minute))
	require.Equal(t, "monday", openDay(t, other, monday), "what is in memory serves while Redis is away")
	p.redis.SetError("")

	var fetches atomic.Int64
	p.kafka.Cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		p.kafka.Cluster.KeepControl()
		fetches.Add(1)
		return nil, nil, false
	})
	for _, at := range []time.Duration{0, 24 * time.Hour} { // never back, and not the same again
		n, err = k.DestroyDays(t.Context(), event.At(p.time().Add(at)))
		require.NoError(t, err)
		require.Zero(t, n)
	}
	require.Zero(t, fetches.Load(), "nothing is read for it")
	n, err = p.process().DestroyDays(t.Context(), event.At(p.time().Add(48*time.Hour)))
	require.NoError(t, err)
	require.Equal(t, 1, n)
	_, err = k.DestroyDays(t.Context(), -1)
	require.Error(t, err)
}

func TestSealingDaysGoesOnWithoutRedis(t *testing.T) {
	p := newParts(t)
	k := p.process()
	sealDay(t, k, p.time(), "before")
	p.redis.SetError("LOADING away")
	today := sealDay(t, k, p.time(), "today")
	tomorrow := sealDay(t, k, p.time().Add(24*time.Hour), "tomorrow")
	fresh, err := seal.OpenKeys(t.Context(), p.options())
	require.NoError(t, err, "no part needs another to start first")
	apart := sealDay(t, fresh, p.time(), "apart")
	p.redis.SetError("")

	reader := p.process()
	p.now.Add(int64(time.Minute))
	require.Equal(t, "today", openDay(t, reader, today))
	require.Equal(t, "tomorrow", openDay(t, reader, tomorrow))
	require.Equal(t, "apart", openDay(t, reader, apart))
	// Back to one key per day as soon as Redis is there again.
	sealDay(t, k, p.time().Add(48*time.Hour), "x")
	topic, _ := p.topic()
	require.Contains(t, topic, "day/2026-11-24")
}

func TestMidnightIsPrepared(t *testing.T) {
	p := newParts(t)
	k := p.process()
	late := time.Date(2026, 11, 22, 23, 5, 0, 0, time.UTC)
	sealDay(t, k, late, "first")
	sealDay(t, k, late, "second")
	topic, _ := p.topic()
	require.Contains(t, topic, "day/2026-11-23")
}

func TestNoDayKeyWithoutBothParts(t *testing.T) {
	p := newParts(t)
	p.redis.SetError("LOADING away")
	k := p.process()
	p.kafka.Cluster.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err := k.SealDay(ctx, event.At(p.time()), []byte("raw body"))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "raw body")
}
