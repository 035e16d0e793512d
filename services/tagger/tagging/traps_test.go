package tagging

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/applytest"
	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/stream/streamtest"
	"github.com/tagwire/tagwire/schemas"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// Known failures of other systems (docs/traps.md), where what is committed matters.

// 1: any suffix of the topic twice more, also once all owners have been replaced:
// the same profiles and counts, no other change, no second alert.
func TestTrap01ReplayOfAnySuffix(t *testing.T) {
	set, err := rule.Compile(1, map[string]string{"rules.yaml": arrivalRules})
	require.NoError(t, err)
	rapid.Check(t, func(rt *rapid.T) {
		from := event.At(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
		history := applytest.Random(rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "story"), 1)), from, 3)
		x, err := newMesh(set, 1, 2)
		require.NoError(rt, err)
		x.calm = true
		for n, f := range history {
			own := []event.Identity{{Namespace: "user_id", Value: fmt.Sprint(f.Who)}}
			r := event.Record{Kind: event.KindEvent, Source: "raw.1/0", Number: int64(n + 1), Place: from.Add(time.Duration(n) * 17 * time.Minute), Own: own}
			r.Event = f.Event()
			r.Event.Identities, r.Event.ReceivedAt, r.Profile = own, max(r.Place, f.At), fmt.Sprint("p", f.Who)
			require.NoError(rt, x.send(r))
		}
		for more := true; more; {
			more, err = x.step(rt.Context())
			require.NoError(rt, err)
		}
		profiles, counts := x.profiles(rt), maps.Clone(x.counts)
		changes, alerts := maps.Clone(x.changes), maps.Clone(x.alerts)
		require.NotEmpty(rt, changes)
		x.changes, x.alerts = map[string]event.Change{}, map[string]event.Alert{}
		for range 2 {
			for _, q := range x.queues {
				for _, b := range q.been[rapid.IntRange(0, len(q.been)).Draw(rt, "suffix"):] {
					require.NoError(rt, x.deliver(rt.Context(), q.shard, b))
				}
			}
			for _, o := range x.owners { // another owner has only what is stored
				o.cache.clear()
			}
		}
		require.Equal(rt, profiles, x.profiles(rt))
		require.Equal(rt, counts, x.counts)
		require.Empty(rt, x.changes, "of %d", len(changes))
		require.Empty(rt, x.alerts, "of %d", len(alerts))
	})
}

// realTagger is a tagger on the embedded Kafka and Redis; its owners are made by
// hand, so that each may end where the test wants it to.
func realTagger(t *testing.T) *Tagger {
	t.Helper()
	parts := embeddedtest.Start(t, embeddedtest.Kafka, embeddedtest.Redis)
	rdb, err := store.Connect(store.Config{Addrs: []string{parts.RedisAddr}, Password: parts.RedisPassword})
	require.NoError(t, err)
	t.Cleanup(func() { _ = rdb.Close() })
	require.NoError(t, rdb.FlushAll(t.Context()).Err())
	client, err := stream.New(stream.Config{Brokers: parts.KafkaBrokers}, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(client.Close)
	require.NoError(t, client.EnsureTopics(t.Context(), schemas.Topics(streamtest.Shards, streamtest.Raw)))
	master, err := seal.NewMaster(bytes.Repeat([]byte{7}, seal.KeySize))
	require.NoError(t, err)
	d, err := defs.Open(t.Context(), defs.Options{Stream: client, Master: master, Writer: "test", Log: zap.NewNop()})
	require.NoError(t, err)
	tagger, err := New(Options{
		Stream: client, Redis: rdb, Defs: d, Shards: streamtest.Shards, RawPartitions: streamtest.Raw, Fresh: time.Hour, Late: 24 * time.Hour,
		Log: zap.NewNop(), Registerer: prometheus.NewRegistry(),
	})
	require.NoError(t, err)
	// Owners serve within a group, which there is since it has been joined.
	require.NoError(t, client.Note(t.Context(), Group, schemas.TopicEvents, map[int]stream.OffsetMeta{0: {}}))
	return tagger
}

// 2: whoever dies between the write of the state and the publishing leaves the
// transition in the outbox, and the next owner publishes it.
func TestTrap02KilledBetweenStateAndPublish(t *testing.T) {
	tagger := realTagger(t)
	ctx := t.Context()
	const id = "p1"
	shard := event.Shard(id, streamtest.Shards)
	now := event.At(time.Now())
	r := event.Record{Kind: event.KindEvent, Source: "raw.1/0", Number: 16, Place: now, Profile: id, Own: []event.Identity{{Namespace: "user_id", Value: "u"}}}
	r.Event = &event.Event{EventID: "e", Type: "tag.add", Time: now, ReceivedAt: now, Source: "s", Identities: r.Own, Properties: event.Fields{"tag": "VIP"}}
	value, err := r.Encode()
	require.NoError(t, err)
	before, err := tagger.Stream.Ends(ctx, schemas.TopicChanges)
	require.NoError(t, err)
	changes := func() (of []event.Change) {
		ends, err := tagger.Stream.Ends(ctx, schemas.TopicChanges)
		require.NoError(t, err)
		require.NoError(t, tagger.Stream.Read(ctx, stream.Position{Topic: schemas.TopicChanges, Partition: shard, Offset: before[shard]}, ends[shard], func(rec stream.Record) error {
			var c event.Change
			if err := json.Unmarshal(rec.Value, &c); err != nil {
				return err
			}
			of = append(of, c)
			return nil
		}))
		return of
	}

	dying := newOwner(tagger, nil, shard, zap.NewNop())
	require.NoError(t, dying.takeOver(ctx))
	dying.out.close()                                                                              // nothing is published from here on
	if err := dying.apply(ctx, []stream.Record{{Value: value}}, []*event.Record{&r}); err != nil { // it may be told, or not yet
		require.ErrorIs(t, err, errDead)
	}
	stored, err := dying.shard.Load(ctx, []string{id})
	require.NoError(t, err)
	p, err := profile.Decode(stored[id])
	require.NoError(t, err)
	require.Contains(t, p.Tags, "VIP", "the state is written")
	require.Empty(t, changes(), "nobody was told")

	next := newOwner(tagger, nil, shard, zap.NewNop())
	require.NoError(t, next.takeOver(ctx))
	defer next.close()
	require.Eventually(t, func() bool { return next.out.done.Load() == next.pos.Next-1 }, 10*time.Second, 5*time.Millisecond)
	told := changes()
	require.Len(t, told, 2, "the tag and the snapshot")
	require.Equal(t, event.OpApplied, told[0].Op)
	require.Equal(t, "VIP", told[0].Tag)
	// The record comes again, since nobody noted that it had been applied.
	again, err := event.DecodeRecord(value)
	require.NoError(t, err)
	require.NoError(t, next.apply(ctx, []stream.Record{{Value: value}}, []*event.Record{again}))
	require.Len(t, changes(), 2)
}
