package resolve

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tagwire/tagwire/libs/store/rawplan"
	"github.com/tagwire/tagwire/schemas"
)

type metrics struct {
	records  prometheus.Counter
	rejected *prometheus.CounterVec
	again    *prometheus.CounterVec
}

// The causes for which a partition is taken up again.
const (
	causeNotOwner = "not_owner" // another resolver has it
	causeBehind   = "behind"    // the last plan was not confirmed
	causeLost     = "lost"      // Redis has lost what was stored
	causeOther    = "other"
)

func causeOf(err error) string {
	switch {
	case errors.Is(err, rawplan.ErrNotOwner):
		return causeNotOwner
	case errors.Is(err, rawplan.ErrBehind):
		return causeBehind
	case errors.Is(err, ErrStateLost):
		return causeLost
	}
	return causeOther
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
	for _, cause := range []string{causeNotOwner, causeBehind, causeLost, causeOther} {
		m.again.WithLabelValues(cause)
	}
	return m, nil
}
