package seal_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap/zaptest"

	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/libs/store/storetest"
	"github.com/tagwire/tagwire/libs/stream/streamtest"
	"github.com/tagwire/tagwire/schemas"
)

// parts are a Kafka and a Redis, to which processes are opened.
type parts struct {
	t      *testing.T
	kafka  *streamtest.Kafka
	redis  *storetest.Fake
	master *seal.Master
	now    atomic.Int64 // nanoseconds
}

func newParts(t *testing.T) *parts {
	p := &parts{t: t, kafka: streamtest.StartKafka(t), redis: storetest.Start(t), master: fixedMaster(t, 'k')}
	p.now.Store(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC).UnixNano())
	return p
}

func (p *parts) time() time.Time { return time.Unix(0, p.now.Load()).UTC() }

func (p *parts) options() seal.KeysOptions {
	return seal.KeysOptions{Stream: p.kafka.Client, Redis: p.redis.Client, Master: p.master, Log: zaptest.NewLogger(p.t), Now: p.time}
}

// process is Keys as one more process has it, with nothing in memory.
func (p *parts) process() *seal.Keys {
	p.t.Helper()
	k, err := seal.OpenKeys(p.t.Context(), p.options())
	require.NoError(p.t, err)
	return k
}

// topic is the newest value per key in the topic, and the number of records.
func (p *parts) topic() (map[string][]byte, int) {
	p.t.Helper()
	ranges, err := p.kafka.Ranges(p.t.Context(), schemas.TopicKeys, 1)
	require.NoError(p.t, err)
	out, n := map[string][]byte{}, 0
	for at := ranges[0].First; at < ranges[0].End; {
		b, err := p.kafka.Fetch(p.t.Context(), schemas.TopicKeys, 0, at, time.Second)
		require.NoError(p.t, err)
		for _, r := range b.Records {
			out[string(r.Key)] = r.Value
			n++
		}
		at = b.Next
	}
	return out, n
}

func sealText(t testing.TB, k *seal.Keys, profile, plain string) string {
	t.Helper()
	s, err := k.SealText(t.Context(), profile, plain)
	require.NoError(t, err)
	return s
}

func openText(t testing.TB, k *seal.Keys, s string) string {
	t.Helper()
	out, err := k.OpenText(t.Context(), s)
	require.NoError(t, err)
	return out
}

func TestTextIsReadableByEveryProcessAndInAnyText(t *testing.T) {
	p := newParts(t)
	k := p.process()
	name := sealText(t, k, "p1", "张三 ⟦p1|not a token⟧")
	require.NotContains(t, name, "张三")
	text := "⟦" + name + " 近7天打开资料 3 次 ⟦p2|x⟧" + sealText(t, k, "p2", "李四") + "⟧"
	require.Equal(t, "⟦张三 ⟦p1|not a token⟧ 近7天打开资料 3 次 ⟦p2|x⟧李四⟧", openText(t, p.process(), text))
	require.Equal(t, []string{"p1", "p2"}, seal.Profiles(text))
	require.Equal(t, "⟦* 近7天打开资料 3 次 ⟦p2|x⟧*⟧", seal.Mask(text, "*"))

	require.Empty(t, sealText(t, k, "p1", ""))
	require.NotEqual(t, name, sealText(t, k, "p1", "张三 ⟦p1|not a token⟧"), "equal texts must not show as equal")
	_, err := k.SealText(t.Context(), "p|1", "x")
	require.ErrorIs(t, err, seal.ErrProfile)

	// A token moved to another profile does not open there.
	moved := strings.Replace(sealText(t, k, "p1", "x"), "⟦p1|", "⟦p2|", 1)
	require.Equal(t, seal.Erased, openText(t, k, moved))
}

func TestKeyIsInTheTopicBeforeItsFirstUse(t *testing.T) {
	p := newParts(t)
	k := p.process()
	var refuse atomic.Bool
	refuse.Store(true)
	p.refuseProduce(&refuse)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := k.SealText(ctx, "p1", "张三")
	require.Error(t, err, "nothing may be sealed with a key that could be lost")
	require.NotContains(t, err.Error(), "张三")

	// What the first process left unpublished, the next one publishes and uses.
	left, err := p.redis.Get("tw:key:p/p1")
	require.NoError(t, err)
	refuse.Store(false)
	sealed := sealText(t, p.process(), "p1", "张三")
	topic, _ := p.topic()
	require.Equal(t, left[1:], string(topic["p/p1"]))
	require.Equal(t, "张三", openText(t, p.process(), sealed))
}

// refuseProduce lets no record into Kafka while refuse is true.
func (p *parts) refuseProduce(refuse *atomic.Bool) {
	p.kafka.Cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		p.kafka.Cluster.KeepControl()
		if !refuse.Load() {
			return nil, nil, false
		}
		res := kmsg.NewPtrProduceResponse()
		res.Version = req.GetVersion()
		for _, asked := range req.(*kmsg.ProduceRequest).Topics {
			part := kmsg.NewProduceResponseTopicPartition()
			part.ErrorCode = kerr.NotEnoughReplicas.Code
			topic := kmsg.NewProduceResponseTopic()
			topic.Topic, topic.Partitions = asked.Topic, append(topic.Partitions, part)
			res.Topics = append(res.Topics, topic)
		}
		return res, nil, true
	})
}

func TestRedisMayLoseEverything(t *testing.T) {
	p := newParts(t)
	k := p.process()
	day, err := k.SealDay(t.Context(), 1_795_000_000_000, []byte("raw"))
	require.NoError(t, err)
	sealed := sealText(t, k, "p1", "张三")
	sealText(t, k, "gone", "x")
	require.NoError(t, k.Destroy(t.Context(), "gone"))
	_, before := p.topic()

	// While the process runs, with its memory too old to be trusted.
	p.redis.FlushAll()
	p.now.Add(int64(time.Hour))
	again := sealText(t, k, "p1", "again")
	_, after := p.topic()
	require.Equal(t, before, after, "the key that stands must be found, not replaced")
	require.Equal(t, seal.Erased, sealText(t, k, "gone", "x"))

	// And when a new process begins.
	p.redis.FlushAll()
	fresh := p.process()
	require.Equal(t, "张三 again", openText(t, fresh, sealed+" "+again))
	plain, err := fresh.OpenDay(t.Context(), day)
	require.NoError(t, err)
	require.Equal(t, "raw", string(plain))
}

func TestRedisMayLoseItsLastWrites(t *testing.T) {
	p := newParts(t)
	k := p.process()
	sealText(t, k, "p0", "x")
	saved, err := p.redis.Client.HGetAll(t.Context(), "tw:key:position").Result()
	require.NoError(t, err)
	sealed := sealText(t, k, "p1", "张三")
	lose := func() {
		require.NoError(t, p.redis.Client.Del(t.Context(), "tw:key:p/p1").Err())
		require.NoError(t, p.redis.Client.HSet(t.Context(), "tw:key:position", saved).Err())
	}
	lose()
	p.now.Add(int64(time.Hour))
	require.Equal(t, "张三", openText(t, k, sealed))
	lose()
	require.Equal(t, "张三", openText(t, p.process(), sealed))
	// One key alone, without the position: the topic is read again, but not for
	// every token that somebody invents.
	p.now.Add(int64(time.Hour))
	require.NoError(t, p.redis.Client.Del(t.Context(), "tw:key:p/p1").Err())
	require.Equal(t, "张三", openText(t, k, sealed))
}

func TestDestroyedIsDestroyed(t *testing.T) {
	p := newParts(t)
	k, other := p.process(), p.process()
	sealed := sealText(t, k, "p1", "张三")
	kept := sealText(t, k, "p2", "李四")
	require.Equal(t, "张三", openText(t, other, sealed))
	wrapped, err := p.redis.Get("tw:key:p/p1")
	require.NoError(t, err)

	require.NoError(t, k.Destroy(t.Context(), "p1"))
	require.NoError(t, k.Destroy(t.Context(), "p1"), "twice is harmless")
	require.Equal(t, "[erased] 李四", openText(t, k, sealed+" "+kept))
	require.Equal(t, seal.Erased, sealText(t, k, "p1", "张三"))
	topic, _ := p.topic()
	require.Nil(t, topic["p/p1"], "a tombstone is the newest record")
	now, err := p.redis.Get("tw:key:p/p1")
	require.NoError(t, err)
	require.Equal(t, "x", now, "no copy of the key stays")

	p.now.Add(int64(61 * time.Second))
	require.Equal(t, "[erased] 李四", openText(t, other, sealed+" "+kept), "another process honours it within a minute")

	// A maker that was overtaken publishes its key behind the tombstone.
	publishKey(t, p, "p/p1", []byte(wrapped[1:]))
	p.redis.FlushAll()
	late := p.process()
	require.Equal(t, "[erased] 李四", openText(t, late, sealed+" "+kept))
	topic, _ = p.topic()
	require.Nil(t, topic["p/p1"], "the late record gets a tombstone of its own")
}

func TestMakerOvertakenByDestroying(t *testing.T) {
	p := newParts(t)
	k := p.process()
	var once sync.Once
	p.kafka.Cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		once.Do(func() { _ = p.redis.Set("tw:key:p/p1", "x") }) // between making and publishing
		return nil, nil, false
	})
	require.Equal(t, seal.Erased, sealText(t, k, "p1", "张三"))
	topic, n := p.topic()
	require.Nil(t, topic["p/p1"])
	require.Equal(t, 2, n, "the key and the tombstone behind it")
}

func TestWrongMasterKeyIsToldAtOnce(t *testing.T) {
	p := newParts(t)
	sealText(t, p.process(), "p1", "张三")
	opt := p.options()
	opt.Master = fixedMaster(t, 'w')
	_, err := seal.OpenKeys(t.Context(), opt)
	require.ErrorIs(t, err, seal.ErrWrongMaster)

	p.redis.FlushAll()
	_, err = seal.OpenKeys(t.Context(), opt)
	require.ErrorIs(t, err, seal.ErrWrongMaster, "also when only the topic can tell")
	p.process()
}

func TestManyProcessesAgreeOnOneKey(t *testing.T) {
	p := newParts(t)
	var all sync.WaitGroup
	sealed := make([]string, 40)
	for i := range sealed {
		k := p.process()
		all.Go(func() {
			s, err := k.SealText(t.Context(), fmt.Sprintf("p%d", i%4), "text")
			if err == nil {
				sealed[i] = s
			}
		})
	}
	all.Wait()
	texts, err := p.process().OpenTexts(t.Context(), sealed)
	require.NoError(t, err)
	for i, s := range texts {
		require.Equal(t, "text", s, "token %d: %q", i, sealed[i])
	}
}

// counter counts round trips.
type counter struct{ trips atomic.Int64 }

func (c *counter) DialHook(next redis.DialHook) redis.DialHook { return next }
func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.trips.Add(1)
		return next(ctx, cmd)
	}
}

func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.trips.Add(1)
		return next(ctx, cmds)
	}
}

func TestWarmCostsOneRoundTrip(t *testing.T) {
	p := newParts(t)
	profiles := make([]string, 500)
	for i := range profiles {
		profiles[i] = fmt.Sprintf("p%d", i)
	}
	require.NoError(t, p.process().Warm(t.Context(), profiles))
	topic, n := p.topic()
	require.Len(t, topic, len(profiles))
	require.Equal(t, len(profiles), n)

	k := p.process()
	var c counter
	p.redis.Client.(*redis.Client).AddHook(&c)
	require.NoError(t, k.Warm(t.Context(), append(profiles, profiles...)))
	require.EqualValues(t, 1, c.trips.Load())
	for _, id := range profiles {
		sealText(t, k, id, "text")
	}
	require.EqualValues(t, 1, c.trips.Load(), "sealing after Warm asks nobody")
}

func TestEachTextReachesEveryDepth(t *testing.T) {
	v := map[string]any{"a": "x", "b": []any{"y", 1.0, nil, map[string]any{"c": "z", "d": true}}}
	var seen []string
	require.Equal(t, map[string]any{"a": "x!", "b": []any{"y!", 1.0, nil, map[string]any{"c": "z!", "d": true}}},
		seal.EachText(v, func(s string) string { seen = append(seen, s); return s + "!" }))
	require.ElementsMatch(t, []string{"x", "y", "z"}, seen)
	require.Equal(t, "t!", seal.EachText("t", func(s string) string { return s + "!" }))
	require.Nil(t, seal.EachText(nil, nil))
}

func FuzzOpenText(f *testing.F) {
	for _, s := range []string{
		"", "plain", "⟦", "⟧", "⟦⟦p1|⟧", "⟦p1|AAAA⟧", "⟦p1|" + strings.Repeat("A", 38) + "⟧", "⟦p1|" + strings.Repeat("A", 39) + "⟧",
		"⟦p1|" + strings.Repeat("A", 40) + "⟧⟦", "a⟦|x⟧", "\xe2\x9f", "⟦p 1|" + strings.Repeat("A", 40) + "⟧",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		found := seal.Profiles(s)
		masked := seal.Mask(s, "")
		if len(found) == 0 && masked != s {
			t.Fatalf("%q changed to %q without a token in it", s, masked)
		}
		if len(masked) > len(s) {
			t.Fatalf("%q grew to %q", s, masked)
		}
	})
}
