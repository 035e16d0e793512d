package inbox

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tagwire/tagwire/libs/event"
)

// Keep says how long alerts stay.
type Keep struct {
	Open   time.Duration // an alert nobody closed expires; default 7 days
	Closed time.Duration // a closed alert leaves the inbox; default 30 days
	Aside  time.Duration // an action waits for its alert; default 1 day
}

// Defaults fills what is not set.
func (k Keep) Defaults() Keep {
	const day = 24 * time.Hour
	if k.Open <= 0 {
		k.Open = 7 * day
	}
	if k.Closed <= 0 {
		k.Closed = 30 * day
	}
	if k.Aside <= 0 {
		k.Aside = day
	}
	return k
}

// The verbs of actions. Delivered and resend are the notifier's own and those
// of people who ask for a delivery again.
const (
	VerbSeen      = "seen"
	VerbClaim     = "claim"
	VerbAck       = "ack"
	VerbSnooze    = "snooze"
	VerbDismiss   = "dismiss"
	VerbHandover  = "handover"
	VerbOutcome   = "outcome"
	VerbResend    = "resend"    // To: the channel, empty for all dead ones
	VerbDelivered = "delivered" // By: the channel, Text: the delivery's round
)

// Verbs are all verbs.
func Verbs() []string {
	return []string{VerbSeen, VerbClaim, VerbAck, VerbSnooze, VerbDismiss, VerbHandover, VerbOutcome, VerbResend, VerbDelivered}
}

// Refusals of an action.
var (
	ErrTransition = errors.New("the alert's state does not allow it")
	ErrVerb       = errors.New("no such action")
	ErrArgument   = errors.New("the action lacks what it needs")
	ErrRepeated   = errors.New("the action has taken effect before")
)

// afterSnooze is what an alert has at least left when it wakes.
const afterSnooze = 24 * time.Hour

// maxApplied bounds the ids of actions an alert remembers. People act a handful
// of times; redelivery repeats the newest.
const maxApplied = 64

// Allowed says that a person may do this to an alert in this state. The console
// asks it before it sends the event, the notifier when the event arrives.
func Allowed(verb string, s State) bool {
	switch verb {
	case VerbSeen, VerbOutcome, VerbResend, VerbDelivered:
		return true
	case VerbClaim:
		return s == Open || s == Snoozed || s == Claimed
	case VerbAck, VerbDismiss, VerbHandover, VerbSnooze:
		return !s.Closed()
	}
	return false
}

// Act does what a person did to an alert. It reports whether what the API shows
// of the alert has changed. A refused action leaves the entry as it was, except
// that it is remembered.
func (e *Entry) Act(a *event.AlertAction, keep Keep) (changed bool, err error) {
	if a.Verb == VerbDelivered {
		e.Delivered(a)
		return false, nil
	}
	if a.EventID != "" {
		if slices.Contains(e.Applied, a.EventID) {
			return false, ErrRepeated
		}
		e.Applied = append(e.Applied, a.EventID)
		e.Applied = e.Applied[max(0, len(e.Applied)-maxApplied):]
	}
	if !slices.Contains(Verbs(), a.Verb) {
		return false, fmt.Errorf("%q: %w", a.Verb, ErrVerb)
	}
	if !Allowed(a.Verb, e.State) {
		return false, fmt.Errorf("%s while %s: %w", a.Verb, e.State, ErrTransition)
	}
	switch a.Verb {
	case VerbSeen:
		if e.SeenAt == 0 {
			e.SeenAt, e.SeenBy = a.At, a.By
		}
		return false, nil
	case VerbClaim:
		return e.claim(a)
	case VerbAck:
		e.closeAs(Acked, a, keep)
	case VerbDismiss:
		e.Reason = a.Text
		e.closeAs(Dismissed, a, keep)
	case VerbSnooze:
		return e.snooze(a)
	case VerbHandover:
		return e.handover(a)
	case VerbOutcome:
		e.Outcome = a.Text
		if !e.State.Closed() { // who says what came of it has dealt with it
			e.closeAs(Acked, a, keep)
		}
	case VerbResend:
		return e.Resend(a.To, a.At), nil
	}
	return true, nil
}

func (e *Entry) claim(a *event.AlertAction) (bool, error) {
	if e.ClaimedBy != "" && e.ClaimedBy != a.By && e.State == Claimed {
		return false, fmt.Errorf("claim by %s, %s has it: %w", a.By, e.ClaimedBy, ErrTransition)
	}
	changed := e.State != Claimed || e.ClaimedBy != a.By
	e.State, e.SnoozedUntil = Claimed, 0
	if changed {
		e.ClaimedBy, e.ClaimedAt = a.By, a.At
	}
	return changed, nil
}

func (e *Entry) snooze(a *event.AlertAction) (bool, error) {
	if a.Until <= a.At {
		return false, fmt.Errorf("snooze until %s: %w", a.Until, ErrArgument)
	}
	changed := e.State != Snoozed || e.SnoozedUntil != a.Until
	e.State, e.SnoozedUntil = Snoozed, a.Until
	e.ExpiresAt = max(e.ExpiresAt, a.Until.Add(afterSnooze))
	return changed, nil
}

func (e *Entry) handover(a *event.AlertAction) (bool, error) {
	if a.To == "" {
		return false, fmt.Errorf("handover to nobody: %w", ErrArgument)
	}
	e.StaffID, e.State = a.To, Open
	e.ClaimedBy, e.ClaimedAt, e.SnoozedUntil = "", 0, 0
	return true, nil
}

func (e *Entry) closeAs(s State, a *event.AlertAction, keep Keep) {
	if s == Acked && e.ClaimedBy == "" {
		e.ClaimedBy, e.ClaimedAt = a.By, a.At
	}
	e.State, e.SnoozedUntil = s, 0
	e.ClosedAt, e.ClosedBy = a.At, a.By
	e.LeavesAt = a.At.Add(keep.Closed)
}

// Resend plans a delivery once more: the named channel's, or with an empty name
// all that are dead. One that still waits is left alone.
func (e *Entry) Resend(channel string, at event.Time) bool {
	changed := false
	for i := range e.Deliveries {
		d := &e.Deliveries[i]
		if d.State.Waits() || channel == "" && d.State != Dead || channel != "" && d.Channel != channel {
			continue
		}
		d.State, d.Round, d.Tries, d.Error = Planned, d.Round+1, 0, ""
		d.PlannedAt, d.NextAt, d.SentAt = at, at, 0
		changed = true
	}
	return changed
}

// Delivered takes over from the log that a delivery was made, and reports
// whether that is news: the ledger knows it already, unless Redis was lost and
// the inbox is read from the log again.
func (e *Entry) Delivered(a *event.AlertAction) bool {
	round, err := strconv.Atoi(a.Text)
	d := e.Delivery(a.By)
	if d == nil || err != nil || !d.State.Waits() || round < d.Round {
		return false
	}
	d.State, d.SentAt, d.NextAt, d.Error = Sent, a.At, 0, ""
	return true
}

// waits says that nobody has taken the alert up and that others are to be told.
func (e *Entry) waits() bool {
	return e.State == Open && e.EscalateAt != 0 && e.EscalatedAt == 0 && e.ClaimedBy == ""
}

// Pass lets time pass: the end of a snooze, the escalation, the expiry. It reports whether the
// alert changed.
func (e *Entry) Pass(now event.Time, keep Keep) bool {
	switch {
	case e.State.Closed():
		return false
	case now >= e.ExpiresAt:
		e.State, e.SnoozedUntil = Expired, 0
		e.ClosedAt = e.ExpiresAt
		e.LeavesAt = e.ExpiresAt.Add(keep.Closed)
		return true
	case e.State == Snoozed && now >= e.SnoozedUntil:
		e.State, e.SnoozedUntil = Open, 0
		if e.ClaimedBy != "" {
			e.State = Claimed
		}
		return true
	case e.waits() && now >= e.EscalateAt:
		e.EscalatedAt, e.To = e.EscalateAt, e.EscalateTo
		return true
	}
	return false
}
