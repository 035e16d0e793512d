// Package webhook sends alerts to a program of the business.
//
// The body is the alert as the API shows it, with the name in the title masked.
// X-Signature is auth.Sign of the body where the channel has a secret;
// X-Tagwire-Delivery is the same at every try, so that the receiver can drop a
// repeat. The notifier calls it.
package webhook

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/tagwire/tagwire/libs/auth"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/services/notifier/notify/message"
	"github.com/tagwire/tagwire/services/notifier/notify/outbound"
)

// DeliveryHeader carries the id of the delivery.
const DeliveryHeader = "X-Tagwire-Delivery"

// maxRetryAfter bounds what a receiver may ask for.
const maxRetryAfter = time.Hour

// Webhook sends by one HTTP client.
type Webhook struct {
	Client *http.Client
	Now    func() time.Time
}

// Body is what is posted.
type Body struct {
	Delivery    string            `json:"delivery"`
	AlertID     string            `json:"alert_id"`
	Number      string            `json:"number"`
	Profile     string            `json:"profile_id"`
	Rule        string            `json:"rule"`
	RuleVersion int64             `json:"rule_version"`
	Tag         string            `json:"tag"`
	Severity    string            `json:"severity"`
	Title       string            `json:"title"`
	Advice      string            `json:"advice"`
	StaffID     string            `json:"staff_id"`
	Recipients  []string          `json:"recipients"`
	StoreID     string            `json:"store_id,omitempty"`
	Channel     string            `json:"channel,omitempty"`
	State       string            `json:"state"`
	RaisedAt    event.Time        `json:"raised_at"`
	Evidence    []event.Evidence  `json:"evidence"`
	Measures    map[string]string `json:"measures"`
	Link        string            `json:"link,omitempty"`
}

// Send posts a message to an address.
func (w *Webhook) Send(ctx context.Context, to message.Address, m *message.Message) error {
	body, err := json.Marshal(payload(m))
	if err != nil {
		return message.Refused("encode webhook message: %w", err)
	}
	header := map[string]string{DeliveryHeader: m.ID}
	if to.Secret != "" {
		header[auth.SignatureHeader] = auth.Sign(to.Secret, body, w.Now())
	}
	answer, err := outbound.Post(ctx, w.Client, outbound.Request{URL: to.URL, Body: body, Header: header})
	if err != nil {
		return err
	}
	return judge(answer)
}

func payload(m *message.Message) Body {
	a := &m.Alert
	b := Body{
		Delivery: m.ID, AlertID: a.AlertID, Number: a.Number, Profile: a.Profile, Rule: a.Rule, RuleVersion: a.RuleVersion,
		Tag: a.Tag, Severity: a.Severity, Title: m.Title, Advice: a.Advice, StaffID: a.StaffID, Recipients: []string{},
		StoreID: a.StoreID, Channel: a.Channel, State: string(a.State), RaisedAt: a.RaisedAt,
		Evidence: a.Evidence, Measures: a.Measures, Link: m.Link,
	}
	for _, r := range m.Recipients {
		b.Recipients = append(b.Recipients, r.ID)
	}
	return b
}

func judge(a outbound.Answer) error {
	switch {
	case a.Status >= 200 && a.Status < 300:
		return nil
	case a.Status == http.StatusTooManyRequests || a.Status == http.StatusServiceUnavailable:
		return message.Busy(retryAfter(a.Header), "the receiver answers %d", a.Status)
	case a.Status == http.StatusRequestTimeout || a.Status == http.StatusTooEarly || a.Status >= 500:
		return message.Busy(0, "the receiver answers %d", a.Status)
	case a.Status >= 300 && a.Status < 400:
		return message.Refused("the receiver answers %d: redirects are not followed", a.Status)
	}
	return message.Refused("the receiver refuses with %d", a.Status)
}

func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxRetryAfter)
}
