package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/govalues/decimal"
)

// Identity is how one source knows a customer.
type Identity struct {
	Namespace string // user_id, anonymous_id, wecom.<corp>, unionid, openid.<app>, phone, email, buyer.<mall>
	Value     string
}

// ErrIdentity is the cause of every refusal of an identity text.
var ErrIdentity = errors.New("an identity is namespace:value")

// ParseIdentity splits at the first colon; both sides must be there.
func ParseIdentity(s string) (Identity, error) {
	ns, v, ok := strings.Cut(s, ":")
	if !ok || ns == "" || v == "" {
		return Identity{}, fmt.Errorf("%q: %w", s, ErrIdentity)
	}
	return Identity{ns, v}, nil
}

// String is namespace:value.
func (i Identity) String() string { return i.Namespace + ":" + i.Value }

// Unique says that one customer has at most one value in the namespace: two
// values never merge (user_id, wecom.<corp>).
func (i Identity) Unique() bool {
	return i.Namespace == "user_id" || strings.HasPrefix(i.Namespace, "wecom.")
}

// Personal says that the value itself names a person and is kept as a keyed
// hash from the resolver on.
func (i Identity) Personal() bool { return i.Namespace == "phone" || i.Namespace == "email" }

// Limited says that one value may be seen with a limited number of people: a
// phone of a family, a device of a household. Past the limit it joins nobody.
func (i Identity) Limited() bool { return i.Namespace == "phone" || i.Namespace == "anonymous_id" }

// Known says that the identity makes a profile known.
func (i Identity) Known() bool { return i.Namespace != "anonymous_id" }

// strength orders identities by how surely they name one customer.
func (i Identity) strength() int {
	switch {
	case i.Namespace == "user_id":
		return 0
	case strings.HasPrefix(i.Namespace, "wecom."):
		return 1
	case i.Namespace == "unionid":
		return 2
	case strings.HasPrefix(i.Namespace, "openid."):
		return 3
	case i.Namespace == "phone":
		return 4
	case i.Namespace == "email":
		return 5
	case i.Namespace == "anonymous_id":
		return 9
	}
	return 6
}

// Stronger says that i names a customer more surely than j.
func (i Identity) Stronger(j Identity) bool { return i.strength() < j.strength() }

// MarshalText is the wire form namespace:value.
func (i Identity) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText reads the wire form.
func (i *Identity) UnmarshalText(b []byte) error {
	v, err := ParseIdentity(string(b))
	if err != nil {
		return err
	}
	*i = v
	return nil
}

// Object is what the customer acted on.
type Object struct {
	Type     string           `json:"type,omitempty"`
	ID       string           `json:"id,omitempty"`
	Title    string           `json:"title,omitempty"`
	Category string           `json:"category,omitempty"`
	Brand    string           `json:"brand,omitempty"`
	Price    *decimal.Decimal `json:"price,omitempty"`
}

// Match is one keyword list found in the event's text: facts stored with the
// event, so that the text need not be kept.
type Match struct {
	List    string   `json:"list"`            // the list's name in the rule set
	Version int      `json:"version"`         // of the dictionary that matched
	Words   []string `json:"words,omitempty"` // as written in the list
}

// Event is one interaction. Times are milliseconds UTC, money is decimal.
// A personal text field holds either plain text (in raw) or a sealed token.
type Event struct {
	EventID      string           `json:"event_id"`
	Type         string           `json:"type"`
	Time         Time             `json:"time"`
	OriginalTime Time             `json:"original_time,omitzero"` // the client's own stamp where skew was corrected
	ReceivedAt   Time             `json:"received_at"`
	SentAt       Time             `json:"sent_at,omitzero"`
	Source       string           `json:"source"`
	Identities   []Identity       `json:"identities"`
	StaffID      string           `json:"staff_id,omitempty"`
	Channel      string           `json:"channel,omitempty"`
	StoreID      string           `json:"store_id,omitempty"`
	Touchpoint   string           `json:"touchpoint,omitempty"`
	From         string           `json:"from,omitempty"` // customer, staff, system
	Object       *Object          `json:"object,omitempty"`
	Amount       *decimal.Decimal `json:"amount,omitempty"`
	Currency     string           `json:"currency,omitempty"`
	Text         string           `json:"text,omitempty"`
	Traits       Fields           `json:"traits,omitempty"`
	Properties   Fields           `json:"properties,omitempty"`
	Context      Fields           `json:"context,omitempty"`
	Tags         []string         `json:"tags,omitempty"`    // tags that a definition (channel, link, form) gives; rule `catalogue`
	Matched      []Match          `json:"matched,omitempty"` // keyword lists found, by the resolver
	Backfill     bool             `json:"backfill,omitempty"`
	Import       string           `json:"import,omitempty"` // name of the import that sent it
}

// Fields is an open JSON object, decoded once by encoding/json: values are
// string, json.Number kept as float64, bool, nil, []any, map[string]any.
type Fields map[string]any

// Get walks a dotted path; false when a step is missing.
func (f Fields) Get(path string) (any, bool) {
	var v any = map[string]any(f)
	for step := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = m[step]; !ok {
			return nil, false
		}
	}
	return v, true
}

// String is the text at a path, empty when missing or not a text.
func (f Fields) String(path string) string {
	v, _ := f.Get(path)
	s, _ := v.(string)
	return s
}

// Encode is the wire form.
func (e *Event) Encode() ([]byte, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.EventID, err)
	}
	return b, nil
}

// Decode reads the wire form.
func Decode(b []byte) (*Event, error) {
	e := &Event{}
	if readEvent(b, e) {
		return e, nil
	}
	*e = Event{}
	if err := json.Unmarshal(b, e); err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	return e, nil
}

// Primary is the identity that names the customer most surely; it keys the raw
// record so that one customer's events stay in order. Zero when there is none.
func (e *Event) Primary() Identity {
	var best Identity
	for n, id := range e.Identities {
		if n == 0 || id.Stronger(best) {
			best = id
		}
	}
	return best
}

// AlertVerb is what a person did about an alert by this event, an alert.<verb>
// that names its alert; empty when it is none. It changes nothing of a profile.
func (e *Event) AlertVerb() string {
	verb, ok := strings.CutPrefix(e.Type, "alert.")
	if !ok || e.Properties.String("alert_id") == "" {
		return ""
	}
	switch verb {
	case "seen", "claim", "ack", "snooze", "dismiss", "handover", "outcome", "resend":
		return verb
	}
	return ""
}
