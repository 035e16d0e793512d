package apply_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/applytest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/rule/apply"
)

// The state at a moment is that of what had happened by then, whenever it was
// heard of: two moments before it was heard of must not contradict each other,
// and must say what the same history says that was heard of at once.
func TestAtDoesNotDependOnWhenAHistoryWasHeardOf(t *testing.T) {
	s := compile(t, `
measures:
  c: {count: link.open, within: 1d}
  today: {count: link.open, per: day}
tags:
  hot: {when: c >= 2, lasts: 5d}
  long: {when: 'tag("hot", "1d")'}
  came: {when: today >= 1}
  silent: {when: 'absent("order.pay", "3d")'}
`)
	life := func(heard time.Duration) *event.Life {
		l := &event.Life{Profile: "p"}
		for n, at := range []event.Time{t0, t0.Add(time.Hour)} {
			f := applytest.Fact{ID: fmt.Sprint(n), Type: "link.open", At: at, Received: at.Add(heard)}
			a := event.Arrival{Log: event.Place{Topic: "events", Offset: int64(n)}}
			a.Profile, a.Place, a.Event, a.Own = "p", f.Received, f.Event(), []event.Identity{{Namespace: "user_id", Value: "p"}}
			l.Arrivals = append(l.Arrivals, a)
		}
		l.Arrivals = event.InOrder(l.Arrivals)
		return l
	}
	atOnce, later := life(0), life(9*day)
	for hours := range 24 * 8 { // all of them before the second history was heard of
		moment := t0.Add(time.Duration(hours)*time.Hour + 90*time.Minute)
		want, got := apply.At(s, atOnce, "p", moment).Profile, apply.At(s, later, "p", moment).Profile
		require.Equal(t, held(want), held(got), "%d h on", hours)
		require.Equal(t, want.Tags["hot"], got.Tags["hot"], "%d h on", hours)
	}
}
