package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/libs/warehouse/warehousetest"
	"github.com/tagwire/tagwire/services/console/api"
	"github.com/tagwire/tagwire/services/console/consoletest"
	"github.com/tagwire/tagwire/services/console/cutpoints"
)

const spendRules = `# 钱  money
measures:
  净消费: {sum: order.pay, of: event.amount, minus: order.refund}
  看过: {distinct: page.view, of: event.object.brand}
tags:
  有消费: {when: 净消费 > 0}
`

const adminToken = "adm_cuts"

// console is a running API over real parts, with customers who spent 1 to 10 and
// one who spent nothing.
func console(t *testing.T) (*consoletest.World, string) {
	t.Helper()
	house := warehousetest.Start(t)
	w := consoletest.Start(t)
	w.Roles()
	reg := prometheus.NewRegistry()
	health, err := telemetry.NewHealth(telemetry.HealthOptions{Log: zap.NewNop(), Registerer: reg})
	require.NoError(t, err)
	a, err := api.New(api.Options{
		Stream: w.Kafka.Client, Redis: w.Redis, Defs: w.Defs, Keys: w.Keys, Inbox: w.Inbox, Config: api.Config{AdminToken: adminToken},
		Shards: consoletest.Shards, RawPartitions: consoletest.Raw, Log: zap.NewNop(), Registerer: reg, Health: health, Warehouse: house,
		Now: func() time.Time { return time.Date(2026, 10, 31, 17, 0, 0, 0, time.UTC) }, // 1 November in the rules' zone
	})
	require.NoError(t, err)
	server := httptest.NewServer(a.Handler())
	w.Go(a.Run)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	at := time.UnixMilli(1_700_000_000_000).UTC()
	var rows [][]any
	for n := range 11 {
		id, measures := fmt.Sprintf("p%02d", n), map[string]string{}
		if n > 0 {
			measures["净消费"] = fmt.Sprintf("%d.5", n)
		}
		o := event.Order{Generation: consoletest.Generation, Shard: event.Shard(id, consoletest.Shards), Commit: 1}
		rows = append(rows, []any{id, true, measures, at, at, at, at, at, uint32(1), uint16(o.Shard), int64(1), warehouse.Version(o)})
	}
	require.NoError(t, house.Insert(t.Context(), warehouse.Insert{
		Table: "profiles", Token: "p", Rows: rows,
		Columns: []string{"profile_id", "known", "measures", "first_seen", "last_seen", "clock", "at", "day", "generation", "shard", "commit", "version"},
	}))
	return w, server.URL
}

func TestRulesCuts(t *testing.T) {
	w, address := console(t)
	cuts := func(args ...string) (int, string, string) {
		return run(append([]string{"rules", "cuts", "--url", address, "--token", adminToken}, args...)...)
	}
	_, _, errs := cuts("--measure", "净消费")
	require.Contains(t, errs, "no rules have been saved")
	p := place{url: address, token: adminToken}
	res, err := p.ask(t.Context(), http.MethodPut, "/rules", map[string]any{"files": map[string]string{"shop.yaml": spendRules}})
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())

	code, out, errs := cuts("--measure", "净消费", "--points", "80,20,50")
	require.Zero(t, code, errs)
	// Of 0, 1.5, 2.5 … 10.5 three are 27 %, six 55 % and nine 82 %.
	require.Equal(t, "# 11 个已知客户 known customers, 截至 as of 未知 not known\ncuts:\n  净消费: {date: 2026-11-01, customers: 11, p20: 2.5, p50: 5.5, p80: 8.5}\n", out)
	for _, bad := range [][]string{{"--measure", "看过"}, {"--measure", "没有"}, {"--measure", "净消费", "--points", "0"}, {"--measure", "净消费", "--points", "100"}, {}} {
		code, _, errs = cuts(bad...)
		require.Equal(t, 1, code, bad)
		require.NotEmpty(t, errs)
	}

	code, out, errs = cuts("--measure", "净消费", "--write")
	require.Zero(t, code, errs)
	require.Contains(t, out, "saved as version 2")
	require.Equal(t, map[string]string{"shop.yaml": spendRules, cutpoints.File: "cuts:\n  净消费: {date: 2026-11-01, customers: 11, p20: 2.5, p50: 5.5, p80: 8.5}\n"}, savedRules(t, w))
	code, out, errs = cuts("--measure", "净消费", "--write")
	require.Zero(t, code, errs)
	require.Contains(t, out, "version 2 says so already")
	code, _, errs = cuts("--measure", "净消费", "--points", "90", "--write")
	require.Zero(t, code, errs)
	require.Equal(t, "cuts:\n  净消费: {date: 2026-11-01, customers: 11, p90: 9.5}\n", savedRules(t, w)[cutpoints.File])
}

func savedRules(t *testing.T, w *consoletest.World) map[string]string {
	t.Helper()
	d, ok := w.Defs.Get(defs.KindRules, defs.RulesID)
	require.True(t, ok)
	body, err := defs.Body[defs.Rules](d)
	require.NoError(t, err)
	return body.Files
}
