package recount_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/libs/warehouse/warehousetest"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/console/consoletest"
	"github.com/tagwire/tagwire/services/console/recount"
	"github.com/tagwire/tagwire/services/console/ruleset"
	"github.com/tagwire/tagwire/services/console/shards"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

func start(t *testing.T, w *consoletest.World, house *warehouse.Warehouse) (*recount.Recount, *prometheus.Registry) {
	t.Helper()
	reg := prometheus.NewRegistry()
	r, err := recount.New(recount.Options{
		Shards: shards.New(w.Redis, consoletest.Generation, consoletest.Shards), Rules: ruleset.New(w.Defs), Generation: consoletest.Generation, Stream: w.Kafka.Client,
		Warehouse: house, Log: zap.NewNop(), Registerer: reg, Now: time.Now, Budget: 200 * time.Millisecond, Archive: 2 * time.Second,
	})
	require.NoError(t, err)
	return r, reg
}

// customers stores n known customers and as many strangers, each with a tag.
func customers(w *consoletest.World, n int) []*profile.Profile {
	var out []*profile.Profile
	for i := range 2 * n {
		p := profile.New(event.ProfileID(event.Time(1_700_000_000_000+i), i%2, int64(i), 0))
		p.FirstSeen, p.LastSeen, p.Clock = 1_700_000_000_000, 1_700_000_000_000, 1_700_000_000_000
		p.Stage = "潜在"
		p.AddIdentity(event.Identity{Namespace: []string{"user_id", "anonymous_id"}[i%2], Value: fmt.Sprint(i)})
		p.Tags = map[string]*profile.Tag{"渠道:抖音": {Since: p.Clock, Rule: "渠道", Value: "抖音"}}
		w.Write(p)
		out = append(out, p)
	}
	w.Tick(event.At(time.Now()))
	return out
}

func TestNoDriftWhereCountsAreRight(t *testing.T) {
	w := consoletest.Start(t)
	customers(w, 30)
	r, reg := start(t, w, nil)
	rep, err := r.Get(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 60, rep.Checked)
	require.Zero(t, rep.Drift)
	require.Empty(t, rep.Differences)
	require.Equal(t, 6, rep.Counts) // all, tag and stage, known and anonymous
	require.NotZero(t, rep.AsOf)
	again, err := r.Get(t.Context())
	require.NoError(t, err)
	require.Same(t, rep, again, "a fresh recount is given again")
	require.Zero(t, gauge(t, reg))
}

func gauge(t *testing.T, reg *prometheus.Registry) float64 {
	t.Helper()
	found, err := reg.Gather()
	require.NoError(t, err)
	for _, f := range found {
		if f.GetName() == "tagwire_count_drift" {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	require.Fail(t, "no such metric")
	return 0
}

func TestDriftIsReportedByTag(t *testing.T) {
	w := consoletest.Start(t)
	customers(w, 10)
	key := fmt.Sprintf("tw:{%d.1}:counts", consoletest.Generation)
	before, err := w.Redis.HGet(t.Context(), key, `["渠道:抖音"]`).Int64()
	require.NoError(t, err)
	require.NoError(t, w.Redis.HIncrBy(t.Context(), key, `["渠道:抖音"]`, 3).Err())
	require.NoError(t, w.Redis.HIncrBy(t.Context(), key, `["没有"]`, 2).Err())
	r, reg := start(t, w, nil)
	rep, err := r.Get(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 5, rep.Drift)
	require.Len(t, rep.Differences, 2)
	require.Equal(t, "没有", rep.Differences[0].Tag)
	require.EqualValues(t, 2, rep.Differences[0].Live)
	require.Zero(t, rep.Differences[0].Redis)
	require.EqualValues(t, 3, rep.Differences[1].Live-rep.Differences[1].Redis)
	require.Positive(t, before)
	require.InDelta(t, 5, gauge(t, reg), 0)
	require.Equal(t, 2, testutil.CollectAndCount(reg))
}

// restless commits to a shard whenever its commit number is about to be read again,
// so that it never stands still.
type restless struct {
	redis.UniversalClient
	pos string
}

func (h restless) DialHook(next redis.DialHook) redis.DialHook { return next }
func (h restless) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, c redis.Cmder) error {
		if c.Name() == "hget" && c.Args()[1] == h.pos {
			h.HIncrBy(ctx, h.pos, "commit", 1)
		}
		return next(ctx, c)
	}
}

func (h restless) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func TestShardThatIsWrittenAllTheTimeIsLeftOutByName(t *testing.T) {
	w := consoletest.Start(t)
	customers(w, 10)
	w.Redis.AddHook(restless{w.Redis, w.Shard(1).PosKey()})
	r, _ := start(t, w, nil)
	rep, err := r.Get(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int{1}, rep.Busy)
	require.Zero(t, rep.Drift)
	require.Less(t, rep.Checked, int64(20))
}

// archive writes to history what an archiver would: the snapshot of each profile
// and the changes of its tags.
func archive(t *testing.T, w *consoletest.World, house *warehouse.Warehouse, profiles []*profile.Profile) {
	t.Helper()
	at := time.UnixMilli(1_700_000_000_000).UTC()
	token := strconv.Itoa(len(profiles)) // other rows are another insert
	snapshots := warehouse.Insert{Table: "profiles", Token: "p" + token, Columns: []string{"profile_id", "known", "first_seen", "last_seen", "clock", "at", "day", "generation", "shard", "commit", "version", "stores", "channels", "owners", "city"}}
	changes := warehouse.Insert{Table: "tag_changes", Token: "c" + token, Columns: []string{"change_id", "op", "profile_id", "tag", "tag_value", "tag_group", "at", "day", "generation", "shard", "commit", "version"}}
	for _, p := range profiles {
		o := event.Order{Generation: consoletest.Generation, Shard: event.Shard(p.ID, consoletest.Shards), Commit: 1}
		place := []any{uint32(o.Generation), uint16(o.Shard), o.Commit, warehouse.Version(o)}
		snapshots.Rows = append(snapshots.Rows, append(append([]any{p.ID, p.Known(), at, at, at, at, at}, place...), filled(p.Stores), filled(p.Channels), filled(p.Staff()), strings.Join(profile.CityOf(p.Traits), "")))
		changes.Rows = append(changes.Rows, append([]any{"c" + p.ID, "applied", p.ID, "渠道:抖音", "抖音", p.Tags["渠道:抖音"].Group, at, at}, place...))
	}
	require.NoError(t, house.Insert(t.Context(), snapshots))
	require.NoError(t, house.Insert(t.Context(), changes))
}

func filled(list []string) []string { return append([]string{}, list...) }

// compared is a recount that history was compared in: on a busy machine it may
// not answer in time.
func compared(t *testing.T, w *consoletest.World, house *warehouse.Warehouse) *recount.Report {
	t.Helper()
	var rep *recount.Report
	require.Eventually(t, func() bool {
		r, _ := start(t, w, house)
		var err error
		rep, err = r.Get(t.Context())
		require.NoError(t, err)
		return rep.NoHistory == ""
	}, time.Minute, 100*time.Millisecond)
	return rep
}

// The fields by dimension are recounted from Redis and from history too.
func TestCountsByDimensionAreRecounted(t *testing.T) {
	w := consoletest.Start(t)
	house := warehousetest.Start(t)
	d := w.Define(defs.KindRules, defs.RulesID, defs.Rules{Files: map[string]string{"r.yaml": "groups: {来源: {count_by: [channel, store, staff, city]}}\n"}})
	all := customers(w, 20)
	for i, p := range all {
		p.Rules = d.Version
		p.Tags["渠道:抖音"].Group = "来源"
		p.Stores = []string{"s1", "s2"}[:1+i%2]
		p.Channels = []string{"抖音"}
		p.Meet("li", profile.Contact{Since: 1})
		p.SetTrait("城市", event.Trait{Value: []string{"成都", "上海"}[i/20], Time: 1}, nil)
		w.Write(p)
	}
	archive(t, w, house, all)
	for s := range consoletest.Shards { // every shard has swept
		require.NoError(t, w.Redis.HSet(t.Context(), w.Shard(s).PosKey(), "rules", d.Version, "swept", d.Version).Err())
	}
	rep := compared(t, w, house)
	require.Empty(t, rep.NoPlaces)
	require.Empty(t, rep.Differences)
	require.Equal(t, d.Version, rep.Rules)
	require.Equal(t, 6+5+6, rep.Counts, "all, tag and stage; 1 store, 1 channel, 1 staff, 2 cities of the known; 2 stores of the others")

	counts := fmt.Sprintf("tw:{%d.%d}:counts", consoletest.Generation, event.Shard(all[0].ID, consoletest.Shards))
	require.NoError(t, w.Redis.HIncrBy(t.Context(), counts, `["渠道:抖音","store","s1"]`, 2).Err())
	rep = compared(t, w, house)
	b, err := json.Marshal(rep.Differences)
	require.NoError(t, err)
	require.JSONEq(t, `[{"tag":"渠道:抖音","dimension":"store","value":"s1","live":22,"redis":20,"clickhouse":20}]`, string(b))

	require.NoError(t, w.Redis.HSet(t.Context(), w.Shard(0).PosKey(), "swept", d.Version-1).Err())
	rep = compared(t, w, house)
	require.Contains(t, rep.NoPlaces, "two versions")
}

func TestHistoryIsComparedOnceItHasCaughtUp(t *testing.T) {
	w := consoletest.Start(t)
	house := warehousetest.Start(t)
	all := customers(w, 20)
	archive(t, w, house, all[1:]) // one customer is missing in history
	rep := compared(t, w, house)
	require.EqualValues(t, 1, rep.Drift)
	require.Len(t, rep.Differences, 1)
	b, err := json.Marshal(rep.Differences[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"tag":"渠道:抖音","live":20,"redis":20,"clickhouse":19}`, string(b))

	archive(t, w, house, all)
	require.Empty(t, compared(t, w, house).Differences)
}

func TestHistoryThatIsBehindIsLeftOutAndSaid(t *testing.T) {
	w := consoletest.Start(t)
	house := warehousetest.Start(t)
	customers(w, 3)
	_, err := w.Kafka.Publish(t.Context(), schemas.TopicChanges, 0, []stream.Message{{Value: []byte("{}")}})
	require.NoError(t, err)
	var rep *recount.Report
	require.Eventually(t, func() bool { // on a busy machine the history may not answer in time, which is another reason
		r, _ := start(t, w, house)
		rep, err = r.Get(t.Context())
		require.NoError(t, err)
		return strings.Contains(rep.NoHistory, "has not caught up")
	}, time.Minute, 100*time.Millisecond)
	require.Zero(t, rep.Drift, "what was not compared is no drift")
	require.NoError(t, house.Insert(t.Context(), warehouse.Insert{
		Table: "batches", Token: "b", Columns: []string{"topic", "partition", "lo", "hi"}, Rows: [][]any{{schemas.TopicChanges, uint16(0), int64(0), int64(1)}},
	}))
	require.Eventually(t, func() bool {
		fresh, _ := start(t, w, house)
		rep, err = fresh.Get(t.Context())
		require.NoError(t, err)
		return rep.NoHistory == ""
	}, time.Minute, 100*time.Millisecond)
	require.EqualValues(t, 6, rep.Drift, "history has caught up and knows nobody")
}

func TestCountingGoesOnWhileAShardIsWrittenNowAndThen(t *testing.T) {
	w := consoletest.Start(t)
	all := customers(w, 40)
	written := 0
	stop := w.Go(func(ctx context.Context) error {
		for ctx.Err() == nil {
			p := w.Profile(all[written%len(all)].ID)
			if p.Tags["新"] == nil {
				p.Tags["新"] = &profile.Tag{Since: 1, Rule: "新"}
			} else {
				delete(p.Tags, "新")
			}
			w.Write(p)
			written++
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
		return nil
	})
	r, _ := start(t, w, nil)
	rep, err := r.Get(t.Context())
	require.NoError(t, err)
	stop()
	require.Positive(t, written)
	require.Zero(t, rep.Drift, "%v", rep.Differences)
	require.Empty(t, rep.Busy)
	require.EqualValues(t, 80, rep.Checked)
}
