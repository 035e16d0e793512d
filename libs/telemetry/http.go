package telemetry

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
)

// Mount adds the endpoints that are not part of the API: /healthz (the process
// answers), /readyz (judged by lag and sinks, 503 when not ready) and /metrics.
func Mount(mux *http.ServeMux, h *Health, g prometheus.Gatherer) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]bool{"ok": true})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		report := h.Report(r.Context())
		status := http.StatusOK
		if !report.Ready {
			status = http.StatusServiceUnavailable
		}
		writeJSON(w, status, report)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(g, promhttp.HandlerOpts{
		// One broken collector must not hide the others.
		ErrorHandling: promhttp.ContinueOnError,
	}))
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// The client may be gone; nobody is left to tell.
	_ = json.NewEncoder(w).Encode(body)
}

// ServeOptions say what to serve. Either Listener or Addr is given.
type ServeOptions struct {
	Addr     string
	Listener net.Listener
	Handler  http.Handler
	TLS      *tls.Config // nil: plain HTTP
	Log      *zap.Logger
	// Drain bounds the wait for open requests at the end; streams that are
	// still open then are cut. Default: 3 s.
	Drain time.Duration
}

// Serve answers HTTP until ctx ends, then lets open requests finish. The
// context of a request ends when half of the drain is over.
func Serve(ctx context.Context, opts ServeOptions) error {
	if opts.Drain <= 0 {
		opts.Drain = 3 * time.Second
	}
	listener := opts.Listener
	if listener == nil {
		var lc net.ListenConfig
		var err error
		if listener, err = lc.Listen(ctx, "tcp", opts.Addr); err != nil {
			return fmt.Errorf("listen on %s: %w", opts.Addr, err)
		}
	}
	server := &http.Server{
		Handler:           opts.Handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          zap.NewStdLog(opts.Log),
		TLSConfig:         opts.TLS,
	}
	streams, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	server.BaseContext = func(net.Listener) context.Context { return streams }
	served := make(chan error, 1)
	go func() {
		if opts.TLS != nil {
			served <- server.ServeTLS(listener, "", "") // the certificate is in TLS
			return
		}
		served <- server.Serve(listener)
	}()
	select {
	case err := <-served:
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	// Requests under way have half of the time; then the contexts of all that
	// is still open end, which is how streams are told.
	timer := time.AfterFunc(opts.Drain/2, cut)
	defer timer.Stop()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), opts.Drain)
	defer cancel()
	err := server.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		opts.Log.Warn("connections were still open at the end of the drain and are cut")
		err = server.Close()
	}
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	if err != nil {
		return fmt.Errorf("end the server on %s: %w", listener.Addr(), err)
	}
	return nil
}
