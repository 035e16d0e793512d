// Package consoletest gives tests of the console the rest of the product: a
// Kafka, the real Redis, keys, definitions and an inbox, and small stand-ins of
// the resolver, the tagger and the notifier that speak through the same topics,
// keys and scripts as the real ones.
//
// The stand-ins judge by the same pure functions, one event a commit, without
// merges, timers or batches: what those roles guarantee is tested with them, and
// all together by services/tagwire. Only tests import it; the test binary needs
// func TestMain(m *testing.M) { embeddedtest.Main(m) }.
package consoletest

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/stream/streamtest"
	"github.com/tagwire/tagwire/schemas"
)

// Sizes of a world.
const (
	Shards     = streamtest.Shards
	Raw        = streamtest.Raw
	Generation = schemas.Incarnation
)

// World is the parts with whatever roles have been started.
type World struct {
	T      testing.TB
	Kafka  *streamtest.Kafka
	Redis  redis.UniversalClient
	Master *seal.Master
	Keys   *seal.Keys
	Defs   *defs.Store
	Inbox  *inbox.Inbox
	Log    *zap.Logger
	shards []*keeper
}

// Start makes an empty world; everything in it ends with the test. No role runs.
func Start(t testing.TB) *World {
	t.Helper()
	engine := embeddedtest.Start(t, embeddedtest.Redis)
	rdb, err := store.Connect(store.Config{Addrs: []string{engine.RedisAddr}, Password: engine.RedisPassword})
	require.NoError(t, err)
	t.Cleanup(func() { _ = rdb.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	require.NoError(t, rdb.FlushAll(ctx).Err())
	w := &World{T: t, Kafka: streamtest.StartKafka(t), Redis: rdb, Log: zap.NewNop()}
	w.Master, err = seal.NewMaster(bytes.Repeat([]byte{7}, seal.KeySize))
	require.NoError(t, err)
	w.Keys, err = seal.OpenKeys(ctx, seal.KeysOptions{Stream: w.Kafka.Client, Redis: rdb, Master: w.Master, Log: w.Log})
	require.NoError(t, err)
	w.Defs, err = defs.Open(ctx, defs.Options{Stream: w.Kafka.Client, Master: w.Master, Writer: "test", Log: w.Log})
	require.NoError(t, err)
	w.Inbox = inbox.New(rdb, Shards, w.Log)
	w.Go(w.Defs.Run)
	w.Go(w.Inbox.Run)
	for s := range Shards {
		w.shards = append(w.shards, &keeper{w: w, number: s, shard: shard.New(rdb, Generation, s)})
	}
	return w
}

// Go runs something until the test ends and waits for it.
func (w *World) Go(run func(ctx context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = run(ctx) // ends with ctx
	}()
	stop = func() { cancel(); <-done }
	w.T.Cleanup(stop)
	return stop
}

// Roles runs the stand-ins of resolver, tagger and notifier.
func (w *World) Roles() {
	w.Resolver()
	w.Tagger()
	w.Notifier()
}

// Define writes a definition.
func (w *World) Define(kind, id string, body any) defs.Def {
	w.T.Helper()
	b, err := json.Marshal(body)
	require.NoError(w.T, err)
	d, err := w.Defs.Put(w.T.Context(), defs.Put{Kind: kind, ID: id, Expect: defs.ExpectAny, Author: "test", Body: b})
	require.NoError(w.T, err)
	return d
}

// Send puts an event into `raw`, as a collector does.
func (w *World) Send(e *event.Event) {
	w.T.Helper()
	plain, err := e.Encode()
	require.NoError(w.T, err)
	sealed, err := w.Keys.SealDay(w.T.Context(), e.ReceivedAt, plain)
	require.NoError(w.T, err)
	_, err = w.Kafka.Publish(w.T.Context(), schemas.TopicRaw, event.Partition(e.Primary().String(), Raw), []stream.Message{{
		Key: []byte(w.Master.KeyHash(e.Primary())), Value: sealed, Headers: []kafka.Header{{Key: "kind", Value: []byte("event")}},
	}})
	require.NoError(w.T, err)
}

// Event is an event of a customer, happening now.
func Event(id, typ, identity string) *event.Event {
	now := event.At(time.Now())
	who, err := event.ParseIdentity(identity)
	if err != nil {
		who = event.Identity{Namespace: "user_id", Value: identity}
	}
	return &event.Event{EventID: id, Type: typ, Time: now, ReceivedAt: now, Source: "test", Identities: []event.Identity{who}}
}

// Profile reads a profile of whom an identity is; nil when there is none yet.
func (w *World) Profile(id string) *profile.Profile {
	w.T.Helper()
	b, err := w.of(id).shard.Load(w.T.Context(), []string{id})
	require.NoError(w.T, err)
	if b[id] == nil {
		return nil
	}
	p, err := profile.Decode(b[id])
	require.NoError(w.T, err)
	return p
}

// Write stores profiles and their counts by one commit each, as a tagger does.
// The tagger's stand-in must not run.
func (w *World) Write(profiles ...*profile.Profile) {
	w.T.Helper()
	for _, p := range profiles {
		k := w.of(p.ID)
		if !k.pos.Exists {
			require.NoError(w.T, k.begin(w.T.Context()))
		}
		require.NoError(w.T, k.commit(w.T.Context(), w.Profile(p.ID), p))
	}
}

// Tick sets the stream time of all shards.
func (w *World) Tick(at event.Time) {
	w.T.Helper()
	for _, k := range w.shards {
		if !k.pos.Exists {
			require.NoError(w.T, k.begin(w.T.Context()))
		}
		require.NoError(w.T, k.shard.Tick(w.T.Context(), k.pos, at))
	}
}

func (w *World) of(id string) *keeper { return w.shards[event.Shard(id, Shards)] }

// Shard is a shard by number.
func (w *World) Shard(n int) *shard.Shard { return w.shards[n].shard }
