package apply

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
)

// Replayed is what a history makes of a customer.
type Replayed struct {
	Profile *profile.Profile
	// Late: something had come more than 24 h behind the newest, so the history
	// was folded in the order of time, as live does for such a profile.
	Late bool
}

// Replay folds interactions of a customer, in order of arrival, into a new
// profile as it was at a moment: what happened later is left out, what happened
// by then counts even if it was heard of later. Timers fire at their places. No
// alerts come of it. Profile.FirstSeen is 0 when nothing had happened by then.
func Replay(s *rule.Set, id string, arrivals []event.Arrival, upTo event.Time) Replayed {
	p := fold(s, id, arrivals, upTo, false)
	if !p.Stale {
		return Replayed{Profile: p}
	}
	byTime := slices.Clone(arrivals)
	slices.SortStableFunc(byTime, func(a, b event.Arrival) int {
		return cmp.Or(cmp.Compare(a.Event.Time, b.Event.Time), cmp.Compare(a.Event.EventID, b.Event.EventID))
	})
	return Replayed{Profile: fold(s, id, byTime, upTo, true), Late: true}
}

// fold is the plain fold; byTime: each stands where it happened.
func fold(s *rule.Set, id string, arrivals []event.Arrival, upTo event.Time, byTime bool) *profile.Profile {
	p := profile.New(id)
	p.Rules = s.Version
	for i := range arrivals {
		a := &arrivals[i]
		e := a.Event
		if e.Time > upTo || e.AlertVerb() != "" {
			continue
		}
		place := a.Place
		if byTime || e.Backfill || place > upTo { // nobody had heard of it by then: as if it had been told at once
			place = e.Time
		}
		Advance(s, p, place, 0, 0)
		Event(s, p, Input{Event: e, Own: a.Own, Place: place, Internal: a.Internal, Late: lateness(byTime)})
	}
	Advance(s, p, upTo, 0, 0)
	p.Import = ""
	return p
}

// lateness behind which a profile is stale; in the order of time nothing is.
func lateness(byTime bool) time.Duration {
	if byTime {
		return math.MaxInt64
	}
	return profile.Horizon
}

// At is the customer that a profile of the life was at a moment.
func At(s *rule.Set, l *event.Life, id string, moment event.Time) Replayed {
	head := l.Head(id, moment)
	own, absorbed := l.Of(head, moment)
	r := Replay(s, head, own, moment)
	r.Profile.Absorbed = absorbed
	return r
}
