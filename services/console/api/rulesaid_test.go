package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/libs/warehouse/warehousetest"
	"github.com/tagwire/tagwire/services/console/api"
	"github.com/tagwire/tagwire/services/console/consoletest"
	"github.com/tagwire/tagwire/services/console/cutpoints"
)

type rulesSaid struct {
	Version int64
	Rules   []struct {
		Kind, Name, Rule, Group, File, Zh, En string
		Numeric                               bool
		Line                                  int
	}
	Cuts []cutpoints.Standing
}

func TestRulesAreSaidInSentences(t *testing.T) {
	g := start(t)
	require.Equal(t, http.StatusNotFound, g.do("GET", "/rules/explain", "").Code)
	g.Roles()
	require.Equal(t, http.StatusOK, g.putRules(shopRules).Code)
	var v rulesSaid
	g.do("GET", "/rules/explain", "").into(&v)
	require.EqualValues(t, 1, v.Version)
	var got []string
	for _, r := range v.Rules {
		got = append(got, fmt.Sprintf("%s %s %s %t %s:%d", r.Kind, r.Name, r.Group, r.Numeric, r.File, r.Line))
		require.True(t, strings.HasPrefix(r.Zh, r.Name+"："), r.Zh)
		require.True(t, strings.HasPrefix(r.En, r.Name+": "), r.En)
	}
	require.Equal(t, []string{
		"keyword 询价  false rules.yaml:2", "measure 近7天打开次数  true rules.yaml:4", "measure 净消费  true rules.yaml:5", "measure 订单数  true rules.yaml:6",
		"tag 高意向 意向 false rules.yaml:8", "alert 高意向 意向 false rules.yaml:12", "tag 询价 关键词 false rules.yaml:13",
		"tag 会员等级 等级 false rules.yaml:14", "choice 黄金 等级 false rules.yaml:17", "choice 普通 等级 false rules.yaml:18",
		"stage 潜在  false rules.yaml:20", "stage 新  false rules.yaml:21",
	}, got)
	require.Empty(t, v.Cuts)

	yaml := []string{"Content-Type", "application/yaml"}
	var written rulesSaid
	g.do("POST", "/rules/explain", "tags: {回头客: {when: known}}", yaml...).into(&written)
	require.Zero(t, written.Version)
	require.Len(t, written.Rules, 1)
	require.Equal(t, "回头客", written.Rules[0].Name)
	refused := g.do("POST", "/rules/explain", "tags: {回头客: {when: 没有}}", yaml...)
	require.Equal(t, http.StatusUnprocessableEntity, refused.Code)
	require.NotEmpty(t, refused.fields()["errors"])
	require.Contains(t, g.do("GET", "/rules", "").Text, "近7天打开次数", "nothing was saved")
}

// spenders puts customers into history of whom each spent one more than the one before.
func spenders(t *testing.T, house *warehouse.Warehouse) {
	t.Helper()
	at := time.UnixMilli(1_700_000_000_000).UTC()
	var rows [][]any
	for n := range 11 {
		id := fmt.Sprintf("p%02d", n)
		o := event.Order{Generation: consoletest.Generation, Shard: event.Shard(id, consoletest.Shards), Commit: 1}
		rows = append(rows, []any{id, true, map[string]string{"净消费": fmt.Sprintf("%d.5", n)}, at, at, at, at, at, uint32(1), uint16(o.Shard), int64(1), warehouse.Version(o)})
	}
	require.NoError(t, house.Insert(t.Context(), warehouse.Insert{
		Table: "profiles", Token: "p", Rows: rows,
		Columns: []string{"profile_id", "known", "measures", "first_seen", "last_seen", "clock", "at", "day", "generation", "shard", "commit", "version"},
	}))
}

func TestCutPointsAreTakenThenSaved(t *testing.T) {
	house := warehousetest.Start(t)
	g := live(t, func(o *api.Options) { o.Warehouse = house })
	spenders(t, house)
	taken := g.do("GET", "/rules/cuts?measure="+"净消费"+"&points=20,80", "")
	require.Equal(t, http.StatusOK, taken.Code, taken.Text)
	require.Equal(t, http.StatusConflict, g.do("PUT", "/rules/cuts", taken.Text, "If-Match", `"7"`).Code)
	saved := g.do("PUT", "/rules/cuts", taken.Text, "If-Match", `"1"`)
	require.Equal(t, http.StatusOK, saved.Code, saved.Text)
	require.EqualValues(t, 2, saved.fields()["version"])

	var v rulesSaid
	g.do("GET", "/rules/explain", "").into(&v)
	require.Len(t, v.Cuts, 1)
	c := v.Cuts[0]
	require.Equal(t, []any{"净消费", uint64(11), cutpoints.File, 2}, []any{c.Measure, c.Customers, c.File, c.Line})
	require.Equal(t, taken.fields()["date"], c.Date)
	require.Equal(t, []cutpoints.StandingPoint{
		{Point: cutpoints.Point{Point: "p20", Value: "2.5"}, ReadBy: []string{}}, {Point: cutpoints.Point{Point: "p80", Value: "8.5"}, ReadBy: []string{}},
	}, c.Points)
	require.Equal(t, true, g.do("PUT", "/rules/cuts", taken.Text).fields()["unchanged"])

	oneLine := "cuts: {净消费: {date: 2026-01-01, p20: 1}, 订单数: {date: 2026-01-01, p20: 1}}\n" + shopRules
	require.Equal(t, http.StatusOK, g.putRules(oneLine).Code)
	refused := g.do("PUT", "/rules/cuts", taken.Text)
	require.Equal(t, http.StatusUnprocessableEntity, refused.Code)
	require.Equal(t, "cuts_refused", refused.fields()["code"])
	require.Equal(t, http.StatusBadRequest, g.do("PUT", "/rules/cuts", "no JSON").Code)
}
