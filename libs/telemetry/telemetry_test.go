package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/telemetry"
)

func answer(ok bool, lag float64, detail string) func(context.Context) (bool, float64, string) {
	return func(context.Context) (bool, float64, string) { return ok, lag, detail }
}

func newHealth(t *testing.T, checks ...telemetry.Check) *telemetry.Health {
	t.Helper()
	h, err := telemetry.NewHealth(telemetry.HealthOptions{Log: zap.NewNop(), Registerer: telemetry.NewRegistry()})
	require.NoError(t, err)
	for _, c := range checks {
		_, err := h.Register(c)
		require.NoError(t, err)
	}
	return h
}

func TestLogger(t *testing.T) {
	var out bytes.Buffer
	log, err := telemetry.NewLogger(telemetry.LogOptions{Level: "warn", Format: "json", Out: &out})
	require.NoError(t, err)
	log.Info("not shown")
	log.Warn("shown", zap.Duration("drain", 5*time.Second))
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line), "exactly one line: %s", out.String())
	assert.Equal(t, "shown", line["msg"])
	assert.Equal(t, "5s", line["drain"])

	_, err = telemetry.NewLogger(telemetry.LogOptions{Level: "loud"})
	require.ErrorContains(t, err, `"loud"`)
	_, err = telemetry.NewLogger(telemetry.LogOptions{Format: "xml"})
	require.ErrorContains(t, err, `"xml"`)
}

func TestReadinessIsJudgedByChecksAndLag(t *testing.T) {
	f := func(want bool, sentence string, checks ...telemetry.Check) {
		t.Helper()
		assert.Equal(t, want, newHealth(t, checks...).Report(t.Context()).Ready, sentence)
	}
	f(true, "nothing to judge")
	f(true, "in order and near", telemetry.Check{Name: "tagger", MaxLag: time.Minute, Run: answer(true, 59, "")})
	f(false, "a sink is down", telemetry.Check{Name: "clickhouse", Run: answer(false, 0, "refused")})
	f(false, "too far behind", telemetry.Check{Name: "tagger", MaxLag: time.Minute, Run: answer(true, 61, "")})
	f(true, "lag without a limit is shown only", telemetry.Check{Name: "tagger", Run: answer(true, 1e6, "")})
	f(true, "advisory checks are shown only", telemetry.Check{Name: "spool", Advisory: true, Run: answer(false, 0, "")})
	f(false, "one of two", telemetry.Check{Name: "a", Run: answer(true, 0, "")},
		telemetry.Check{Name: "b", Run: answer(false, 0, "")})
}

func TestSlowAndPanickingChecksHarmNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := telemetry.NewHealth(telemetry.HealthOptions{
			Log: zap.NewNop(), Registerer: telemetry.NewRegistry(), Timeout: 2 * time.Second,
		})
		require.NoError(t, err)
		release := make(chan struct{})
		for _, c := range []telemetry.Check{
			{Name: "fine", Run: answer(true, 0.5, "")},
			{Name: "broken", Run: func(context.Context) (bool, float64, string) { panic("nil map") }},
			{Name: "stuck", Run: func(context.Context) (bool, float64, string) { <-release; return true, 0, "" }},
		} {
			_, err := h.Register(c)
			require.NoError(t, err)
		}
		start := time.Now()
		report := h.Report(t.Context())
		assert.Equal(t, 2*time.Second, time.Since(start))
		assert.False(t, report.Ready)
		assert.Equal(t, []telemetry.CheckReport{
			{Name: "broken", Detail: "the check itself is broken; see the log"},
			{Name: "fine", OK: true, LagSeconds: 0.5},
			{Name: "stuck", Detail: "2s 内没有答复 / no answer within 2s"},
		}, report.Checks)
		close(release)
	})
}

func TestRegisterRefusesAndRemoves(t *testing.T) {
	h := newHealth(t, telemetry.Check{Name: "kafka", Run: answer(true, 0, "")})
	_, err := h.Register(telemetry.Check{Name: "kafka", Run: answer(true, 0, "")})
	require.EqualError(t, err, "health check kafka is registered twice")
	_, err = h.Register(telemetry.Check{Name: "Käfka 1", Run: answer(true, 0, "")})
	require.ErrorContains(t, err, "name")
	_, err = h.Register(telemetry.Check{Name: "redis"})
	require.ErrorContains(t, err, "no Run")
	remove, err := h.Register(telemetry.Check{Name: "redis", Run: answer(false, 0, "")})
	require.NoError(t, err)
	assert.False(t, h.Report(t.Context()).Ready)
	remove()
	assert.True(t, h.Report(t.Context()).Ready)
}

func TestEndpoints(t *testing.T) {
	reg := telemetry.NewRegistry()
	h, err := telemetry.NewHealth(telemetry.HealthOptions{Log: zap.NewNop(), Registerer: reg})
	require.NoError(t, err)
	_, err = h.Register(telemetry.Check{Name: "tagger.stream", MaxLag: time.Minute, Run: answer(true, 90, "")})
	require.NoError(t, err)
	mux := http.NewServeMux()
	telemetry.Mount(mux, h, reg)
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
	status, body := get("/healthz")
	assert.Equal(t, http.StatusOK, status)
	assert.JSONEq(t, `{"ok":true}`, body)
	status, body = get("/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	var report telemetry.Report
	require.NoError(t, json.Unmarshal([]byte(body), &report))
	assert.Equal(t, "90 s behind; ready again at 1m0s", report.Checks[0].Detail)
	status, body = get("/metrics")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, body, `tagwire_check_ok{check="tagger.stream"} 0`)
	assert.Contains(t, body, `tagwire_lag_seconds{check="tagger.stream"} 90`)
	assert.Contains(t, body, "go_goroutines")
}

func TestLabelValuesAreLimited(t *testing.T) {
	reason := telemetry.Bounded("too_large", "bad_json")
	assert.Equal(t, "bad_json", reason("bad_json"))
	assert.Equal(t, telemetry.Other, reason("invalid character 'x'"))
	source := telemetry.Capped(2)
	assert.Equal(t, []string{"a", "b", "other", "a"}, []string{source("a"), source("b"), source("c"), source("a")})
}

func TestServeLetsRequestsFinishAndEndsStreams(t *testing.T) {
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	entered := make(chan struct{}, 2)
	mux := http.NewServeMux()
	finish := make(chan struct{})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) {
		entered <- struct{}{}
		<-finish
		_, _ = io.WriteString(w, "done")
	})
	mux.HandleFunc("/stream", func(_ http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-r.Context().Done()
	})
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- telemetry.Serve(ctx, telemetry.ServeOptions{
			Listener: listener, Handler: mux, Log: zap.NewNop(), Drain: 4 * time.Second,
		})
	}()
	bodies := make(chan string, 2)
	for _, path := range []string{"/slow", "/stream"} {
		go func() {
			resp, err := http.Get("http://" + listener.Addr().String() + path)
			if err != nil {
				bodies <- err.Error()
				return
			}
			defer resp.Body.Close()
			text, _ := io.ReadAll(resp.Body)
			bodies <- string(text)
		}()
	}
	<-entered
	<-entered
	stop()
	close(finish)
	assert.ElementsMatch(t, []string{"done", ""}, []string{<-bodies, <-bodies})
	require.NoError(t, <-served)
}

func TestServeNamesABusyAddress(t *testing.T) {
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	addr := listener.Addr().String()
	err = telemetry.Serve(t.Context(), telemetry.ServeOptions{Addr: addr, Handler: http.NotFoundHandler(), Log: zap.NewNop()})
	require.ErrorContains(t, err, "listen on "+addr)
}
