package tagging

import (
	"errors"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/schemas"
)

// The causes for which a shard is taken up again.
const (
	causeNotOwner = "not_owner" // another tagger has it
	causeBehind   = "behind"    // a commit was not confirmed
	causeLost     = "lost"      // Redis has lost its state
	causeOther    = "other"
)

func causes() []string { return []string{causeNotOwner, causeBehind, causeLost, causeOther} }

func causeOf(err error) string {
	switch {
	case errors.Is(err, shard.ErrNotOwner):
		return causeNotOwner
	case errors.Is(err, shard.ErrBehind):
		return causeBehind
	case errors.Is(err, shard.ErrLost), errors.Is(err, ErrStateLost):
		return causeLost
	}
	return causeOther
}

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
