package checks_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/schemas"
)

// named by people or by what happens: these have no value before the first.
func laterOnes() []string {
	return []string{"tagwire_collector_events_accepted_total", "tagwire_console_requests_total"}
}

// A counter that appears with its first count shows no increase: whatever an
// alert asks the increase of stands there before anything happens, with the
// labels asked for.
func TestWhatAlertsCountBeginsAtZero(t *testing.T) {
	all := registered(t)
	asked := 0
	for _, r := range alerts(t) {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr)
		require.NoError(t, err)
		parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
			v, ok := node.(*parser.VectorSelector)
			if !ok || !increases(path) || slices.Contains(laterOnes(), v.Name) || strings.HasSuffix(v.Name, "_bucket") {
				return nil
			}
			asked++
			assert.True(t, slices.ContainsFunc(all[v.Name].values, func(have map[string]string) bool { return matches(v, have) }),
				"%s counts %s, which is not there from the start", r.Alert, v)
			return nil
		})
	}
	assert.Greater(t, asked, 5)
	table := slices.Collect(func(yield func(string) bool) {
		for _, have := range all["tagwire_archiver_retries_total"].values {
			if !yield(have["table"]) {
				return
			}
		}
	})
	assert.Contains(t, table, "tag_changes", "each table, since the alert is by table")
	kinds := map[string]bool{}
	for _, have := range all["tagwire_deliveries_total"].values {
		kinds[have["kind"]+"/"+have["result"]] = true
	}
	assert.Subset(t, slices.Collect(maps.Keys(kinds)), []string{"robot/dead", "email/dead", "webhook/dead"}, "each kind, since the alert is by kind")
	for _, name := range []string{"tagwire_collector_events_rejected_total", "tagwire_resolver_rejected_total"} {
		assert.Len(t, all[name].values, len(schemas.Reasons()), name)
	}
}

func increases(path []parser.Node) bool {
	return slices.ContainsFunc(path, func(n parser.Node) bool {
		c, ok := n.(*parser.Call)
		return ok && (c.Func.Name == "increase" || c.Func.Name == "rate")
	})
}

func matches(v *parser.VectorSelector, have map[string]string) bool {
	for _, m := range v.LabelMatchers {
		if m.Name == model.MetricNameLabel || m.Name == "job" || m.Name == "instance" {
			continue
		}
		if m.Type == labels.MatchEqual && have[m.Name] == "" || !m.Matches(have[m.Name]) {
			return false
		}
	}
	return true
}
