package telemetry

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

const (
	defaultTimeout = 2 * time.Second
	// maxChecks bounds the label values of the health metrics.
	maxChecks = 64
)

// Check answers whether one thing that a role needs or does is in order.
type Check struct {
	// Name is short and in lower case, such as "tagger.stream" or "kafka".
	Name string
	// MaxLag is the lag beyond which the program is not ready. 0: the lag is
	// shown and not judged.
	MaxLag time.Duration
	// Advisory checks are shown and not judged.
	Advisory bool
	// Run answers at once or honours ctx. lagSeconds is how far the thing is
	// behind; detail is for people and holds no personal data.
	Run func(ctx context.Context) (ok bool, lagSeconds float64, detail string)
}

// CheckReport is the answer of one check.
type CheckReport struct {
	Name       string  `json:"name"`
	OK         bool    `json:"ok"`
	LagSeconds float64 `json:"lag_seconds"`
	Detail     string  `json:"detail,omitempty"`
	Advisory   bool    `json:"advisory,omitempty"`
}

// Report is the answer of all checks. Ready is false when a judged check is
// not in order or lags too far behind.
type Report struct {
	Ready  bool          `json:"ready"`
	AsOf   time.Time     `json:"as_of"`
	Checks []CheckReport `json:"checks"`
}

// HealthOptions are what a Health needs.
type HealthOptions struct {
	Log        *zap.Logger
	Registerer prometheus.Registerer
	// Timeout bounds each check. Default: 2 s.
	Timeout time.Duration
}

// Health holds the checks of all roles of this process.
type Health struct {
	log     *zap.Logger
	timeout time.Duration
	names   *regexp.Regexp

	mu     sync.Mutex
	checks map[string]Check
}

// NewHealth makes an empty Health and registers its metrics: tagwire_check_ok
// and tagwire_lag_seconds, each with the name of the check.
func NewHealth(opts HealthOptions) (*Health, error) {
	if opts.Log == nil || opts.Registerer == nil {
		return nil, errors.New("telemetry: HealthOptions needs Log and Registerer")
	}
	if opts.Timeout <= 0 {
		opts.Timeout = defaultTimeout
	}
	h := &Health{
		log: opts.Log, timeout: opts.Timeout, checks: make(map[string]Check),
		names: regexp.MustCompile(`^[a-z0-9_.\-]{1,60}$`),
	}
	if err := opts.Registerer.Register(newHealthCollector(h)); err != nil {
		return nil, fmt.Errorf("register health metrics: %w", err)
	}
	return h, nil
}

// Register adds a check until remove is called.
func (h *Health) Register(c Check) (remove func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch _, taken := h.checks[c.Name]; {
	case !h.names.MatchString(c.Name):
		return nil, fmt.Errorf("health check %q: the name is not short, in lower case, of letters, digits and . _ -", c.Name)
	case c.Run == nil:
		return nil, fmt.Errorf("health check %s has no Run", c.Name)
	case taken:
		return nil, fmt.Errorf("health check %s is registered twice", c.Name)
	case len(h.checks) >= maxChecks:
		return nil, fmt.Errorf("health check %s: there are %d already", c.Name, maxChecks)
	}
	h.checks[c.Name] = c
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.checks, c.Name)
	}, nil
}

// Report runs all checks at once and waits for each no longer than the
// timeout; the checks come by name.
func (h *Health) Report(ctx context.Context) Report {
	h.mu.Lock()
	checks := make([]Check, 0, len(h.checks))
	for _, c := range h.checks {
		checks = append(checks, c)
	}
	h.mu.Unlock()
	slices.SortFunc(checks, func(a, b Check) int { return strings.Compare(a.Name, b.Name) })

	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	answers := make([]chan CheckReport, len(checks))
	for i, c := range checks {
		answers[i] = make(chan CheckReport, 1)
		// A check that ignores its context is left behind: the channel has
		// room for its late answer, so it does not leak for ever.
		go func() { answers[i] <- h.run(ctx, c) }()
	}
	report := Report{Ready: true, AsOf: time.Now().UTC(), Checks: make([]CheckReport, len(checks))}
	for i, c := range checks {
		select {
		case report.Checks[i] = <-answers[i]:
		case <-ctx.Done():
			report.Checks[i] = CheckReport{Name: c.Name, Detail: fmt.Sprintf("%s 内没有答复 / no answer within %s", h.timeout, h.timeout), Advisory: c.Advisory}
		}
		report.Ready = report.Ready && (c.Advisory || report.Checks[i].OK)
	}
	return report
}

func (h *Health) run(ctx context.Context, c Check) (out CheckReport) {
	out = CheckReport{Name: c.Name, Advisory: c.Advisory}
	defer func() {
		if v := recover(); v != nil {
			h.log.Error("health check panicked", zap.String("check", c.Name), zap.Any("panic", v), zap.Stack("stack"))
			out.OK, out.Detail = false, "the check itself is broken; see the log"
		}
	}()
	out.OK, out.LagSeconds, out.Detail = c.Run(ctx)
	if c.MaxLag > 0 && out.LagSeconds > c.MaxLag.Seconds() {
		out.OK = false
		if out.Detail == "" {
			out.Detail = fmt.Sprintf("%.0f s behind; ready again at %s", out.LagSeconds, c.MaxLag)
		}
	}
	return out
}

// healthCollector answers a scrape with the checks as they are then.
type healthCollector struct {
	health  *Health
	ok, lag *prometheus.Desc
}

func newHealthCollector(h *Health) *healthCollector {
	return &healthCollector{
		health: h,
		ok:     prometheus.NewDesc("tagwire_check_ok", "1 when the health check is in order.", []string{"check"}, nil),
		lag:    prometheus.NewDesc("tagwire_lag_seconds", "How far the checked thing is behind.", []string{"check"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (c *healthCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.ok
	out <- c.lag
}

// Collect implements prometheus.Collector, which passes no context.
func (c *healthCollector) Collect(out chan<- prometheus.Metric) {
	for _, r := range c.health.Report(context.Background()).Checks {
		ok := 0.0
		if r.OK {
			ok = 1
		}
		out <- prometheus.MustNewConstMetric(c.ok, prometheus.GaugeValue, ok, r.Name)
		out <- prometheus.MustNewConstMetric(c.lag, prometheus.GaugeValue, r.LagSeconds, r.Name)
	}
}
