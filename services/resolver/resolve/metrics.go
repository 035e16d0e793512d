package resolve

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/schemas"
)

type metrics struct {
	records  prometheus.Counter
	rejected *prometheus.CounterVec
	again    *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		records: prometheus.NewCounter(prometheus.CounterOpts{Name: "tagwire_resolver_records_total", Help: "Raw records routed."}),
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tagwire_resolver_rejected_total", Help: "Raw records sent to rejected, by reason.",
		}, []string{"reason"}),
		again: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tagwire_resolver_taken_up_again_total", Help: "Partitions taken up again after a failure, by cause: not_owner, behind, lost, other.",
		}, []string{"cause"}),
	}
	for _, c := range []prometheus.Collector{m.records, m.rejected, m.again} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register resolver metrics: %w", err)
		}
	}
	for _, reason := range schemas.Reasons() { // so that the first is an increase
		m.rejected.WithLabelValues(string(reason))
	}
	for _, cause := range store.Causes() {
		m.again.WithLabelValues(cause)
	}
	return m, nil
}
