package app

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/applytest"
	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/apply"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/resolver/resolve"
	"github.com/tagwire/tagwire/services/tagger/tagging"
)

// The resolver and the tagger on a real Redis and the embedded Kafka, against
// the naive model: events of customers who are known by several identities come
// in any order, twice, and while both roles are cut off and started again.

func open(t *testing.T) *parts.Parts {
	t.Helper()
	e := embeddedtest.Start(t, embeddedtest.Kafka, embeddedtest.Redis)
	cfg := config.Default()
	cfg.Data = t.TempDir()
	cfg.Kafka.Brokers, cfg.Redis.Addr, cfg.Redis.Password = e.KafkaBrokers, e.RedisAddr, config.Secret(e.RedisPassword)
	cfg.ClickHouse.Addr = "127.0.0.1:1" // not used here
	cfg.MasterKey = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	p, err := parts.Open(t.Context(), &cfg, zap.NewNop())
	require.NoError(t, err)
	return p
}

// roles runs resolver and tagger until stopped.
func roles(t *testing.T, p *parts.Parts) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var wait sync.WaitGroup
	q := *p
	q.Registry = nil
	for _, build := range []parts.Builder{resolve.Role, tagging.Role} {
		fresh := q
		fresh.Registry = prometheus.NewRegistry()
		r, err := build(ctx, &fresh)
		require.NoError(t, err)
		for _, c := range r.Components {
			wait.Go(func() { _ = c.Run(ctx) }) // ends with ctx
		}
	}
	return func() { cancel(); wait.Wait() }
}

func send(t require.TestingT, p *parts.Parts, e *event.Event) {
	ctx := context.Background()
	b, err := e.Encode()
	require.NoError(t, err)
	sealed, err := p.Keys.SealDay(ctx, e.ReceivedAt, b)
	require.NoError(t, err)
	part := event.Partition(e.Primary().String(), p.Config.RawPartitions)
	_, err = p.Stream.Publish(ctx, schemas.TopicRaw, part, []stream.Message{{Key: []byte(e.Primary().String()), Value: sealed}})
	require.NoError(t, err)
}

const importName = "history"

// endImport sends the end mark through every raw partition.
func endImport(t *testing.T, p *parts.Parts) {
	t.Helper()
	b, err := json.Marshal(event.Control{Name: "import.end", Import: importName})
	require.NoError(t, err)
	for r := range p.Config.RawPartitions {
		_, err := p.Stream.Publish(t.Context(), schemas.TopicRaw, r, []stream.Message{{
			Value: b, Headers: []kafka.Header{{Key: resolve.HeaderKind, Value: []byte(resolve.KindImport)}},
		}})
		require.NoError(t, err)
	}
}

// activate writes the rules and their control record to every shard.
func activate(t *testing.T, p *parts.Parts, files map[string]string) int64 {
	t.Helper()
	body, err := json.Marshal(defs.Rules{Files: files})
	require.NoError(t, err)
	d, err := p.Defs.Put(t.Context(), defs.Put{Kind: defs.KindRules, ID: defs.RulesID, Expect: defs.ExpectAny, Author: "test", Body: body})
	require.NoError(t, err)
	for s := range p.Config.Shards {
		r := event.Record{Kind: event.KindControl, Source: "control", Number: d.Version, Place: event.At(time.Now()), Control: &event.Control{Name: "rules", Version: d.Version}}
		b, err := r.Encode()
		require.NoError(t, err)
		_, err = p.Stream.Publish(t.Context(), schemas.TopicEvents, s, []stream.Message{{Value: b}})
		require.NoError(t, err)
	}
	return d.Version
}

// profilesOf reads every profile of every shard, and checks that the counts are
// those of the profiles.
func profilesOf(t *testing.T, p *parts.Parts) map[string]*profile.Profile {
	by := dimensions{t, p, map[int64]profile.Dimensions{}}
	t.Helper()
	out := map[string]*profile.Profile{}
	for s := range p.Config.Shards {
		sh := shard.New(p.Redis, tagging.Generation, s)
		recount := map[string]int64{}
		var ids []string
		require.NoError(t, store.Scan(t.Context(), p.Redis, sh.PosKey(), sh.ProfilePattern(), func(keys []string) error {
			for _, k := range keys {
				ids = append(ids, sh.IDOf(k))
			}
			return nil
		}))
		states, err := sh.Load(t.Context(), ids)
		require.NoError(t, err)
		for id, b := range states {
			pr, err := profile.Decode(b)
			require.NoError(t, err)
			out[id] = pr
			profile.CountDelta(nil, pr.CountKeys(by.of(pr.Rules)), recount)
		}
		counts, _, err := sh.Counts(t.Context())
		require.NoError(t, err)
		require.Equal(t, recount, counts, "counts of shard %d", s)
		timers, err := sh.Timers(t.Context())
		require.NoError(t, err)
		for _, timer := range timers {
			require.Empty(t, out[timer.Profile].Winner, "who has merged has no timer")
		}
	}
	return out
}

// dimensions are those of the versions of the rules.
type dimensions struct {
	t     *testing.T
	p     *parts.Parts
	known map[int64]profile.Dimensions
}

func (d dimensions) of(version int64) profile.Dimensions {
	if dims, ok := d.known[version]; ok || version == 0 {
		return dims
	}
	def, ok := d.p.Defs.At(defs.KindRules, defs.RulesID, version)
	require.True(d.t, ok)
	body, err := defs.Body[defs.Rules](def)
	require.NoError(d.t, err)
	set, err := rule.Compile(version, body.Files)
	require.NoError(d.t, err)
	d.known[version] = set.Dimensions
	return set.Dimensions
}

// settled waits until everything sent has been applied, hand-overs included: two
// looks in a row find nothing under way and no commit in between.
func settled(t *testing.T, p *parts.Parts, now event.Time) {
	t.Helper()
	var before []int64
	require.Eventually(t, func() bool {
		commits, quiet := glance(t.Context(), p, now)
		same := quiet && slices.Equal(commits, before)
		before = commits
		return same
	}, 60*time.Second, 300*time.Millisecond)
}

func glance(ctx context.Context, p *parts.Parts, now event.Time) (commits []int64, quiet bool) {
	ranges, err := p.Stream.Ranges(ctx, schemas.TopicEvents, p.Config.Shards)
	if err != nil {
		return nil, false
	}
	for s, r := range ranges {
		pos, err := shard.New(p.Redis, tagging.Generation, s).Read(ctx)
		if err != nil || pos.Stream < now || pos.Swept != pos.Rules || pos.Offset < r.End || pos.Next != pos.Out {
			return nil, false
		}
		commits = append(commits, pos.Commit)
	}
	return commits, true
}

func seed(t *testing.T) uint64 {
	s := uint64(time.Now().UnixNano())
	if v := os.Getenv("TAGWIRE_TEST_SEED"); v != "" {
		var err error
		s, err = strconv.ParseUint(v, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("seed %d (repeat with TAGWIRE_TEST_SEED)", s)
	return s
}

// grouped are the model's rules with tags in groups that are counted by dimensions.
var grouped = strings.NewReplacer("hot: {", "hot: {group: g, ", "keen: {", "keen: {group: g, ", "warm: {", "warm: {group: w, ").Replace(applytest.Rules) +
	"groups:\n  g: {count_by: [store, channel]}\n  w: {count_by: store}\n"

func TestPipelineEqualsTheModel(t *testing.T) {
	p := open(t)
	number := seed(t)
	rnd := rand.New(rand.NewPCG(number, 1))
	run := fmt.Sprint(number, "-") // the parts are shared with other tests
	stop := roles(t, p)
	defer func() { stop() }()
	version := activate(t, p, map[string]string{"rules.yaml": applytest.Rules})
	set, err := rule.Compile(version, map[string]string{"rules.yaml": applytest.Rules})
	require.NoError(t, err)

	var older snapshot
	customers, events := simulate(rnd, run)
	for i, e := range events {
		send(t, p, e)
		if rnd.IntN(5) == 0 {
			send(t, p, e)
		}
		if i == len(events)/2 { // the same rules, which count by store and channel from here on
			activate(t, p, map[string]string{"rules.yaml": grouped})
		}
		if i%60 == 59 { // cut off in the middle of whatever they do
			stop()
			stop = roles(t, p)
		}
		switch i % 100 {
		case 30:
			older = stateOf(t, p)
		case 30 + rnd.IntN(60):
			older.setBack(t, p)
		}
	}
	endImport(t, p)
	settled(t, p, event.At(time.Now()))
	all := profilesOf(t, p)
	now := event.At(time.Now())
	for n, h := range customers {
		requireOne(t, all, fmt.Sprint(run, "u", n), fmt.Sprint(run, "a", n), fmt.Sprint(run, "w", n))
		pr := find(t, all, event.Identity{Namespace: "user_id", Value: fmt.Sprint(run, "u", n)})
		apply.Advance(set, pr, now, now, time.Hour)
		pr.Clock = max(pr.Clock, now)
		var held []string
		for _, tag := range pr.TagStates() {
			held = append(held, tag.Tag)
		}
		require.Equal(t, h.Tags(now), held, "customer %d", n)
		require.Equal(t, h.Stage(now), pr.Stage, "customer %d", n)
		m, _ := set.Measure("orders")
		require.Equal(t, fmt.Sprint(h.Count(now, 0, applytest.Typed("pay"))), m.Value(pr, now).String(), "orders of customer %d: %+v", n, pr)
	}
	require.Positive(t, placesCounted(t, p))
	living := 0
	for _, pr := range all {
		if pr.Winner == "" && len(pr.Identities) > 0 && strings.HasPrefix(pr.Identities[0].Value, run) {
			living++
			require.Nil(t, pr.Merging)
			require.Empty(t, pr.Promised)
			require.Empty(t, pr.Waiting)
		}
	}
	require.Equal(t, len(customers), living, "each customer is one profile in the end")
}

// placesCounted is the sum of the counts by store and channel; that they are right
// profilesOf has seen.
func placesCounted(t *testing.T, p *parts.Parts) (n int64) {
	t.Helper()
	for s := range p.Config.Shards {
		counts, _, err := shard.New(p.Redis, tagging.Generation, s).Counts(t.Context())
		require.NoError(t, err)
		for field, of := range counts {
			if strings.Contains(field, `","store`) || strings.Contains(field, `","channel`) {
				n += of
			}
		}
	}
	return n
}

// requireOne: the customer is one profile in the end.
func requireOne(t *testing.T, all map[string]*profile.Profile, values ...string) {
	t.Helper()
	var living []string
	for _, pr := range all {
		if pr.Winner == "" && slices.ContainsFunc(pr.Identities, func(id event.Identity) bool { return slices.Contains(values, id.Value) }) {
			living = append(living, fmt.Sprintf("%s %v absorbed %v conflicts %v", pr.ID, pr.Identities, pr.Absorbed, pr.Conflicts))
		}
	}
	require.Len(t, living, 1, "%v", living)
}

func find(t *testing.T, all map[string]*profile.Profile, id event.Identity) *profile.Profile {
	t.Helper()
	for _, p := range all {
		if p.Winner == "" && slices.Contains(p.Identities, id) {
			return p
		}
	}
	require.Fail(t, "no profile has "+id.String())
	return nil
}

// simulate makes customers' histories and their events in order of arrival. Each
// customer is met under three identities; link events tell that they are one.
func simulate(rnd *rand.Rand, run string) ([]applytest.History, []*event.Event) {
	from := event.At(time.Now().Add(-40 * time.Hour))
	var customers []applytest.History
	var events []*event.Event
	for n := range 12 {
		h := applytest.Random(rnd, from, 3)
		ids := []event.Identity{{Namespace: "user_id", Value: fmt.Sprint(run, "u", n)}, {Namespace: "anonymous_id", Value: fmt.Sprint(run, "a", n)}, {Namespace: "unionid", Value: fmt.Sprint(run, "w", n)}}
		for i, f := range h {
			e := f.Event()
			e.EventID = fmt.Sprintf("%sc%d-%d", run, n, i)
			e.Identities = []event.Identity{ids[f.Who]}
			e.StoreID, e.Channel = fmt.Sprint("s", i%3), fmt.Sprint("c", n%2)
			events = append(events, e)
		}
		for i := range 3 { // whichever comes first, in the end all three are linked
			at := from.Add(time.Duration(rnd.IntN(12*60)) * time.Minute)
			events = append(events, &event.Event{
				EventID: fmt.Sprintf("%sl%d-%d", run, n, i), Type: "identity.alias", Time: at, ReceivedAt: at.Add(time.Minute), Source: "s",
				Identities: []event.Identity{ids[i], ids[(i+1)%3]},
			})
			h = append(h, applytest.Fact{ID: "link", Type: "link", At: at})
		}
		customers = append(customers, h)
	}
	for _, e := range events { // an import: time does not pass while it is under way
		e.Backfill, e.Import = true, importName
	}
	sort.SliceStable(events, func(i, j int) bool { return events[i].ReceivedAt < events[j].ReceivedAt })
	return customers, events
}
