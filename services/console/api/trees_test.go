package api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/libs/warehouse/warehousetest"
	"github.com/tagwire/tagwire/services/console/api"
	"github.com/tagwire/tagwire/services/console/consoletest"
)

// shownTree is a tree as the API gives it.
type shownTree struct {
	Op, Text    string
	Holds       *bool
	Value       any
	Left, Right *shownTree
	Children    []shownTree
	Next        time.Time
}

type shownReason struct {
	Tree   *shownTree
	Choose []struct {
		Tag  string
		Tree shownTree
	}
	TreeEvent *struct {
		EventID string `json:"event_id"`
		Type    string
		Time    time.Time
	} `json:"tree_event"`
	TreeNote *struct{ Zh, En string } `json:"tree_note"`
	Evidence []struct {
		EventID string `json:"event_id"`
		Time    time.Time
	}
	AsOf time.Time `json:"as_of"`
}

func TestExplainShowsTheConditionAsATree(t *testing.T) {
	house := warehousetest.Start(t)
	g := live(t, func(o *api.Options) { o.Warehouse = house })
	id := g.customer()
	set, err := rule.Compile(1, map[string]string{"rules.yaml": shopRules})
	require.NoError(t, err)
	chat := consoletest.Event("chat", "chat.message", "u1")
	chat.From, chat.Text = "customer", "多少钱"
	g.Send(chat)
	require.Eventually(t, func() bool {
		return strings.Contains(g.do("GET", "/profiles/"+id, "").Text, `"tag":"询价"`)
	}, 10*time.Second, 20*time.Millisecond)
	matches, err := json.Marshal(set.Match(chat.Text, chat.From))
	require.NoError(t, err)
	explain := func(tag string) (v shownReason) {
		t.Helper()
		g.do("GET", "/profiles/"+id+"/explain?tag="+tag, "").into(&v)
		return v
	}
	v := explain("高意向")
	require.NotNil(t, v.Tree)
	require.Equal(t, ">=", v.Tree.Op)
	require.Equal(t, "近7天打开次数 >= 3", v.Tree.Text)
	require.True(t, *v.Tree.Holds)
	require.Equal(t, "近7天打开次数", v.Tree.Left.Text)
	require.InDelta(t, 3, v.Tree.Left.Value, 0)
	require.InDelta(t, 3, v.Tree.Right.Value, 0)
	require.Equal(t, 7*24*time.Hour, v.Tree.Next.Sub(v.Evidence[2].Time), "the oldest of the three leaves the window")
	require.Nil(t, v.TreeNote)

	v = explain("普通")
	require.Nil(t, v.Tree)
	require.Len(t, v.Choose, 2)
	require.Equal(t, []string{"黄金", "普通"}, []string{v.Choose[0].Tag, v.Choose[1].Tag})
	require.True(t, *v.Choose[0].Tree.Holds)

	// Of an event tag: nothing is archived yet, then the evidence event is.
	v = explain("询价")
	require.Equal(t, `keyword("询价")`, v.Tree.Text)
	require.False(t, *v.Tree.Holds)
	require.Nil(t, v.TreeEvent)
	require.Contains(t, v.TreeNote.Zh, "不在历史库中")
	require.Len(t, v.Evidence, 1)
	at := v.Evidence[0].Time
	require.NoError(t, house.Insert(t.Context(), warehouse.Insert{
		Table: "events", Token: "e", Columns: []string{"event_id", "profile_id", "type", "time", "sent_day", "received_at", "source", "from", "matches", "version"},
		Rows: [][]any{{v.Evidence[0].EventID, id, "chat.message", at, at, at, "test", "customer", string(matches), uint64(1)}},
	}))
	v = explain("询价")
	require.True(t, *v.Tree.Holds)
	require.Equal(t, "chat.message", v.TreeEvent.Type)
	require.Contains(t, v.TreeNote.En, "newest evidence event")
}

// A family is held by any of its values: what is said of the tags that a rule
// reads does not contradict the tree beside it.
func TestExplainSaysThatAFamilyIsHeld(t *testing.T) {
	g := live(t)
	id := g.customer()
	family := "tags:\n  资料: {event: link.open, value: event.object.title}\n  地区: {event: link.open, value: event.channel}\n" +
		"  看过资料: {when: '\"报价单\" in tags(\"资料\") and len(tags(\"地区\")) == 0'}\n"
	require.Equal(t, http.StatusOK, g.putRules(strings.Replace(shopRules, "tags:\n", family, 1), "If-Match", `"1"`).Code)
	open := consoletest.Event("open9", "link.open", "u1")
	open.Object = &event.Object{Title: "报价单"}
	g.Send(open)
	require.Eventually(t, func() bool {
		return strings.Contains(g.do("GET", "/profiles/"+id, "").Text, `"tag":"看过资料"`)
	}, 10*time.Second, 20*time.Millisecond)
	var v struct {
		Holds bool
		Tags  map[string]bool
		Tree  shownTree
	}
	g.do("GET", "/profiles/"+id+"/explain?tag="+url.QueryEscape("看过资料"), "").into(&v)
	require.True(t, v.Holds)
	require.True(t, *v.Tree.Holds)
	require.Equal(t, map[string]bool{"资料": true, "地区": false}, v.Tags)
}
