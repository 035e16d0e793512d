package notify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/schemas"
)

type metrics struct {
	inboxed    prometheus.Histogram
	sent       *prometheus.HistogramVec
	alerts     *prometheus.CounterVec
	actions    *prometheus.CounterVec
	deliveries *prometheus.CounterVec
	waiting    *prometheus.GaugeVec
	retries    prometheus.Counter

	severity, verb, kind func(string) string
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	seconds := []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600}
	m := &metrics{
		inboxed: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tagwire_alert_inbox_seconds", Help: "From an event's receipt to its alert in the inbox.", Buckets: seconds,
		}),
		sent: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tagwire_alert_sent_seconds", Help: "From the plan of a delivery to the channel's yes.", Buckets: seconds,
		}, []string{"kind"}),
		alerts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tagwire_alerts_total", Help: "Alerts read, by severity and result: new, repeated, too_old, unreadable.",
		}, []string{"severity", "result"}),
		actions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tagwire_alert_actions_total", Help: "Actions on alerts, by verb and result: done, refused, repeated, aside, forwarded, dropped.",
		}, []string{"verb", "result"}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tagwire_deliveries_total", Help: "Tries to deliver, by channel kind and result: sent, retry, dead.",
		}, []string{"kind", "result"}),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tagwire_deliveries_waiting", Help: "Deliveries not yet sent.",
		}, []string{"kind", "partition"}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tagwire_inbox_retries_total", Help: "Reads and commits of the inbox that were tried again.",
		}),
		severity: telemetry.Bounded("low", "medium", "high", ""),
		verb:     telemetry.Bounded(inbox.Verbs()...),
		kind:     telemetry.Bounded(defs.RouteRobot, defs.RouteEmail, defs.RouteWebhook),
	}
	for _, c := range []prometheus.Collector{m.inboxed, m.sent, m.alerts, m.actions, m.deliveries, m.waiting, m.retries} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register notifier metrics: %w", err)
		}
	}
	m.begin()
	return m, nil
}

// begin makes what is known to come start at 0, so that the first is an increase.
func (m *metrics) begin() {
	for _, severity := range []string{"low", "medium", "high", ""} {
		for _, result := range []string{"new", "repeated", "too_old", "unreadable"} {
			m.alerts.WithLabelValues(m.severity(severity), result)
		}
	}
	for _, kind := range []string{defs.RouteRobot, defs.RouteEmail, defs.RouteWebhook} {
		for _, result := range []string{"sent", "retry", "dead"} {
			m.deliveries.WithLabelValues(kind, result)
		}
	}
	for _, verb := range inbox.Verbs() {
		for _, result := range []string{"done", "refused", "repeated", "aside", "forwarded", "dropped"} {
			m.actions.WithLabelValues(verb, result)
		}
	}
}

func (m *metrics) alert(severity, result string) {
	m.alerts.WithLabelValues(m.severity(severity), result).Inc()
}

func (m *metrics) action(verb, result string) {
	m.actions.WithLabelValues(m.verb(verb), result).Inc()
}

func (m *metrics) delivery(kind, result string) {
	m.deliveries.WithLabelValues(m.kind(kind), result).Inc()
}

// maxLag is how far the inbox may be behind the log of alerts while the program
// calls itself ready.
const maxLag = time.Minute

// Checks are what health asks the notifier.
func (n *Notifier) Checks() []telemetry.Check {
	return []telemetry.Check{
		{Name: "notifier.stream", MaxLag: maxLag, Run: n.checkStream},
		{Name: "notifier.channels", Advisory: true, Run: n.checkChannels},
	}
}

// checkStream tells how old the oldest alert is that is not in the inbox yet.
func (n *Notifier) checkStream(context.Context) (bool, float64, string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	var lag time.Duration
	for _, o := range n.owners {
		if since := o.pendingSince(); since > 0 {
			lag = max(lag, now.Sub(since))
		}
	}
	return true, lag.Seconds(), fmt.Sprintf("%d of %d partitions", len(n.owners), n.opts.Config.Shards)
}

func (n *Notifier) places() []telemetry.Place {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]telemetry.Place, 0, len(n.owners))
	for p, o := range n.owners {
		out = append(out, telemetry.Place{Topic: schemas.TopicAlerts, Partition: p, Next: o.reached.Load()})
	}
	return out
}

// checkChannels tells which channels do not take messages now.
func (n *Notifier) checkChannels(context.Context) (bool, float64, string) {
	n.mu.Lock()
	c := n.couriers
	n.mu.Unlock()
	if c == nil {
		return true, 0, ""
	}
	if failing := c.failing(); len(failing) > 0 {
		return false, 0, "not reached: " + strings.Join(failing, ", ")
	}
	return true, 0, ""
}
