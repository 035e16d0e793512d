package telemetry

import (
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Other stands for every label value that is not told apart.
const Other = "other"

// NewRegistry makes a registry that already tells about the Go runtime and the
// process.
func NewRegistry() *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return reg
}

// ForRole marks all metrics registered through it with the role, so that the
// roles of one process keep apart.
func ForRole(reg prometheus.Registerer, role string) prometheus.Registerer {
	return prometheus.WrapRegistererWith(prometheus.Labels{"role": role}, reg)
}

// Bounded passes the allowed values and turns all else into [Other].
func Bounded(allowed ...string) func(string) string {
	allowed = slices.Clone(allowed)
	return func(value string) string {
		if slices.Contains(allowed, value) {
			return value
		}
		return Other
	}
}

// Capped passes the first n distinct values and turns all later ones into
// [Other]: for names that people define, such as sources. It is safe for
// concurrent use.
func Capped(n int) func(string) string {
	var mu sync.Mutex
	seen := make(map[string]bool, n)
	return func(value string) string {
		mu.Lock()
		defer mu.Unlock()
		if !seen[value] {
			if len(seen) >= n {
				return Other
			}
			seen[value] = true
		}
		return value
	}
}
