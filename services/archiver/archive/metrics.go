package archive

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	rows    *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	retries *prometheus.CounterVec
	records *prometheus.HistogramVec
	poison  prometheus.Counter
}

// newMetrics registers the archiver's metrics; lag is asked for at each scrape.
func newMetrics(reg prometheus.Registerer, lag func() float64) (*metrics, error) {
	m := &metrics{
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tagwire_archiver_rows_total", Help: "Rows inserted, by table.",
		}, []string{"table"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tagwire_archiver_insert_seconds", Help: "Time from the first try of an insert to its success.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300},
		}, []string{"table"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tagwire_archiver_retries_total", Help: "Inserts that were tried again, by table.",
		}, []string{"table"}),
		records: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tagwire_archiver_set_records", Help: "Records of a set, by topic.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 9),
		}, []string{"topic"}),
		poison: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tagwire_archiver_poison_total", Help: "Records that could not be read and became rows of rejected.",
		}),
	}
	oldest := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tagwire_archiver_lag_seconds", Help: "Age of the oldest record that was read and is not yet in history.",
	}, lag)
	for _, c := range []prometheus.Collector{m.rows, m.seconds, m.retries, m.records, m.poison, oldest} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of the archiver: %w", err)
		}
	}
	for _, t := range tables() { // so that the first is an increase
		m.rows.WithLabelValues(t.name)
		m.retries.WithLabelValues(t.name)
	}
	return m, nil
}
