package tagging

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/schemas"
)

func (t *Tagger) places() []telemetry.Place {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]telemetry.Place, 0, len(t.states))
	for s, st := range t.states {
		out = append(out, telemetry.Place{Topic: schemas.TopicEvents, Partition: s, Next: st.next})
	}
	return out
}

// shardCollector tells at a scrape what only the shards owned then have, so that
// a shard that has left leaves no value behind.
type shardCollector struct {
	t            *Tagger
	outbox, held *prometheus.Desc
}

func newShardCollector(t *Tagger) *shardCollector {
	return &shardCollector{
		t:      t,
		outbox: prometheus.NewDesc("tagwire_tagger_outbox_entries", "Changes and alerts committed and not yet published.", []string{"shard"}, nil),
		held:   prometheus.NewDesc("tagwire_stream_time_held_seconds", "How long stream time has been held, by what holds it.", []string{"reason"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *shardCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.outbox
	out <- c.held
}

// Collect implements prometheus.Collector.
func (c *shardCollector) Collect(out chan<- prometheus.Metric) {
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	for s, st := range c.t.states {
		if st.next >= 0 {
			out <- prometheus.MustNewConstMetric(c.outbox, prometheus.GaugeValue, float64(st.outbox), strconv.Itoa(s))
		}
	}
	for reason, seconds := range c.t.clock.held.seconds() {
		out <- prometheus.MustNewConstMetric(c.held, prometheus.GaugeValue, seconds, reason)
	}
}
