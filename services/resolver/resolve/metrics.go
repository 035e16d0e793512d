package resolve

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	records, rejected prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		records:  prometheus.NewCounter(prometheus.CounterOpts{Name: "tagwire_resolver_records_total", Help: "Raw records routed."}),
		rejected: prometheus.NewCounter(prometheus.CounterOpts{Name: "tagwire_resolver_rejected_total", Help: "Raw records sent to rejected."}),
	}
	for _, c := range []prometheus.Collector{m.records, m.rejected} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register resolver metrics: %w", err)
		}
	}
	return m, nil
}
