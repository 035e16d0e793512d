package demo_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/services/tagwire/app"
	"github.com/tagwire/tagwire/services/tagwire/demo"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// begun is a whole product with a shop in it, as `tagwire up --demo` runs it.
type begun struct {
	shop *demo.Shop
	at   app.Endpoints
	stop func()
}

func begin(t *testing.T, dir string) *begun {
	t.Helper()
	cfg := config.Default()
	cfg.Data, cfg.HTTP = dir, "127.0.0.1:0"
	const free = "127.0.0.1:0"
	cfg.Embedded.Kafka, cfg.Embedded.Redis, cfg.Embedded.ClickHouse, cfg.Embedded.ClickHouseHTTP = free, free, free, free
	shop, err := demo.New(demo.Options{Dir: dir, Seed: 42, Customers: 200, PastDays: 16, Speed: 60, Check: 2 * time.Second})
	require.NoError(t, err)
	b := &begun{shop: shop}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context())) // ends in the cleanup, not before
	ready, ended := make(chan app.Endpoints, 1), make(chan error, 1)
	go func() {
		ended <- app.Up(ctx, app.Options{
			Config: &cfg, Demo: true, Out: io.Discard, Log: zap.NewNop(), Extra: []parts.Builder{shop.Role},
			Ready: func(ctx context.Context, _ *parts.Parts, e app.Endpoints) error {
				ready <- e
				return shop.Begin(ctx, demo.Site{HTTP: e.HTTP, AdminToken: e.AdminToken})
			},
		})
	}()
	stopped := false
	b.stop = func() {
		if !stopped {
			stopped = true
			cancel()
			require.NoError(t, <-ended)
		}
	}
	t.Cleanup(b.stop)
	select {
	case b.at = <-ready:
	case err := <-ended:
		stopped = true
		require.NoError(t, err)
		require.Fail(t, "it ended by itself")
	}
	return b
}

// compared waits for n comparisons of this run and gives the newest.
func compared(t *testing.T, dir string, n int) demo.Comparison {
	t.Helper()
	var c demo.Comparison
	require.Eventually(t, func() bool {
		b, err := os.ReadFile(filepath.Join(dir, "demo-check.json"))
		return err == nil && json.Unmarshal(b, &c) == nil && c.State == "compared" && c.Checks >= n
	}, 4*time.Minute, 100*time.Millisecond, "no %d comparisons", n)
	return c
}

// TestTheBookEqualsTheLiveCount is the whole demo, small and fast: past, live,
// a stop and a second start on the same folder.
func TestTheBookEqualsTheLiveCount(t *testing.T) {
	dir := t.TempDir()
	b := begin(t, dir)
	first := compared(t, dir, 4)
	require.Zero(t, first.Difference, "%+v", first)
	require.Zero(t, first.Failed, "%+v", first)
	require.Zero(t, first.Refused)
	require.Positive(t, first.Expected)
	require.EqualValues(t, first.Expected, first.Counted)
	require.Greater(t, first.Sent, int64(1500))
	nothingRejected(t, b.at.HTTP)
	b.stop()
	require.NotEmpty(t, b.shop.Expected(first.At))
	require.NoError(t, os.Remove(filepath.Join(dir, "demo-check.json")))

	b = begin(t, dir)
	second := compared(t, dir, 3)
	require.Zero(t, second.Difference, "%+v", second)
	require.Zero(t, second.Failed, "%+v", second)
	require.Zero(t, second.Refused)
	require.GreaterOrEqual(t, second.Customers, first.Customers)
	require.NotZero(t, second.Expected)
	nothingRejected(t, b.at.HTTP)
	b.stop()
}

// nothingRejected reads the roles' own counters.
func nothingRejected(t *testing.T, base string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/metrics", nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Regexp(t, `(?m)^tagwire_collector_events_accepted_total\{`, string(body))
	require.Empty(t, regexp.MustCompile(`(?m)^tagwire_\w*rejected\w*(\{.*\})? [^0\n].*$`).FindAllString(string(body), -1))
}
