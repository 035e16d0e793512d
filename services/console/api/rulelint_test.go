package api_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/rule/lint"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/libs/warehouse/warehousetest"
	"github.com/tagwire/tagwire/services/console/api"
	"github.com/tagwire/tagwire/services/console/consoletest"
)

// holders puts customers into history, each with the tags that it holds now.
func holders(t *testing.T, house *warehouse.Warehouse, tagsOf func(n int) []string) {
	t.Helper()
	at := time.Now().UTC().Truncate(time.Millisecond)
	var rows [][]any
	for n := range 40 {
		tags := tagsOf(n)
		texts, times, never, versions := make([]string, len(tags)), make([]time.Time, len(tags)), make([]*time.Time, len(tags)), make([]int64, len(tags))
		for i := range tags {
			times[i] = at
		}
		id := fmt.Sprintf("p%02d", n)
		o := event.Order{Generation: consoletest.Generation, Shard: event.Shard(id, consoletest.Shards), Commit: 1}
		rows = append(rows, []any{id, n < 38, at, at, at, at, at, uint32(1), uint16(o.Shard), int64(1), warehouse.Version(o), tags, texts, texts, times, never, tags, versions, texts})
	}
	require.NoError(t, house.Insert(t.Context(), warehouse.Insert{
		Table: "profiles", Token: "p", Columns: []string{
			"profile_id", "known", "first_seen", "last_seen", "clock", "at", "day", "generation", "shard", "commit", "version",
			"tags", "tag_groups", "tag_values", "tag_since", "tag_expires", "tag_rules", "tag_rule_versions", "tag_origins",
		}, Rows: rows,
	}))
	change := func(n int, tag string, at time.Time) []any {
		o := event.Order{Generation: consoletest.Generation, Commit: int64(n)}
		return []any{fmt.Sprintf("c%d", n), "applied", fmt.Sprintf("p%02d", n), tag, tag, int64(1), at, at, uint32(1), uint16(0), int64(n), warehouse.Version(o)}
	}
	require.NoError(t, house.Insert(t.Context(), warehouse.Insert{
		Table: "tag_changes", Token: "t", Columns: []string{"change_id", "op", "profile_id", "tag", "rule", "rule_version", "at", "day", "generation", "shard", "commit", "version"},
		Rows: [][]any{change(1, "高意向", at), change(2, "高意向", at.Add(-time.Hour)), change(3, "普通", at.Add(-40*24*time.Hour)), change(39, "询价", at)},
	}))
}

func TestLintTellsHowTagsAreHeld(t *testing.T) {
	house := warehousetest.Start(t)
	g := live(t, func(o *api.Options) { o.Warehouse = house })
	holders(t, house, func(n int) []string {
		switch {
		case n == 0:
			return []string{"高意向"}
		case n < 38:
			return []string{"高意向", "黄金"}
		}
		return []string{"询价"} // of customers who are not known
	})
	_, err := g.Defs.Put(t.Context(), defs.Put{Kind: defs.KindChannel, ID: "douyin", Expect: defs.ExpectAny, Author: "test", Body: []byte(`{"name":"抖音","tags":["普通","门店A"]}`)})
	require.NoError(t, err)
	var v struct {
		Version  int64
		Use      lint.Use
		Findings []lint.Finding
	}
	g.do("GET", "/rules/lint?days=30", "").into(&v)
	require.EqualValues(t, 1, v.Version)
	require.Equal(t, lint.Use{
		Days: 30, Profiles: 38, Held: map[string]uint64{"高意向": 38, "黄金": 37}, Applied: map[string]uint64{"高意向": 2},
		Pairs: []lint.Pair{{A: "高意向", B: "黄金", Both: 37, Either: 38}},
	}, v.Use)
	var got []string
	for _, f := range v.Findings {
		got = append(got, f.Check+" "+f.Name)
	}
	require.Equal(t, []string{"never_applied 普通", "never_applied 询价", "held_by_all 高意向", "overlap 高意向", "not_given 普通"}, got)
	require.Equal(t, http.StatusBadRequest, g.do("GET", "/rules/lint?days=x", "").Code)
}

func TestLintFindsNothing(t *testing.T) {
	g := live(t, func(o *api.Options) { o.Warehouse = warehousetest.Start(t) })
	require.Equal(t, http.StatusOK, g.putRules("zone: Asia/Shanghai\n", "If-Match", `"1"`).Code)
	require.Contains(t, g.do("GET", "/rules/lint", "").Text, `"findings":[]`)
}

func TestLintNeedsHistory(t *testing.T) {
	g := live(t)
	require.Equal(t, http.StatusServiceUnavailable, g.do("GET", "/rules/lint", "").Code)
}
