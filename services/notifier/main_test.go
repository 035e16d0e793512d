package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/parts/partstest"
	"github.com/tagwire/tagwire/services/notifier/notify"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// start runs the program; its Redis may be behind something. stop ends it.
func start(t *testing.T, front func(redis string) string) (url string, stop func()) {
	t.Helper()
	p := embeddedtest.Start(t, embeddedtest.Kafka, embeddedtest.Redis)
	addr := partstest.FreeAddress(t)
	t.Setenv("TAGWIRE_KAFKA_BROKERS", strings.Join(p.KafkaBrokers, ","))
	t.Setenv("TAGWIRE_REDIS_ADDR", front(p.RedisAddr))
	t.Setenv("TAGWIRE_REDIS_PASSWORD", p.RedisPassword)
	t.Setenv("TAGWIRE_CLICKHOUSE_ADDR", "127.0.0.1:1") // the notifier does not use it
	t.Setenv("TAGWIRE_MASTER_KEY", strings.Repeat("0f", 32))
	t.Setenv("TAGWIRE_HTTP", addr)
	t.Setenv("TAGWIRE_DATA", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- parts.RunRole(ctx, "notifier", notify.Role) }()
	return "http://" + addr, func() {
		cancel()
		require.NoError(t, <-done)
	}
}

// readiness is what the program says of itself; 0 while it does not answer.
func readiness(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/readyz", nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = res.Body.Close() }() // read to its end
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(text)
}

func TestTheProgramBecomesReadyAndStops(t *testing.T) {
	url, stop := start(t, func(redis string) string { return redis })
	require.Eventually(t, func() bool {
		code, said := readiness(t, url)
		return code == 200 && strings.Contains(said, "notifier.stream")
	}, 30*time.Second, 20*time.Millisecond)
	stop()
}

// Without its Redis it can put no alert into the inbox: it says so, also when that
// Redis takes connections and answers nothing.
func TestTheProgramIsNotReadyWithoutRedis(t *testing.T) {
	var gate *toxiproxy.Proxy
	url, stop := start(t, func(redis string) string {
		gate = toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), "redis", "127.0.0.1:0", redis)
		require.NoError(t, gate.Start())
		return gate.Listen
	})
	t.Cleanup(gate.Stop)
	ready := func() bool { code, _ := readiness(t, url); return code == 200 }
	require.Eventually(t, ready, 30*time.Second, 20*time.Millisecond)
	for _, stream := range []string{"upstream", "downstream"} {
		_, err := gate.Toxics.AddToxicJson(strings.NewReader(`{"type":"timeout","stream":"` + stream + `","attributes":{"timeout":0}}`))
		require.NoError(t, err)
	}
	began := time.Now()
	var said string
	require.Eventually(t, func() bool {
		var code int
		code, said = readiness(t, url)
		return code == http.StatusServiceUnavailable
	}, 15*time.Second, 20*time.Millisecond)
	t.Logf("noticed after %s", time.Since(began))
	require.Contains(t, said, "Redis ("+gate.Listen+") does not answer")
	require.Contains(t, said, "没有应答")
	gate.Toxics.ResetToxics(t.Context())
	require.Eventually(t, ready, 15*time.Second, 20*time.Millisecond)
	stop()
}

func TestTheProgramNamesWhatItLacks(t *testing.T) {
	t.Setenv("TAGWIRE_KAFKA_BROKERS", "")
	require.ErrorContains(t, parts.RunRole(t.Context(), "notifier", notify.Role), "a role alone needs kafka.brokers")
}
