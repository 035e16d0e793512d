package api

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of the API; streams are counted, not timed.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	streams  *prometheus.GaugeVec
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tagwire_console_requests_total", Help: "Requests to the API."}, []string{"route", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tagwire_console_request_seconds", Help: "How long requests took.", Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 11),
		}, []string{"route"}),
		streams: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "tagwire_console_streams", Help: "Open event streams."}, []string{"route"}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.streams} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of the console: %w", err)
		}
	}
	return m, nil
}

// measure wraps a route; its pattern is the label, so labels are bounded.
func (m *metrics) measure(method, path string, next http.Handler) http.Handler {
	name := method + " " + path
	if strings.HasSuffix(path, "/stream") {
		open := m.streams.WithLabelValues(name)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			open.Inc()
			defer open.Dec()
			next.ServeHTTP(w, r)
		})
	}
	seconds := m.seconds.WithLabelValues(name)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		rec := &recorder{ResponseWriter: w, code: http.StatusOK}
		next.ServeHTTP(rec, r)
		seconds.Observe(time.Since(began).Seconds())
		m.requests.WithLabelValues(name, strconv.Itoa(rec.code)).Inc()
	})
}

// recorder remembers the status.
type recorder struct {
	http.ResponseWriter
	code int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(code int) {
	r.code = code
	r.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController through.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
