package main

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/services/notifier/notify"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

func TestTheProgramBecomesReadyAndStops(t *testing.T) {
	p := embeddedtest.Start(t, embeddedtest.Kafka, embeddedtest.Redis)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	t.Setenv("TAGWIRE_KAFKA_BROKERS", strings.Join(p.KafkaBrokers, ","))
	t.Setenv("TAGWIRE_REDIS_ADDR", p.RedisAddr)
	t.Setenv("TAGWIRE_REDIS_PASSWORD", p.RedisPassword)
	t.Setenv("TAGWIRE_CLICKHOUSE_ADDR", "127.0.0.1:1") // the notifier does not use it
	t.Setenv("TAGWIRE_MASTER_KEY", strings.Repeat("0f", 32))
	t.Setenv("TAGWIRE_HTTP", addr)
	t.Setenv("TAGWIRE_DATA", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- parts.RunRole(ctx, "notifier", notify.Role) }()
	require.Eventually(t, func() bool {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/readyz", nil)
		if err != nil {
			return false
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		body := make([]byte, 4096)
		n, _ := res.Body.Read(body) // short, and judged by what is in it
		_ = res.Body.Close()
		return res.StatusCode == 200 && strings.Contains(string(body[:n]), "notifier.stream")
	}, 30*time.Second, 20*time.Millisecond)
	cancel()
	require.NoError(t, <-done)
}

func TestTheProgramNamesWhatItLacks(t *testing.T) {
	t.Setenv("TAGWIRE_KAFKA_BROKERS", "")
	require.ErrorContains(t, parts.RunRole(t.Context(), "notifier", notify.Role), "a role alone needs kafka.brokers")
}
