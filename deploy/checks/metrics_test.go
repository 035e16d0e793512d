package checks_test

import (
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/services/tagwire/app"
)

// metric is what expressions may ask for: its labels, and whether it is known to
// be a single number. A vector without values yet does not say.
type metric struct {
	labels map[string]bool
	single bool
	values []map[string]string // labels of what is there before anything happens
}

// others are the metrics that not Tagwire registers: Prometheus' own about what
// it scrapes, and those of ClickHouse, which TestClickHouseKnowsItsMetrics asks.
func others() map[string]metric {
	return map[string]metric{
		"up": {}, "ALERTS": {labels: set("alertname", "alertstate", "severity")},
		"ClickHouseMetrics_DelayedInserts": {}, "ClickHouseMetrics_Query": {}, "ClickHouseMetrics_MemoryTracking": {},
	}
}

func set(names ...string) map[string]bool {
	out := map[string]bool{}
	for _, n := range names {
		out[n] = true
	}
	return out
}

// registered gives what the six roles register, whether or not a value is there
// yet. The roles are built as in the product, on the embedded Kafka and Redis.
func registered(t *testing.T) map[string]metric {
	t.Helper()
	builtOnce.Do(func() { built = build(t) })
	require.NotEmpty(t, built, "the roles could not be built, see the first failure")
	return built
}

// Built once: opening the parts for each test would take seconds each time.
var (
	builtOnce sync.Once
	built     map[string]metric
)

func build(t *testing.T) map[string]metric {
	e := embeddedtest.Start(t, embeddedtest.Kafka, embeddedtest.Redis)
	cfg := config.Default()
	cfg.Data = t.TempDir()
	cfg.Spool.Dir = filepath.Join(cfg.Data, "spool")
	cfg.Kafka.Brokers, cfg.Redis.Addr, cfg.Redis.Password = e.KafkaBrokers, e.RedisAddr, config.Secret(e.RedisPassword)
	cfg.ClickHouse.Addr = "127.0.0.1:1" // never asked: the roles are built and not run
	cfg.MasterKey = config.Secret(strings.Repeat("0123456789abcdef", 4))
	p, err := parts.Open(t.Context(), &cfg, zap.NewNop())
	require.NoError(t, err)
	defer p.Close()
	for name, b := range app.Builders() {
		r, err := b(t.Context(), p)
		require.NoError(t, err, name)
		for _, c := range r.Checks {
			_, err := p.Health.Register(c)
			require.NoError(t, err, name)
		}
	}
	return describe(t, p.Registry)
}

var described = regexp.MustCompile(`fqName: "([^"]+)".*constLabels: \{([^}]*)\}, variableLabels: \{([^}]*)\}`)

func describe(t *testing.T, reg *prometheus.Registry) map[string]metric {
	out := map[string]metric{}
	descs := make(chan *prometheus.Desc)
	go func() { reg.Describe(descs); close(descs) }()
	for d := range descs {
		m := described.FindStringSubmatch(d.String())
		if m == nil { // metrics of the runtime come without a description before they are gathered
			continue
		}
		names := strings.FieldsFunc(m[3], func(r rune) bool { return r == ',' || r == ' ' })
		for _, pair := range strings.Split(m[2], ",") {
			if name, _, ok := strings.Cut(pair, "="); ok {
				names = append(names, name)
			}
		}
		out[m[1]] = metric{labels: set(names...)}
	}
	families, err := reg.Gather()
	require.NoError(t, err)
	for _, f := range families {
		m := out[f.GetName()]
		for _, v := range f.GetMetric() {
			have := map[string]string{}
			for _, l := range v.GetLabel() {
				have[l.GetName()] = l.GetValue()
			}
			m.values = append(m.values, have)
		}
		m.single = f.GetType() != dto.MetricType_HISTOGRAM && f.GetType() != dto.MetricType_SUMMARY
		out[f.GetName()] = m
	}
	return out
}

// fits wants an expression that parses and asks only for what exists.
func fits(t *testing.T, where, text string, known map[string]metric) {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if !assert.NoError(t, err, "%s: %s", where, text) {
		return
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if v, ok := node.(*parser.VectorSelector); ok {
			fitsSelector(t, where, v, known)
		}
		return nil
	})
}

func fitsSelector(t *testing.T, where string, v *parser.VectorSelector, known map[string]metric) {
	t.Helper()
	name := v.Name
	m, ok := known[name]
	extra := ""
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base, cut := strings.CutSuffix(name, suffix); cut && !ok {
			if m, ok = known[base]; m.single {
				ok = false
			} else if suffix == "_bucket" {
				extra = "le"
			}
		}
	}
	if !assert.True(t, ok, "%s asks for %s, which nothing registers", where, name) {
		return
	}
	for _, l := range v.LabelMatchers {
		switch l.Name {
		case model.MetricNameLabel, "job", "instance", "role", extra:
		default:
			assert.True(t, m.labels[l.Name], "%s: %s has no label %s", where, name, l.Name)
		}
	}
}

// TestClickHouseKnowsItsMetrics asks the engine for the names that dashboards and
// alerts take from it.
func TestClickHouseKnowsItsMetrics(t *testing.T) {
	e := embeddedtest.Start(t, embeddedtest.ClickHouse)
	ask := func(sql string) string {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+e.ClickHouseHTTP, strings.NewReader(sql))
		require.NoError(t, err)
		req.SetBasicAuth(e.ClickHouseUser, e.ClickHousePassword)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, res.StatusCode, string(body))
		return strings.TrimSpace(string(body))
	}
	for name := range others() {
		if metric, ok := strings.CutPrefix(name, "ClickHouseMetrics_"); ok {
			assert.Equal(t, "1", ask("SELECT count() FROM system.metrics WHERE metric = '"+metric+"'"), name)
		}
	}
}

func known(t *testing.T) map[string]metric {
	out := others()
	maps.Copy(out, registered(t))
	return out
}

func TestTheRolesRegisterWhatTheyMeasure(t *testing.T) {
	all := registered(t)
	for _, name := range []string{"tagwire_check_ok", "tagwire_lag_seconds", "tagwire_deliveries_total", "process_open_fds"} {
		assert.Contains(t, all, name)
	}
	assert.Equal(t, set("kind", "result"), all["tagwire_deliveries_total"].labels, "also while nothing was counted")
	assert.False(t, all["tagwire_alert_inbox_seconds"].single)
	assert.True(t, all["tagwire_count_drift"].single)
}
