package envelope

import (
	"encoding/json"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
)

const (
	maxSkew   = 60 * time.Second
	earliest  = event.Time(631152000000)    // 1990-01-01
	latest    = event.Time(253402300799999) // end of the year 9999
	asSeconds = 100_000_000_000             // smaller numbers are seconds: it is 1973 in milliseconds
)

// Stamps are the times that came with an event; zero is absent.
type Stamps struct {
	Client   event.Time // when it happened, by the sender's clock
	Sent     event.Time // when it was sent, by the same clock
	Received event.Time
}

// Settle gives the event's time and, where that differs from the sender's
// stamp, the stamp. A sender's clock is corrected only when it is visibly wrong
// (SDKs put a new sentAt on every retry: the time must stay the same), and
// nothing happens after it was received.
func (s Stamps) Settle() (at, original event.Time, why *Refusal) {
	if s.Client == 0 {
		return s.Received, 0, nil
	}
	at = s.Client
	skew := s.Received.Sub(s.Sent)
	if s.Sent != 0 && (skew > maxSkew || skew < -maxSkew) && s.Client <= s.Sent {
		at = s.Received.Add(-s.Sent.Sub(s.Client))
	}
	at = min(at, s.Received)
	if at < earliest {
		return 0, 0, Refuse(schemas.ReasonBadTime, "the time %s is before 1990", at)
	}
	if at != s.Client {
		original = s.Client
	}
	return at, original, nil
}

// ReadTime reads a time that a sender wrote: RFC 3339 and its near relatives,
// or a number of milliseconds (or seconds, where milliseconds would lie before
// 1974). Absent is zero.
func ReadTime(name string, v any) (event.Time, *Refusal) {
	bad := func() *Refusal {
		return Refuse(schemas.ReasonBadTime, "%s is not a time; write it like 2026-05-01T08:30:00Z", name)
	}
	switch v := v.(type) {
	case nil:
		return 0, nil
	case string:
		t, err := event.ParseTime(v)
		if err != nil {
			return 0, bad()
		}
		if t == 0 && v != "" { // 1970, not absent
			return 1, nil
		}
		return t, nil
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return 0, bad()
		}
		if f < asSeconds && f > -asSeconds {
			f *= 1000
		}
		if f < float64(-latest) || f > float64(latest) {
			return 0, bad()
		}
		if f == 0 {
			return 1, nil
		}
		return event.Time(f), nil
	}
	return 0, bad()
}
