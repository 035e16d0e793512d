package event

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
)

// Op is what happened to a tag, a stage or a profile.
type Op string

// The operations of changes.
const (
	OpApplied  Op = "applied"
	OpRenewed  Op = "renewed"
	OpRemoved  Op = "removed"
	OpExpired  Op = "expired"
	OpEntered  Op = "entered"  // a stage
	OpSnapshot Op = "snapshot" // the whole profile, for history
	OpMerged   Op = "merged"   // Other was merged into Profile
	OpConflict Op = "conflict" // Other was asked for and refused
	OpShared   Op = "shared"   // Other, an identity, was seen with more people than its limit and joins nobody any more
	OpStale    Op = "stale"    // an event came later than the profile can fold
)

// Evidence is one event that speaks for a tag, stage or alert.
type Evidence struct {
	EventID     string   `json:"event_id" cbor:"1,keyasint"`
	Type        string   `json:"type" cbor:"2,keyasint"`
	Time        Time     `json:"time" cbor:"3,keyasint"`
	ObjectTitle string   `json:"object_title,omitempty" cbor:"4,keyasint,omitempty"`
	Matched     []string `json:"matched,omitempty" cbor:"5,keyasint,omitempty"`
	Source      string   `json:"-" cbor:"6,keyasint,omitempty"` // with the id it is the event's hash: a state names both at once
}

// Order places a change among all changes: generation, shard, commit number and
// position in the commit. "Newest" is judged by it, never by time.
type Order struct {
	Generation int   `json:"g"`
	Shard      int   `json:"s"`
	Commit     int64 `json:"c"`
	Position   int   `json:"i"`
}

// Change is one entry of the topic `changes`: a fact about a profile with its
// reason. ChangeID is made of profile, subject, operation and cause, so a
// change published twice is one change.
type Change struct {
	ChangeID    string            `json:"change_id"`
	Op          Op                `json:"op"`
	Profile     string            `json:"profile_id"`
	Tag         string            `json:"tag,omitempty"`
	Group       string            `json:"group,omitempty"`
	Value       string            `json:"value,omitempty"` // of a family
	Stage       string            `json:"stage,omitempty"`
	FromStage   string            `json:"from_stage,omitempty"`
	Rule        string            `json:"rule,omitempty"`
	RuleVersion int64             `json:"rule_version,omitempty"`
	At          Time              `json:"at"` // when it took effect: event or due time
	Since       Time              `json:"since,omitzero"`
	ExpiresAt   Time              `json:"expires_at,omitzero"`
	Reason      string            `json:"reason,omitempty"` // rule, expiry, time, manual, merge, activation, catalogue
	Cause       string            `json:"cause"`            // event id, due ms, merge id or activation
	Evidence    []Evidence        `json:"evidence,omitempty"`
	Measures    map[string]string `json:"measures,omitempty"`
	Other       string            `json:"other,omitempty"` // merged, conflict: the other profile; shared: the identity
	Known       bool              `json:"known"`
	Late        bool              `json:"late,omitempty"`
	Order       Order             `json:"order"`
	Snapshot    *Snapshot         `json:"snapshot,omitempty"`
}

// TagState is one tag as a profile holds it.
type TagState struct {
	Tag         string     `json:"tag"`
	Group       string     `json:"group,omitempty"`
	Value       string     `json:"value,omitempty"`
	Since       Time       `json:"since"`
	ExpiresAt   Time       `json:"expires_at,omitzero"`
	Rule        string     `json:"rule"`
	RuleVersion int64      `json:"rule_version"`
	Origin      string     `json:"origin,omitempty"` // rule, catalogue, manual
	Evidence    []Evidence `json:"evidence,omitempty"`
}

// Trait is an attribute with where and when it came from. A personal value is
// a sealed token.
type Trait struct {
	Value  any    `json:"value" cbor:"1,keyasint"`
	Source string `json:"source,omitempty" cbor:"2,keyasint,omitempty"`
	Time   Time   `json:"time" cbor:"3,keyasint"`
}

// Snapshot is a profile as of a commit, for history and BI.
type Snapshot struct {
	Known      bool              `json:"known"`
	Excluded   bool              `json:"excluded,omitempty"` // test, staff or internal
	Identities []Identity        `json:"identities"`
	Traits     map[string]Trait  `json:"traits,omitempty"`
	Tags       []TagState        `json:"tags,omitempty"`
	Stage      string            `json:"stage,omitempty"`
	StageSince Time              `json:"stage_since,omitzero"`
	Owner      string            `json:"owner,omitempty"`
	Owners     []string          `json:"owners,omitempty"`
	Channels   []string          `json:"channels,omitempty"`
	Stores     []string          `json:"stores,omitempty"`
	FirstSeen  Time              `json:"first_seen"`
	LastSeen   Time              `json:"last_seen"`
	Clock      Time              `json:"clock"`
	Measures   map[string]string `json:"measures,omitempty"`
	Stale      bool              `json:"stale,omitempty"`
}

// Alert is one entry of the topic `alerts`: a message to a person who should
// act now (Action empty), or what a person did about one (Action set).
type Alert struct {
	AlertID     string            `json:"alert_id"`
	Profile     string            `json:"profile_id"`
	Rule        string            `json:"rule,omitempty"`
	RuleVersion int64             `json:"rule_version,omitempty"`
	Tag         string            `json:"tag,omitempty"`
	Severity    string            `json:"severity,omitempty"` // low, medium, high
	Title       string            `json:"title,omitempty"`    // may hold sealed tokens
	Advice      string            `json:"advice,omitempty"`
	To          string            `json:"to,omitempty"`    // owner, owners, event.staff, leader, store, team:x, person:x
	StaffID     string            `json:"staff_id"`        // empty: nobody owns the customer
	Staff       []string          `json:"staff,omitempty"` // all whom `to` names
	StoreID     string            `json:"store_id,omitempty"`
	Channel     string            `json:"channel,omitempty"`
	RaisedAt    Time              `json:"raised_at"`
	ReceivedAt  Time              `json:"received_at,omitzero"` // of the event behind it, for the event→alert histogram
	Cause       string            `json:"cause"`
	Evidence    []Evidence        `json:"evidence,omitempty"`
	Measures    map[string]string `json:"measures,omitempty"`
	Order       Order             `json:"order"`
	EscalateAt  Time              `json:"escalate_at,omitzero"` // who is told then when nobody has taken it up: EscalateTo
	EscalateTo  string            `json:"escalate_to,omitempty"`
	Action      *AlertAction      `json:"action,omitempty"`
}

// AlertAction is what a person did about an alert; it reached the alert's shard
// as an event of type alert.<verb>.
type AlertAction struct {
	Verb    string `json:"verb"` // seen, claim, ack, snooze, dismiss, handover, outcome
	By      string `json:"by"`
	At      Time   `json:"at"`
	EventID string `json:"event_id"`
	Until   Time   `json:"until,omitzero"` // snooze
	To      string `json:"to,omitempty"`   // handover
	Text    string `json:"text,omitempty"` // dismiss: why; outcome: what came of it
}

// Rejected is one entry of the topic `rejected`.
type Rejected struct {
	At      Time   `json:"at"`
	Stage   string `json:"stage"` // collector, resolver, tagger
	Source  string `json:"source,omitempty"`
	EventID string `json:"event_id,omitempty"`
	Type    string `json:"type,omitempty"`
	Reason  string `json:"reason"` // typed: see schemas.Reasons
	Detail  string `json:"detail,omitempty"`
	Raw     string `json:"raw,omitempty"`  // coordinates topic/partition/offset
	Body    string `json:"body,omitempty"` // sealed with the day's key
}

// DeriveID makes an id from its cause: the same parts, the same id.
func DeriveID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = h.Write([]byte(strconv.Itoa(len(p)))) // lengths keep ("a","bc") apart from ("ab","c")
		_, _ = h.Write([]byte{':'})
		_, _ = h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// EncodeJSON is the wire form of a change, alert or rejected record.
func EncodeJSON(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return b, nil
}
