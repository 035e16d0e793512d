package checks_test

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scenario is one entry of testdata/alerts.yaml: values of series, one a minute,
// at the end of which the alert fires. `healthy` series stand in all others.
type scenario struct {
	Alert  string            `yaml:"alert"`
	Name   string            `yaml:"name"`
	Series map[string]string `yaml:"series"`
	Gone   []string          `yaml:"gone"` // healthy series that are missing here
	At     time.Duration     `yaml:"at"`
	Quiet  time.Duration     `yaml:"quiet"` // it does not fire yet then
}

type scenarios struct {
	Healthy map[string]string `yaml:"healthy"`
	At      time.Duration     `yaml:"at"`
	Broken  []scenario        `yaml:"broken"`
}

func load(t *testing.T) scenarios {
	t.Helper()
	text, err := os.ReadFile("testdata/alerts.yaml")
	require.NoError(t, err)
	var s scenarios
	require.NoError(t, yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&s))
	return s
}

// firing evaluates all alerts every 15 s until at and gives those that fire then,
// with their rendered summaries.
func firing(t *testing.T, series map[string]string, at time.Duration) map[string][]string {
	t.Helper()
	var b strings.Builder
	b.WriteString("load 1m\n")
	for _, name := range slices.Sorted(maps.Keys(series)) {
		b.WriteString("  " + name + " " + series[name] + "\n")
	}
	storage := promqltest.LoadedStorage(t, b.String())
	defer storage.Close()
	query := rules.EngineQueryFunc(promqltest.NewTestEngine(t, false, 5*time.Minute, 1_000_000), storage)
	var active []*rules.AlertingRule
	for _, r := range alerts(t) {
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr)
		require.NoError(t, err)
		active = append(active, rules.NewAlertingRule(r.Alert, expr, time.Duration(r.For), time.Duration(r.KeepFiringFor),
			labels.FromMap(r.Labels), labels.FromMap(r.Annotations), labels.EmptyLabels(), "", true, slog.New(slog.DiscardHandler)))
	}
	out := map[string][]string{}
	for _, r := range active {
		// Pending times are at most half an hour: what was before changes nothing.
		for now := max(0, at-30*time.Minute); now <= at; now += 15 * time.Second {
			_, err := r.Eval(context.WithoutCancel(t.Context()), 0, time.Unix(0, 0).Add(now), query, &url.URL{}, 0)
			require.NoError(t, err, r.Name())
		}
		for _, a := range r.ActiveAlerts() {
			if a.State == rules.StateFiring {
				assert.NotContains(t, a.Annotations.Get("summary_en"), "error", "%s is rendered", r.Name())
				out[r.Name()] = append(out[r.Name()], a.Annotations.Get("summary_zh")+" / "+a.Annotations.Get("summary_en"))
			}
		}
	}
	return out
}

func TestNothingFiresWhileAllIsWell(t *testing.T) {
	s := load(t)
	assert.Empty(t, firing(t, s.Healthy, s.At))
}

func TestEveryAlertFiresOnWhatItIsFor(t *testing.T) {
	s := load(t)
	tested := map[string]bool{}
	for _, b := range s.Broken {
		tested[b.Alert] = true
		t.Run(b.Alert+"/"+b.Name, func(t *testing.T) {
			series := maps.Clone(s.Healthy)
			for _, name := range b.Gone {
				require.Contains(t, series, name)
				delete(series, name)
			}
			maps.Copy(series, b.Series)
			got := firing(t, series, b.At)
			require.NotEmpty(t, got[b.Alert], "fires: %v", slices.Sorted(maps.Keys(got)))
			t.Log(got[b.Alert])
			if b.Quiet > 0 {
				assert.Empty(t, firing(t, series, b.Quiet)[b.Alert], "too early")
			}
		})
	}
	for _, r := range alerts(t) {
		assert.True(t, tested[r.Alert], "%s has no scenario in testdata/alerts.yaml", r.Alert)
	}
}

func TestScenariosUseSeriesThatExist(t *testing.T) {
	s := load(t)
	all := known(t)
	for name := range s.Healthy {
		fits(t, "healthy", name, all)
	}
	for _, b := range s.Broken {
		for name := range b.Series {
			fits(t, b.Alert, name, all)
		}
	}
}
