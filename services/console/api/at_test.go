package api_test

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/libs/warehouse/warehousetest"
	"github.com/tagwire/tagwire/services/console/api"
)

// ago is a moment some days before the test's own, at a full second.
func ago(base time.Time, days int) time.Time { return base.Add(-time.Duration(days) * 24 * time.Hour) }

// past gives the customer a history: seen 300 days ago with a name, two orders
// 200 and 20 days ago, and what a person decided in between.
func (g *rig) past(house *warehouse.Warehouse, id string, base time.Time) {
	g.t.Helper()
	name, err := g.Keys.SealText(g.t.Context(), id, "王芳")
	require.NoError(g.t, err)
	row := func(n, days int, typ, amount, open string) []any {
		at := ago(base, days)
		traits := ""
		if typ == "attribute.set" {
			traits, open = open, ""
		}
		var money any
		if amount != "" {
			money = amount
		}
		return []any{"h" + strconv.Itoa(n), id, typ, at, at, at, "shop", money, []string{"user_id:u1"}, []string{"user_id:u1"}, traits, open, at, "events.1", uint16(0), int64(n), ^uint64(n)}
	}
	require.NoError(g.t, house.Insert(g.t.Context(), warehouse.Insert{
		Table: "events", Token: "past" + id,
		Columns: []string{"event_id", "profile_id", "type", "time", "sent_day", "received_at", "source", "amount", "identities", "own", "traits", "properties", "place", "topic", "partition", "offset", "version"},
		Rows: [][]any{
			row(1, 300, "attribute.set", "", `{"name":"`+name+`","city":"上海"}`),
			row(2, 200, "order.pay", "9000", ""),
			row(3, 100, "tag.add", "", `{"tag":"老友","group":"人工"}`),
			row(4, 20, "order.pay", "3000.50", ""),
		},
	}))
}

type pastProfile struct {
	Profile      string   `json:"profile_id"`
	Identities   []string `json:"identities"`
	Traits       map[string]any
	Measures     map[string]any
	Inexact      []string
	Tags         []struct{ Tag, Origin string }
	Stage        struct{ Name string }
	RulesVersion int64     `json:"rules_version"`
	AsOf         time.Time `json:"as_of"`
	ArchivedTo   string    `json:"archived_to"`
}

func (p pastProfile) tags() []string {
	out := []string{}
	for _, t := range p.Tags {
		out = append(out, t.Tag)
	}
	return out
}

func TestACustomerIsShownAsItWas(t *testing.T) {
	house := warehousetest.Start(t)
	g := live(t, func(o *api.Options) { o.Warehouse = house })
	id := g.customer()
	base := time.Now().UTC().Truncate(time.Second)
	g.past(house, id, base)
	g.caughtUp(house)
	at := func(days int, more string) (p pastProfile) {
		r := g.do("GET", "/profiles/user_id:u1/at?time="+ago(base, days).Format(time.RFC3339)+more, "")
		require.Equal(t, http.StatusOK, r.Code, r.Text)
		r.into(&p)
		require.Equal(t, ago(base, days), p.AsOf)
		require.Equal(t, id, p.Profile)
		require.Equal(t, []string{"user_id:u1"}, p.Identities)
		return p
	}
	p := at(250, "")
	require.Empty(t, p.tags())
	require.Equal(t, "潜在", p.Stage.Name)
	require.Equal(t, map[string]any{"name": "王芳", "city": "上海"}, p.Traits)
	p = at(150, "")
	require.Equal(t, []string{"普通"}, p.tags())
	require.Equal(t, "新", p.Stage.Name)
	require.InDelta(t, 9000, p.Measures["净消费"], 0)
	require.InDelta(t, 1, p.Measures["订单数"], 0)
	require.Equal(t, []string{"普通", "老友"}, at(100, "").tags(), "at the very moment it counts")
	p = at(10, "")
	require.Equal(t, []string{"老友", "黄金"}, p.tags())
	require.Equal(t, "12000.5", p.Measures["净消费"])
	require.EqualValues(t, 1, p.RulesVersion)

	ms := strconv.FormatInt(ago(base, 150).UnixMilli(), 10)
	var same pastProfile
	g.do("GET", "/profiles/"+id+"/at?time="+ms, "").into(&same)
	require.Equal(t, []string{"普通"}, same.tags())
	g.do("GET", "/profiles/"+id+"/at?time="+ago(base, 150).In(time.FixedZone("", 8*3600)).Format(time.RFC3339), "").into(&same)
	require.Equal(t, ago(base, 150), same.AsOf, "a plus sign that nobody escaped")

	r := g.do("PUT", "/rules", "tags:\n  早鸟: {group: x, event: order.pay}\n", "Content-Type", "application/yaml")
	require.Equal(t, http.StatusOK, r.Code, r.Text)
	require.Eventually(t, func() bool { p = at(150, ""); return p.RulesVersion == 2 }, 10*time.Second, 20*time.Millisecond)
	require.Equal(t, []string{"早鸟"}, p.tags(), "by the rules in force today")
	p = at(150, "&rules=1")
	require.EqualValues(t, 1, p.RulesVersion)
	require.Equal(t, []string{"普通"}, p.tags())
}

func TestAnExplanationAsOfAMoment(t *testing.T) {
	house := warehousetest.Start(t)
	g := live(t, func(o *api.Options) { o.Warehouse = house })
	id := g.customer()
	base := time.Now().UTC().Truncate(time.Second)
	g.past(house, id, base)
	g.caughtUp(house)
	explain := func(days int) (e struct {
		Holds    bool
		Measures map[string]any
		AsOf     time.Time `json:"as_of"`
	},
	) {
		q := url.Values{"tag": {"黄金"}, "time": {ago(base, days).Format(time.RFC3339)}}
		g.do("GET", "/profiles/"+id+"/explain?"+q.Encode(), "").into(&e)
		return e
	}
	e := explain(150)
	require.False(t, e.Holds)
	require.InDelta(t, 9000, e.Measures["净消费"], 0)
	require.Equal(t, ago(base, 150), e.AsOf)
	require.True(t, explain(10).Holds)
}

func TestMomentsThatCannotBeShown(t *testing.T) {
	house := warehousetest.Start(t)
	g := live(t, func(o *api.Options) { o.Warehouse, o.CommitWait = house, 300*time.Millisecond })
	id := g.customer()
	base := time.Now().UTC().Truncate(time.Second)
	refused := func(code int, query string, says ...string) {
		t.Helper()
		r := g.do("GET", "/profiles/"+id+"/at?"+query, "")
		require.Equal(t, code, r.Code, r.Text)
		require.Equal(t, "application/problem+json", r.Header.Get("Content-Type"))
		for _, s := range says {
			require.Contains(t, r.Text, s)
		}
	}
	refused(http.StatusBadRequest, "", "缺少参数 time", "missing")
	refused(http.StatusBadRequest, "time=gestern", "RFC 3339", "毫秒")
	refused(http.StatusBadRequest, "time=-5", "RFC 3339")
	refused(http.StatusBadRequest, "time="+base.Add(time.Hour).Format(time.RFC3339), "晚于现在", "after now")
	refused(http.StatusBadRequest, "time="+base.Format(time.RFC3339)+"&rules=x", "版本号")
	refused(http.StatusNotFound, "time="+base.Format(time.RFC3339)+"&rules=77", "规则版本 77", "version 77")
	refused(http.StatusServiceUnavailable, "time="+base.Format(time.RFC3339), "history_behind", "还没有追上", "not caught up")
	g.caughtUp(house)
	refused(http.StatusNotFound, "time="+base.Format(time.RFC3339), "没有该客户的任何事件", "no event")
	g.past(house, id, base)
	refused(http.StatusNotFound, "time="+ago(base, 301).Format(time.RFC3339), "还没有出现", event.At(ago(base, 300)).String())
	require.Equal(t, http.StatusNotFound, g.do("GET", "/profiles/user_id:nobody/at?time="+base.Format(time.RFC3339), "").Code)
}

func TestThePastNeedsHistory(t *testing.T) {
	g := live(t)
	id := g.customer()
	require.Equal(t, http.StatusServiceUnavailable, g.do("GET", "/profiles/"+id+"/at?time="+time.Now().UTC().Format(time.RFC3339), "").Code)
}
