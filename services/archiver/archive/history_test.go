package archive

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/libs/warehouse/warehousetest"
	"github.com/tagwire/tagwire/schemas"
)

func TestHistoryAnswersAsComputedByHand(t *testing.T) {
	r := newRig(t)
	r.run(r.archiver(nil))
	r.publishGolden()
	r.archived()
	r.requireGolden(t)
	require.Len(t, r.table("SELECT name FROM bi.metrics WHERE zh != '' AND en != '' AND formula != ''"), 12)
}

// views are all answers of all views.
func (r *rig) views(t *testing.T) map[string][]string {
	out := map[string][]string{}
	for _, v := range warehousetest.Views(t, r.w) {
		out[v] = r.table("SELECT * FROM bi." + v + " ORDER BY ALL")
	}
	return out
}

func TestTwentyThousandRepeatedRowsChangeNoView(t *testing.T) {
	r := newRig(t)
	stop := r.run(r.archiver(nil))
	r.publishGolden()
	r.archived()
	stop()
	before := r.views(t)
	doubled := r.table("SELECT name FROM system.tables WHERE database = '" + r.w.Database() + "' AND engine LIKE '%MergeTree' AND name != 'schema_versions' ORDER BY name")
	require.GreaterOrEqual(t, len(doubled), 14)
	for _, table := range doubled {
		n := r.count("SELECT count() FROM db." + table)
		require.Positive(t, n, "the golden history reaches every table, also %s", table)
		require.NoError(t, r.w.Exec(t.Context(), r.named(fmt.Sprintf(
			"INSERT INTO db.%s SELECT x.* FROM (SELECT * FROM db.%s) AS x CROSS JOIN numbers(%d) AS many LIMIT 20000 SETTINGS insert_deduplicate = 0, async_insert = 0", table, table, 20000/n+1))))
	}
	for view, answer := range r.views(t) {
		require.Equal(t, before[view], answer, view)
	}
	r.requireGolden(t)
}

func TestAnotherCutOfTheLogDoublesNothing(t *testing.T) {
	r := newRig(t)
	stop := r.run(r.archiver(nil))
	r.publishGolden()
	r.archived()
	stop()
	before := r.views(t)
	rows := r.count("SELECT count() FROM db.tag_changes")
	stop = r.run(r.archiver(func(a *Archiver) { a.group, a.limits.records = "another", 3 })) // as if the offsets had been lost
	require.Eventually(t, func() bool { return r.settled("another") }, patience, 20*time.Millisecond)
	stop()
	require.Greater(t, r.count("SELECT count() FROM db.tag_changes"), rows, "the rows did come twice")
	require.Equal(t, before, r.views(t))
}

// settled says that a group's offsets stand at the end of every topic.
func (r *rig) settled(group string) bool {
	for _, topic := range Topics() {
		n, err := r.kafka.Partitions(r.t.Context(), topic)
		if err != nil {
			return false
		}
		ends, err := r.kafka.Ranges(r.t.Context(), topic, n)
		if err != nil {
			return false
		}
		committed, err := r.kafka.Committed(r.t.Context(), group, topic, n)
		if err != nil {
			return false
		}
		for p, e := range ends {
			if e.End > 0 && (committed[p].Offset < e.End || committed[p].Metadata != "") {
				return false
			}
		}
	}
	return true
}

func TestTheUserBiReadsTheViewsAndNothingElse(t *testing.T) {
	parts := embeddedtest.Start(t, embeddedtest.ClickHouse)
	owner := warehousetest.StartNamed(t, "tagwire", "bi")
	bi, err := warehouse.New(warehouse.Config{Addrs: []string{parts.ClickHouseNative}, User: parts.BIUser, Password: parts.BIPassword}, testLog())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, bi.Close()) })
	for _, view := range warehousetest.Views(t, owner) {
		var n uint64
		require.NoError(t, bi.Scalar(t.Context(), "SELECT count() FROM bi."+view, &n), view)
		rows, err := bi.Query(t.Context(), "SELECT * FROM bi."+view+" LIMIT 1")
		require.NoError(t, err, view)
		require.NoError(t, rows.Close())
	}
	for _, table := range warehousetest.Table(t, owner, "SELECT name FROM system.tables WHERE database = 'tagwire'") {
		rows, err := bi.Query(t.Context(), "SELECT * FROM tagwire."+table)
		if err == nil { // the answer comes with the first block
			require.False(t, rows.Next(), table)
			err = rows.Err()
		}
		require.ErrorContains(t, err, "Not enough privileges", table)
	}
	for _, statement := range []string{
		"INSERT INTO bi.events (event_id) VALUES ('x')", "DROP VIEW bi.events", "CREATE TABLE bi.x (a String) ENGINE = Memory",
		"SET max_execution_time = 100000", "ALTER TABLE tagwire.events DELETE WHERE 1",
	} {
		require.Error(t, bi.Exec(t.Context(), statement), statement)
	}
}

func TestTheConsolesQuestions(t *testing.T) {
	r := newRig(t)
	r.run(r.archiver(nil))
	r.publishGolden()
	r.archived()
	ctx := t.Context()

	var all []warehouse.Entry
	cursor := ""
	for {
		page, err := r.w.Timeline(ctx, warehouse.TimelineQuery{Profile: "m", Cursor: cursor, Limit: 3}) // m is a today
		require.NoError(t, err)
		all = append(all, page.Entries...)
		if cursor = page.Next; cursor == "" {
			break
		}
		require.Len(t, page.Entries, 3)
	}
	kinds := map[string]int{}
	for n, e := range all {
		kinds[e.Kind]++
		if n > 0 {
			require.GreaterOrEqual(t, all[n-1].Time, e.Time, "the newest first")
		}
	}
	require.Equal(t, map[string]int{"event": 3, "tag": 3, "stage": 1, "alert": 9, "identity": 2}, kinds,
		"a-1, a-2, m-1; a applied, l applied, l removed; 新; al1; refused b, shared phone")
	only, err := r.w.Timeline(ctx, warehouse.TimelineQuery{Profile: "a", Kinds: []string{"tag"}, Renewed: true})
	require.NoError(t, err)
	require.Len(t, only.Entries, 4)
	require.Equal(t, "removed", only.Entries[0].Op)
	only, err = r.w.Timeline(ctx, warehouse.TimelineQuery{Profile: "m", Kinds: []string{warehouse.KindIdentity}})
	require.NoError(t, err)
	require.Equal(t, []warehouse.Entry{
		{Time: noon, Kind: "identity", Type: "shared", Op: "shared", ID: "ik3", Other: "phone:0123", Reason: "people", Matched: []string{}},
		{Time: noon, Kind: "identity", Type: "conflict", Op: "conflict", ID: "ik1", Other: "b", Reason: "unique", Matched: []string{}},
	}, only.Entries, "that it waits to be rebuilt is no matter of who it is")

	family, err := r.w.Family(ctx, "l")
	require.NoError(t, err)
	require.Equal(t, "a", family[0])
	require.ElementsMatch(t, []string{"a", "l", "m"}, family)
	family, err = r.w.Family(ctx, "nobody")
	require.NoError(t, err)
	require.Equal(t, []string{"nobody"}, family)

	members, err := r.w.Members(ctx, warehouse.MembersQuery{Tag: "高意向"})
	require.NoError(t, err)
	require.Equal(t, []warehouse.Member{{Profile: "a", Since: noon, ExpiresAt: noon.Add(8 * 24 * time.Hour), Rule: "高意向", RuleVersion: 3, Origin: "rule"}}, members.Members)
	counts, err := r.w.TagCounts(ctx)
	require.NoError(t, err)
	require.Equal(t, []warehouse.TagCount{{Tag: "沉睡", Group: "意向", Profiles: 1}, {Tag: "渠道:抖音", Value: "抖音", Profiles: 1}, {Tag: "高意向", Group: "意向", Profiles: 1}}, counts)
	stages, err := r.w.StageCounts(ctx)
	require.NoError(t, err)
	require.Equal(t, map[string]uint64{"新": 1, "流失": 1}, stages)
}

func TestARecountAsOfACommit(t *testing.T) {
	r := newRig(t)
	r.run(r.archiver(nil))
	shard := func(c *event.Change, s int) *event.Change {
		c.Order.Shard = s
		return c
	}
	r.publish(schemas.TopicChanges, 0,
		tagged("a", "高意向", event.OpApplied, 0, at(1, 0)), snapshot("a", at(1, 1), func(s *event.Snapshot) { s.Known = false }),
		snapshot("a", at(4, 0), nil), // becomes known
		tagged("a", "高意向", event.OpExpired, 3, at(6, 0)), snapshot("a", at(6, 1), nil))
	r.publish(schemas.TopicChanges, 1,
		shard(tagged("b", "高意向", event.OpApplied, 0, at(2, 0)), 1), shard(snapshot("b", at(2, 1), nil), 1),
		shard(snapshot("b", at(5, 0), func(s *event.Snapshot) { s.Excluded = true }), 1))
	r.archived()
	for _, c := range []struct {
		first, second int64
		want          map[string]warehouse.TagPopulation
	}{
		{0, 0, map[string]warehouse.TagPopulation{}},
		{1, 0, map[string]warehouse.TagPopulation{"高意向": {Anonymous: 1}}},
		{3, 2, map[string]warehouse.TagPopulation{"高意向": {Known: 1, Anonymous: 1}}},
		{4, 4, map[string]warehouse.TagPopulation{"高意向": {Known: 2}}},
		{5, 5, map[string]warehouse.TagPopulation{"高意向": {Known: 1}}},
		{6, 5, map[string]warehouse.TagPopulation{}},
	} {
		got, err := r.w.Recount(t.Context(), warehouse.Cut{Generation: 1, Commits: []int64{c.first, c.second}})
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%d, %d", c.first, c.second)
	}
	marks, err := r.w.Archived(t.Context(), schemas.TopicChanges)
	require.NoError(t, err)
	require.Equal(t, warehouse.Mark{Next: 5, Generation: 1, Shard: 0, Commit: 6}, marks[0])
	require.Equal(t, warehouse.Mark{Next: 3, Generation: 1, Shard: 1, Commit: 5}, marks[1])
}

func TestARecountByDimensionAsOfACommit(t *testing.T) {
	r := newRig(t)
	r.run(r.archiver(nil))
	in := func(stores, staff []string, city string) func(*event.Snapshot) {
		return func(s *event.Snapshot) {
			s.Stores, s.Owners, s.Channels, s.Traits = stores, staff, []string{"抖音"}, map[string]event.Trait{"城市": {Value: city}}
		}
	}
	moved := tagged("a", "高意向", event.OpRenewed, 3, at(5, 0))
	moved.Group = "会员"
	r.publish(schemas.TopicChanges, 0,
		tagged("a", "高意向", event.OpApplied, 0, at(1, 0)), snapshot("a", at(1, 1), in([]string{"s1"}, nil, "成都")),
		snapshot("a", at(2, 0), in([]string{"s1", "s2"}, []string{"li"}, "成都")),
		snapshot("a", at(3, 0), in([]string{"s1", "s2"}, []string{"li"}, "上海")),
		snapshot("a", at(4, 0), in([]string{"s1", "s2"}, []string{"li"}, "成都")),
		moved, snapshot("a", at(5, 1), in([]string{"s1", "s2"}, []string{"li"}, "成都")))
	r.archived()
	dims := profile.Dimensions{"意向": {"store", "staff", "city"}, "会员": {"channel"}}
	one := warehouse.TagPopulation{Known: 1}
	tag := func(dimension, value string) warehouse.TagPlace {
		return warehouse.TagPlace{Tag: "高意向", Dimension: dimension, Value: value}
	}
	for _, c := range []struct {
		commit    int64
		want      map[warehouse.TagPlace]warehouse.TagPopulation
		undecided uint64
	}{
		{commit: 0, want: map[warehouse.TagPlace]warehouse.TagPopulation{}},
		{commit: 1, want: map[warehouse.TagPlace]warehouse.TagPopulation{tag("store", "s1"): one, tag("city", "成都"): one}},
		{commit: 5, want: map[warehouse.TagPlace]warehouse.TagPopulation{tag("channel", "抖音"): one}},
	} {
		got, err := r.w.RecountBy(t.Context(), warehouse.Cut{Generation: 1, Commits: []int64{c.commit, 0}}, dims)
		require.NoError(t, err)
		require.Equal(t, c.want, got.Counts, "%d", c.commit)
		require.Equal(t, c.undecided, got.Undecided, "%d", c.commit)
	}
	got, err := r.w.RecountBy(t.Context(), warehouse.Cut{Generation: 1, Commits: []int64{3, 0}}, dims)
	require.NoError(t, err)
	require.EqualValues(t, 1, got.Undecided, "back in 成都, where it had been before the cut: it is not guessed")
}
