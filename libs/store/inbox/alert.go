package inbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tagwire/tagwire/libs/event"
)

// State is where an alert stands.
type State string

// The states of an alert. Acked, dismissed and expired are closed.
const (
	Open      State = "open"
	Claimed   State = "claimed"
	Acked     State = "acked"
	Snoozed   State = "snoozed"
	Dismissed State = "dismissed"
	Expired   State = "expired"
)

// States are all states.
func States() []State { return []State{Open, Claimed, Acked, Snoozed, Dismissed, Expired} }

// Closed says that nobody has to act any more.
func (s State) Closed() bool { return s == Acked || s == Dismissed || s == Expired }

// DeliveryState is where one delivery stands.
type DeliveryState string

// The states of a delivery.
const (
	Planned  DeliveryState = "planned"  // waits for its first or next try
	Sending  DeliveryState = "sending"  // a try has begun whose end is not known
	Sent     DeliveryState = "sent"     // the channel took it
	Retrying DeliveryState = "retrying" // the last try failed, the next is at NextAt
	Dead     DeliveryState = "dead"     // the last try failed; it may be sent again
)

// Waits says that the delivery stands in the queue of its target.
func (s DeliveryState) Waits() bool { return s == Planned || s == Sending || s == Retrying }

// Delivery is the ledger of one alert on one channel.
type Delivery struct {
	Channel   string        `json:"channel"` // route/name
	Kind      string        `json:"kind"`    // robot, email, webhook
	Target    string        `json:"target"`  // names the queue: a hash of the address, never the address
	State     DeliveryState `json:"state"`
	Round     int           `json:"round,omitempty"` // how often it was asked to be sent again
	Tries     int           `json:"tries"`
	PlannedAt event.Time    `json:"planned_at"`
	NextAt    event.Time    `json:"next_at,omitzero"`
	SentAt    event.Time    `json:"sent_at,omitzero"`
	Error     string        `json:"error,omitempty"`
}

// Alert is one alert as the API shows it.
type Alert struct {
	AlertID      string            `json:"alert_id"`
	Number       string            `json:"number"` // the short form people say and robots print
	Profile      string            `json:"profile_id"`
	Rule         string            `json:"rule"`
	RuleVersion  int64             `json:"rule_version"`
	Tag          string            `json:"tag"`
	Severity     string            `json:"severity"`
	Title        string            `json:"title"` // may carry sealed tokens
	Advice       string            `json:"advice"`
	To           string            `json:"to,omitempty"`
	StaffID      string            `json:"staff_id"`
	StoreID      string            `json:"store_id,omitempty"`
	Channel      string            `json:"channel,omitempty"`
	State        State             `json:"state"`
	RaisedAt     event.Time        `json:"raised_at"`
	Evidence     []event.Evidence  `json:"evidence"`
	Measures     map[string]string `json:"measures"`
	SeenAt       event.Time        `json:"seen_at,omitzero"`
	SeenBy       string            `json:"seen_by,omitempty"`
	ClaimedBy    string            `json:"claimed_by,omitempty"`
	ClaimedAt    event.Time        `json:"claimed_at,omitzero"`
	SnoozedUntil event.Time        `json:"snoozed_until,omitzero"`
	EscalatedAt  event.Time        `json:"escalated_at,omitzero"` // nobody had taken it up by then: others were told
	ClosedAt     event.Time        `json:"closed_at,omitzero"`
	ClosedBy     string            `json:"closed_by,omitempty"`
	Reason       string            `json:"reason,omitempty"` // why it was dismissed
	Outcome      string            `json:"outcome,omitempty"`
	Deliveries   []Delivery        `json:"deliveries"`
}

// Entry is an alert as the inbox keeps it.
type Entry struct {
	Alert
	Staff      []string   `json:"staff,omitempty"`    // all whom `to` names by the tagger
	Audience   []string   `json:"audience,omitempty"` // whom routing found besides
	ReceivedAt event.Time `json:"received_at,omitzero"`
	ExpiresAt  event.Time `json:"expires_at"`
	EscalateAt event.Time `json:"escalate_at,omitzero"` // while it is open and nobody has it
	EscalateTo string     `json:"escalate_to,omitempty"`
	LeavesAt   event.Time `json:"leaves_at,omitzero"` // when the closed alert leaves the inbox
	Applied    []string   `json:"applied,omitempty"`  // newest action events, so that each takes effect once
}

// NewEntry is the entry of an alert that has just come, open.
func NewEntry(a *event.Alert, keep Keep) *Entry {
	e := &Entry{
		Alert: Alert{
			AlertID: a.AlertID, Number: Number(a.AlertID), Profile: a.Profile, Rule: a.Rule, RuleVersion: a.RuleVersion,
			Tag: a.Tag, Severity: a.Severity, Title: a.Title, Advice: a.Advice, To: a.To, StaffID: a.StaffID,
			StoreID: a.StoreID, Channel: a.Channel, State: Open, RaisedAt: a.RaisedAt,
			Evidence: a.Evidence, Measures: a.Measures, Deliveries: []Delivery{},
		},
		Staff: a.Staff, ReceivedAt: a.ReceivedAt, ExpiresAt: a.RaisedAt.Add(keep.Open),
		EscalateAt: a.EscalateAt, EscalateTo: a.EscalateTo,
	}
	if e.Evidence == nil {
		e.Evidence = []event.Evidence{}
	}
	if e.Measures == nil {
		e.Measures = map[string]string{}
	}
	return e
}

// Number is the short form of an alert id.
func Number(alertID string) string {
	return strings.ToUpper(alertID[:min(8, len(alertID))])
}

// Concerns are the staff in whose lists the alert stands; "" stands for
// nobody: such an alert is for leaders and admin.
func (e *Entry) Concerns() []string {
	who := make([]string, 0, 2+len(e.Staff)+len(e.Audience))
	who = append(who, e.StaffID)
	for _, list := range [][]string{e.Staff, e.Audience, {e.ClaimedBy}} {
		for _, s := range list {
			if s != "" {
				who = append(who, s)
			}
		}
	}
	slices.Sort(who)
	return slices.Compact(who)
}

// Delivery is the entry's delivery on a channel, nil if there is none.
func (e *Entry) Delivery(channel string) *Delivery {
	for i := range e.Deliveries {
		if e.Deliveries[i].Channel == channel {
			return &e.Deliveries[i]
		}
	}
	return nil
}

// OnTarget is the entry's delivery in a target's queue, nil if there is none.
func (e *Entry) OnTarget(target string) *Delivery {
	for i := range e.Deliveries {
		if e.Deliveries[i].Target == target {
			return &e.Deliveries[i]
		}
	}
	return nil
}

// Clone is a copy that shares nothing that changes.
func (e *Entry) Clone() *Entry {
	c := *e
	c.Staff = slices.Clone(e.Staff)
	c.Audience = slices.Clone(e.Audience)
	c.Applied = slices.Clone(e.Applied)
	c.Deliveries = slices.Clone(e.Deliveries)
	return &c
}

func (e *Entry) encode() (string, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("encode alert %s: %w", e.AlertID, err)
	}
	return string(b), nil
}

func decodeEntry(id, text string) (*Entry, error) {
	e := &Entry{}
	if err := json.Unmarshal([]byte(text), e); err != nil {
		return nil, fmt.Errorf("decode alert %s of the inbox: %w", id, err)
	}
	return e, nil
}
