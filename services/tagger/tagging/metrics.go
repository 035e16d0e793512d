package tagging

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tagwire/tagwire/libs/store"
)

type metrics struct {
	records, repeated, duplicates, profiles, fired, alerts prometheus.Counter
	commit                                                 prometheus.Histogram
	stream                                                 *prometheus.GaugeVec
	again                                                  *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "tagwire_tagger_" + name, Help: help})
	}
	m := &metrics{
		records:    counter("records_total", "Records of events applied."),
		repeated:   counter("repeated_total", "Records dropped by their source's high mark."),
		duplicates: counter("duplicates_total", "Events that had been applied before, by their id."),
		profiles:   counter("profiles_written_total", "Profiles written by commits."),
		fired:      counter("timers_fired_total", "Profiles whose timers fired by the clock."),
		alerts:     counter("alerts_total", "Alerts raised."),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tagwire_tagger_commit_seconds", Help: "Time to build and commit a batch.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}),
		stream: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "tagwire_stream_time_seconds", Help: "Stream time of each shard, seconds since 1970."}, []string{"shard"}),
		again: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tagwire_tagger_taken_up_again_total", Help: "Shards taken up again after a failure, by cause: not_owner, behind, lost, other.",
		}, []string{"cause"}),
	}
	for _, c := range []prometheus.Collector{m.records, m.repeated, m.duplicates, m.profiles, m.fired, m.alerts, m.commit, m.stream, m.again} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register tagger metrics: %w", err)
		}
	}
	for _, cause := range store.Causes() {
		m.again.WithLabelValues(cause)
	}
	return m, nil
}
