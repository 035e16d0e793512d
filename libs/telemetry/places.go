package telemetry

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Place is how far one owned partition has been worked off.
type Place struct {
	Topic     string
	Partition int
	Next      int64 // offset of the next record to work off; negative: not known yet
}

// Places tell at each scrape what a consumer group's member here owns and how
// many records it is behind. Ends are asked then, so that a member that stands
// still is seen to fall behind.
type Places struct {
	Group  string
	Topics map[string]int // topic → partitions; 0: not told
	Owned  func() []Place
	// Ends gives the end of each partition's log. When it cannot, the lag is
	// left out of the scrape.
	Ends func(ctx context.Context, topic string) ([]int64, error)
	// Timeout bounds the asking. Default: 2 s.
	Timeout time.Duration
}

// Register adds tagwire_lag_records, tagwire_partitions_owned and
// tagwire_partitions.
func (p Places) Register(reg prometheus.Registerer) error {
	if p.Timeout <= 0 {
		p.Timeout = defaultTimeout
	}
	c := &placesCollector{
		Places: p,
		lag:    prometheus.NewDesc("tagwire_lag_records", "Records that the group has not worked off, by partition owned here.", []string{"topic", "partition"}, nil),
		owned:  prometheus.NewDesc("tagwire_partitions_owned", "Partitions that this process serves.", []string{"topic"}, nil),
		all:    prometheus.NewDesc("tagwire_partitions", "Partitions that somebody of the group has to serve.", []string{"topic"}, nil),
	}
	// Each role registers the same names; the registry wants what tells them apart
	// to be a constant label.
	wrapped := prometheus.WrapRegistererWith(prometheus.Labels{"group": p.Group}, reg)
	if err := wrapped.Register(c); err != nil {
		return fmt.Errorf("register the places of %s: %w", p.Group, err)
	}
	return nil
}

type placesCollector struct {
	Places
	lag, owned, all *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *placesCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.lag
	out <- c.owned
	out <- c.all
}

// Collect implements prometheus.Collector, which passes no context.
func (c *placesCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), c.Timeout)
	defer cancel()
	byTopic := map[string][]Place{}
	for _, p := range c.Owned() {
		byTopic[p.Topic] = append(byTopic[p.Topic], p)
	}
	for topic, partitions := range c.Topics {
		owned := byTopic[topic]
		out <- prometheus.MustNewConstMetric(c.owned, prometheus.GaugeValue, float64(len(owned)), topic)
		if partitions > 0 {
			out <- prometheus.MustNewConstMetric(c.all, prometheus.GaugeValue, float64(partitions), topic)
		}
		if len(owned) == 0 {
			continue
		}
		ends, err := c.Ends(ctx, topic)
		if err != nil {
			continue // Kafka is away, which its own check tells
		}
		for _, p := range owned {
			if p.Next >= 0 && p.Partition < len(ends) {
				behind := float64(max(0, ends[p.Partition]-p.Next))
				out <- prometheus.MustNewConstMetric(c.lag, prometheus.GaugeValue, behind, topic, strconv.Itoa(p.Partition))
			}
		}
	}
}
