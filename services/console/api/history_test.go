package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/libs/warehouse/warehousetest"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/console/api"
	"github.com/tagwire/tagwire/services/console/consoletest"
)

func TestHistoryIsReadFromTheWarehouseAndOpened(t *testing.T) {
	house := warehousetest.Start(t)
	g := live(t, func(o *api.Options) { o.Warehouse = house })
	id := g.customer()
	note, err := g.Keys.SealText(t.Context(), id, "五月前到货")
	require.NoError(t, err)
	at := time.UnixMilli(1_700_000_000_000).UTC()
	row := func(n int, typ, source, text string) []any {
		moment := at.Add(time.Duration(n) * time.Minute)
		return []any{"e" + typ, id, typ, moment, at, moment, source, text, uint64(n)}
	}
	require.NoError(t, house.Insert(t.Context(), warehouse.Insert{
		Table: "events", Token: "e", Columns: []string{"event_id", "profile_id", "type", "time", "sent_day", "received_at", "source", "text", "version"},
		Rows: [][]any{row(1, "link.open", "shop", ""), row(2, "note.add", "console", note), row(3, "alert.claim", "console", "")},
	}))
	o := event.Order{Generation: consoletest.Generation, Shard: event.Shard(id, consoletest.Shards), Commit: 1}
	require.NoError(t, house.Insert(t.Context(), warehouse.Insert{
		Table: "tag_changes", Token: "t", Columns: []string{"change_id", "op", "profile_id", "tag", "rule", "rule_version", "at", "day", "generation", "shard", "commit", "version"},
		Rows: [][]any{{"c1", "applied", id, "高意向", "高意向", int64(1), at.Add(4 * time.Minute), at, uint32(1), uint16(o.Shard), int64(1), warehouse.Version(o)}},
	}))
	require.NoError(t, house.Insert(t.Context(), warehouse.Insert{
		Table: "profiles", Token: "p", Columns: []string{
			"profile_id", "known", "first_seen", "last_seen", "clock", "at", "day", "generation", "shard", "commit", "version",
			"tags", "tag_groups", "tag_values", "tag_since", "tag_expires", "tag_rules", "tag_rule_versions", "tag_origins",
		},
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
		}},
	}))
	type item struct{ Kind, Type, Title, Tag, Op string }
	var page struct {
		Items []item
		Next  string `json:"next_cursor"`
		To    string `json:"archived_to"`
	}
	g.do("GET", "/profiles/user_id:u1/timeline", "").into(&page)
	require.Equal(t, []item{
		{Kind: "tag", Type: "applied", Tag: "高意向", Op: "applied"},
		{Kind: "note", Type: "note.add", Title: "五月前到货"},
		{Kind: "event", Type: "link.open"},
	}, page.Items, "what people do about alerts is told by the alert itself")
	require.Empty(t, page.To, "nothing says that history has caught up")
	var first struct {
		Items []item
		Next  string `json:"next_cursor"`
	}
	g.do("GET", "/profiles/"+id+"/timeline?limit=1", "").into(&first)
	require.Len(t, first.Items, 1)
	cursor := first.Next
	first.Items = nil
	g.do("GET", "/profiles/"+id+"/timeline?kind=note&cursor="+cursor, "").into(&first)
	require.Equal(t, []item{{Kind: "note", Type: "note.add", Title: "五月前到货"}}, first.Items)
	require.NoError(t, house.Insert(t.Context(), warehouse.Insert{
		Table: "quality", Token: "q", Columns: []string{"change_id", "kind", "profile_id", "other", "at", "day", "reason", "version"},
		Rows: [][]any{
			{"q1", "shared", id, "phone:0123", at, at, "people", uint64(1)},
			{"q2", "conflict", id, "p-9", at.Add(time.Second), at, "unique", uint64(2)},
			{"q3", "stale", id, "", at, at, "late", uint64(3)},
			{"q4", "shared", "p-other", "phone:0123", at, at, "people", uint64(4)},
		},
	}))
	var who struct {
		Items []struct{ Kind, Op, Other string }
	}
	g.do("GET", "/profiles/"+id+"/timeline?kind=identity", "").into(&who)
	require.Equal(t, []struct{ Kind, Op, Other string }{{"identity", "conflict", "p-9"}, {"identity", "shared", "phone:0123"}}, who.Items)
	require.Equal(t, http.StatusBadRequest, g.do("GET", "/profiles/"+id+"/timeline?cursor=x", "").Code)
	require.Equal(t, http.StatusBadRequest, g.do("GET", "/profiles/"+id+"/timeline?limit=-1", "").Code)

	var members struct {
		Members []struct {
			Profile string `json:"profile_id"`
			Name    string
		}
	}
	g.do("GET", "/tags/高意向/members", "").into(&members)
	require.Len(t, members.Members, 1)
	require.Equal(t, id, members.Members[0].Profile)
	require.Equal(t, "王芳", members.Members[0].Name)

	g.caughtUp(house)
	require.Eventually(t, func() bool {
		g.do("GET", "/profiles/"+id+"/timeline", "").into(&page)
		return page.To != ""
	}, 10*time.Second, 50*time.Millisecond)
}

// caughtUp says in history that all of the log has been archived.
func (g *rig) caughtUp(house *warehouse.Warehouse) {
	g.t.Helper()
	in := warehouse.Insert{Table: "batches", Token: "b", Columns: []string{"topic", "partition", "lo", "hi"}}
	for _, topic := range []string{schemas.TopicEvents, schemas.TopicChanges, schemas.TopicAlerts} {
		ranges, err := g.Kafka.Ranges(g.t.Context(), topic, consoletest.Shards)
		require.NoError(g.t, err)
		for p, r := range ranges {
			in.Rows = append(in.Rows, []any{topic, uint16(p), int64(0), r.End})
		}
	}
	require.NoError(g.t, house.Insert(g.t.Context(), in))
}

func TestWithoutHistoryOnlyWhatIsLiveIsAnswered(t *testing.T) {
	g := live(t)
	id := g.customer()
	require.Equal(t, http.StatusServiceUnavailable, g.do("GET", "/profiles/"+id+"/timeline", "").Code)
	require.Equal(t, http.StatusServiceUnavailable, g.do("GET", "/tags/x/members", "").Code)
	r := g.do("GET", "/verify", "")
	require.Equal(t, http.StatusOK, r.Code, r.Text)
	v := r.fields()
	require.Equal(t, 0.0, v["drift"])
	require.Equal(t, 1.0, v["checked"])
	require.NotEmpty(t, v["clickhouse_skipped"])
}
