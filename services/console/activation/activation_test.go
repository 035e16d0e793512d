package activation_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/console/activation"
	"github.com/tagwire/tagwire/services/console/consoletest"
	"github.com/tagwire/tagwire/services/console/ruleset"
	"github.com/tagwire/tagwire/services/console/shards"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

const counting = "measures:\n  单数: {count: order.pay}\ntags:\n  买家: {when: 单数 >= 1}\n"

func activator(w *consoletest.World) *activation.Activator {
	return activation.New(activation.Options{
		Stream: w.Kafka.Client, Redis: w.Redis, Defs: w.Defs, Sets: ruleset.New(w.Defs), RawPartitions: consoletest.Raw,
		Shards: shards.New(w.Redis, consoletest.Generation, consoletest.Shards), Log: zap.NewNop(), Now: time.Now, Wait: 10 * time.Second,
	})
}

func request(text string) activation.Request {
	return activation.Request{Files: map[string]string{"rules.yaml": text}, Author: "test", Expect: defs.ExpectAny}
}

// rules are the versions in force, by shard.
func rules(t *testing.T, w *consoletest.World) []int64 {
	t.Helper()
	var out []int64
	for s := range consoletest.Shards {
		pos, err := w.Shard(s).Read(t.Context())
		require.NoError(t, err)
		out = append(out, pos.Rules)
	}
	return out
}

func allAre(t *testing.T, w *consoletest.World, version int64) func() bool {
	return func() bool {
		for _, v := range rules(t, w) {
			if v != version {
				return false
			}
		}
		return true
	}
}

// control puts a version's record into one shard's partition, as an activator
// that died in between has.
func control(t *testing.T, w *consoletest.World, shard int, version int64) {
	t.Helper()
	rec := event.Record{Kind: event.KindControl, Source: "control", Number: version, Place: event.At(time.Now()), Control: &event.Control{Name: "rules", Version: version}}
	b, err := rec.Encode()
	require.NoError(t, err)
	_, err = w.Kafka.Publish(t.Context(), schemas.TopicEvents, shard, []stream.Message{{Value: b}})
	require.NoError(t, err)
}

func TestHalfWrittenActivationIsCompletedByTheNextConsole(t *testing.T) {
	w := consoletest.Start(t)
	w.Roles()
	d := w.Define(defs.KindRules, defs.RulesID, defs.Rules{Files: map[string]string{"rules.yaml": counting}})
	control(t, w, 2, d.Version)
	require.Eventually(t, func() bool { return rules(t, w)[2] == 1 }, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, []int64{0, 0, 1, 0}, rules(t, w))
	// The one that died holds the lease for a while yet.
	require.NoError(t, w.Redis.Set(t.Context(), "tw:lease:activation", "put:dead", 700*time.Millisecond).Err())
	a := activator(w)
	_, err := a.Put(t.Context(), request("zone: UTC\n"))
	require.ErrorIs(t, err, activation.ErrBusy)
	w.Go(a.Run)
	require.Eventually(t, allAre(t, w, 1), 10*time.Second, 10*time.Millisecond)
}

func TestTwoConsolesActivateEachVersionOnce(t *testing.T) {
	w := consoletest.Start(t)
	w.Roles()
	a, b := activator(w), activator(w)
	w.Go(a.Run)
	w.Go(b.Run)
	for i, text := range []string{counting, counting + "stages:\n  - {name: 潜在, start: true}\n", counting} {
		who := []*activation.Activator{a, b}[i%2]
		out, err := who.Put(t.Context(), request(text))
		require.NoError(t, err)
		require.True(t, out.Active)
		require.EqualValues(t, i+1, out.Version)
		require.True(t, allAre(t, w, out.Version)())
	}
	ranges, err := w.Kafka.Ranges(t.Context(), schemas.TopicEvents, consoletest.Shards)
	require.NoError(t, err)
	for s, r := range ranges {
		require.EqualValues(t, 3, r.End, "one record a version in shard %d", s)
	}
}

func TestImportedRulesThatNeedHistoryStayInactiveAndSayWhy(t *testing.T) {
	w := consoletest.Start(t)
	w.Roles()
	a := activator(w)
	w.Go(a.Run)
	_, err := a.Put(t.Context(), request(counting))
	require.NoError(t, err)
	w.Send(consoletest.Event("e1", "order.pay", "u1"))
	more := "measures:\n  单数: {count: order.pay}\n  打开: {count: link.open}\ntags:\n  买家: {when: 单数 >= 1}\n"
	w.Define(defs.KindRules, defs.RulesID, defs.Rules{Files: map[string]string{"rules.yaml": more}})
	require.Eventually(t, func() bool { return a.Trouble() != "" }, 10*time.Second, 10*time.Millisecond)
	require.Contains(t, a.Trouble(), "打开")
	require.True(t, allAre(t, w, 1)())

	_, err = a.Put(t.Context(), request(more))
	var history *activation.HistoryError
	require.ErrorAs(t, err, &history)
	require.Equal(t, []string{"打开"}, history.Needs)
	allow := request(more)
	allow.NoHistory = true
	out, err := a.Put(t.Context(), allow)
	require.NoError(t, err)
	require.True(t, out.Active)
	require.Equal(t, []string{"打开"}, out.Warming)
	require.Eventually(t, func() bool { return a.Trouble() == "" }, 10*time.Second, 10*time.Millisecond)
	d, ok := w.Defs.Get(defs.KindRules, defs.RulesID)
	require.True(t, ok)
	var body defs.Rules
	require.NoError(t, json.Unmarshal(d.Body, &body))
	require.True(t, body.NoHistory)
	require.Contains(t, body.Warming, "打开")
}

func TestPutEndsWithItsRequest(t *testing.T) {
	w := consoletest.Start(t)
	w.Tagger() // no resolver: the version cannot become active
	a := activator(w)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	saved := w.Defs.Changed()
	go func() {
		<-saved
		cancel()
	}()
	out, err := a.Put(ctx, request(counting))
	require.ErrorIs(t, err, context.Canceled)
	require.EqualValues(t, 1, out.Version, "it is saved, and completed later")
	n, err := w.Redis.Exists(t.Context(), "tw:lease:activation").Result()
	require.NoError(t, err)
	require.Zero(t, n, "the lease is given back")
}
