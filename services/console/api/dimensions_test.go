package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/libs/warehouse/warehousetest"
	"github.com/tagwire/tagwire/services/console/api"
	"github.com/tagwire/tagwire/services/console/consoletest"
)

const groupRules = shopRules + "groups:\n  意向: {count_by: [store, city], color: red, order: 1}\n"

func TestCountsAreSplitByADimension(t *testing.T) {
	g := live(t)
	require.Equal(t, http.StatusOK, g.putRules(groupRules, "If-Match", `"1"`).Code)
	board := g.listen("/tags/stream?by=store")
	for _, who := range []string{"u1", "u2"} {
		for _, n := range []string{"a", "b", "c"} {
			e := consoletest.Event(who+n, "link.open", who)
			e.StoreID, e.Traits = "s1", event.Fields{"city": "成都"}
			if n == "c" && who == "u2" {
				e.StoreID = "s2"
			}
			g.Send(e)
		}
	}
	m := next(t, board, func(m message) bool { return strings.Contains(m.data, `"by":{"s1":2,"s2":1}`) })
	require.Contains(t, m.data, `"groups":[{"group":"意向","dimensions":["store","city"],"color":"red","order":1},{"group":"关键词","dimensions":[]},{"group":"等级","dimensions":[]}]`)
	require.Contains(t, m.data, `{"tag":"高意向","group":"意向","count":2,"anonymous":0,"by":{"s1":2,"s2":1}}`)
	require.Contains(t, m.data, `{"tag":"黄金","group":"等级","count":0,"anonymous":0}`, "its group is not counted by store")
	require.Contains(t, g.do("GET", "/tags?by=city", "").Text, `"by":{"成都":2}`)
	require.NotContains(t, g.do("GET", "/tags", "").Text, `"by"`)
	require.Equal(t, http.StatusBadRequest, g.do("GET", "/tags?by=shop", "").Code)
	require.Equal(t, http.StatusBadRequest, g.do("GET", "/tags/stream?by=shop", "").Code)
	v := g.do("GET", "/verify", "").fields()
	require.Equal(t, 0.0, v["drift"])
	require.Equal(t, 2.0, v["rules_version"])
}

func TestTagChangesComeWithTheirCausePageByPage(t *testing.T) {
	house := warehousetest.Start(t)
	g := live(t, func(o *api.Options) { o.Warehouse = house })
	id := g.customer()
	at := time.UnixMilli(1_700_000_000_000).UTC()
	sealed, err := g.Keys.SealText(t.Context(), id, "报价单")
	require.NoError(t, err)
	o := event.Order{Generation: consoletest.Generation, Shard: event.Shard(id, consoletest.Shards), Commit: 1}
	in := warehouse.Insert{Table: "tag_changes", Token: "t", Columns: []string{
		"change_id", "op", "profile_id", "tag", "tag_group", "rule", "rule_version", "reason", "cause", "evidence", "at", "day", "generation", "shard", "commit", "version",
	}}
	for n, op := range []string{"applied", "renewed", "expired", "applied", "removed"} {
		when := at.Add(time.Duration(n/2) * time.Hour) // two at a time
		o.Position = n
		in.Rows = append(in.Rows, []any{
			"c" + string(rune('0'+n)), op, id, "高意向", "意向", "高意向", int64(1), "rule", "e1",
			`[{"event_id":"e1","type":"link.open","time":"2023-11-14T22:13:20.000Z","object_title":"` + sealed + `"}]`,
			when, when, uint32(1), uint16(o.Shard), int64(1), warehouse.Version(o),
		})
	}
	require.NoError(t, house.Insert(t.Context(), in))
	require.NoError(t, house.Insert(t.Context(), warehouse.Insert{
		Table: "profiles", Token: "p",
		Columns: []string{"profile_id", "known", "first_seen", "last_seen", "clock", "at", "day", "generation", "shard", "commit", "version", "tags", "tag_groups", "tag_values", "tag_since", "tag_expires", "tag_rules", "tag_rule_versions", "tag_origins", "stores", "city"},
		Rows: [][]any{{
			id, true, at, at, at, at, at, uint32(1), uint16(o.Shard), int64(1), warehouse.Version(o),
			[]string{"高意向"},
			[]string{"意向"},
			[]string{""},
			[]time.Time{at},
			[]*time.Time{nil},
			[]string{"高意向"},
			[]int64{1},
			[]string{"rule"},
			[]string{"s1"},
			"成都",
		}},
	}))

	type change struct {
		ID       string `json:"change_id"`
		Op       string
		Name     string
		Reason   string
		Cause    string
		Version  int64 `json:"rule_version"`
		Evidence []struct {
			Title string `json:"object_title"`
		}
	}
	var all []change
	path := "/tags/" + url.PathEscape("高意向") + "/changes"
	for cursor, pages := "", 0; pages == 0 || cursor != ""; pages++ {
		var page struct {
			Changes []change
			Next    string `json:"next_cursor"`
			Rules   int64  `json:"rules_version"`
		}
		g.do("GET", path+"?limit=3&cursor="+url.QueryEscape(cursor), "").into(&page)
		require.EqualValues(t, 1, page.Rules)
		all = append(all, page.Changes...)
		cursor = page.Next
		require.Less(t, pages, 3)
	}
	var ids []string
	for _, c := range all {
		ids = append(ids, c.ID+c.Op)
	}
	require.Equal(t, []string{"c4removed", "c3applied", "c2expired", "c0applied"}, ids, "newest first; renewals say little")
	require.Equal(t, "王芳", all[0].Name)
	require.Equal(t, []string{"rule", "e1", "报价单"}, []string{all[0].Reason, all[0].Cause, all[0].Evidence[0].Title})

	has := func(query string, want ...string) {
		t.Helper()
		text := g.do("GET", path+query, "").Text
		require.Equal(t, len(want), strings.Count(text, `"change_id"`), text)
		for _, one := range want {
			require.Contains(t, text, `"change_id":"`+one+`"`)
		}
	}
	has("?op=renewed,expired", "c1", "c2")
	has("?from="+at.Add(time.Hour).Format(time.RFC3339), "c4", "c3", "c2")
	has("?to="+at.Add(time.Hour).Format(time.RFC3339), "c0")
	require.Equal(t, http.StatusBadRequest, g.do("GET", path+"?op=gone", "").Code)
	require.Equal(t, http.StatusBadRequest, g.do("GET", path+"?from=yesterday", "").Code)
	require.Equal(t, http.StatusBadRequest, g.do("GET", path+"?cursor=x", "").Code)

	members := "/tags/" + url.PathEscape("高意向") + "/members"
	require.Contains(t, g.do("GET", members+"?store=s1&city="+url.QueryEscape("成都"), "").Text, id)
	require.NotContains(t, g.do("GET", members+"?store=s2", "").Text, id)
	require.Contains(t, g.do("GET", members+"?store=s2", "").Text, `"rules_version":1`)
}
