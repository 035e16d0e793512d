package ingest

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/schemas"
)

// metrics are the collector's; label values are bounded.
type metrics struct {
	accepted     *prometheus.CounterVec // by source
	rejected     *prometheus.CounterVec // by reason
	produce      prometheus.Histogram
	spooled      prometheus.Counter
	spoolRefused prometheus.Counter
	unannounced  prometheus.Counter
	unkept       prometheus.Counter
	unknownState prometheus.Counter
	dropped      prometheus.Counter
	inFlight     prometheus.Gauge
	gauges       []prometheus.Collector
	source       func(string) string
}

func newMetrics(c *Collector) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "tagwire", Subsystem: "collector", Name: name, Help: help})
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "tagwire", Subsystem: "collector", Name: name, Help: help}, []string{label})
	}
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "tagwire", Subsystem: "collector", Name: name, Help: help}, f)
	}
	return &metrics{
		accepted: vec("events_accepted_total", "Events acknowledged to their sender.", "source"),
		rejected: vec("events_rejected_total", "Events and requests refused.", "reason"),
		produce: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "tagwire", Subsystem: "collector", Name: "produce_seconds", Help: "Time until Kafka acknowledged a request's events.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15),
		}),
		spooled:      counter("events_spooled_total", "Events kept in the spool because Kafka did not acknowledge in time."),
		spoolRefused: counter("events_spool_refused_total", "Events that found neither Kafka nor room in the spool."),
		unannounced:  counter("spool_unannounced_total", "Events spooled while Redis could not be told."),
		unkept:       counter("rejected_unkept_total", "Refused events that could not be written to the topic of refused events."),
		unknownState: counter("wecom_unknown_state_total", "WeCom contacts with a State that no channel is defined for."),
		dropped:      counter("link_events_lost_total", "Link opens that could not be kept; their visitors were redirected all the same."),
		inFlight:     prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "tagwire", Subsystem: "collector", Name: "requests_in_flight", Help: "Requests being answered."}),
		gauges: []prometheus.Collector{
			gauge("spool_bytes", "Bytes in the spool folder.", func() float64 { return float64(c.spool.Stats().Bytes) }),
			gauge("spool_max_bytes", "Bytes that the spool folder may hold.", func() float64 { return float64(c.cfg.SpoolBytes) }),
			gauge("spool_records", "Events waiting in the spool.", func() float64 { return float64(c.spool.Stats().Records) }),
			gauge("spool_skipped_bytes", "Damaged bytes passed over in the spool.", func() float64 { return float64(c.spool.Stats().Skipped) }),
			gauge("spool_oldest_seconds", "Age of the oldest event waiting in the spool.", func() float64 {
				oldest := c.spool.Stats().Oldest
				if oldest == 0 {
					return 0
				}
				return max(0, event.At(c.opt.Clock()).Sub(oldest).Seconds())
			}),
		},
		source: telemetry.Capped(200),
	}
}

func (m *metrics) register(r prometheus.Registerer) error {
	for _, reason := range schemas.Reasons() { // so that the first refusal is an increase
		m.rejected.WithLabelValues(string(reason))
	}
	all := append([]prometheus.Collector{
		m.accepted, m.rejected, m.produce, m.spooled, m.spoolRefused, m.unannounced, m.unkept, m.unknownState, m.dropped, m.inFlight,
	}, m.gauges...)
	for _, c := range all {
		if err := r.Register(c); err != nil {
			return fmt.Errorf("register collector metric: %w", err)
		}
	}
	return nil
}
