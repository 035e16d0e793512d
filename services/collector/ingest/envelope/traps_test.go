package envelope_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/apply"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
)

// A known failure of other systems (docs/traps.md): an event that is stamped two
// years ahead happens when it is received. It counts once and moves no window: what
// comes after it is judged as if it had a right stamp.
func TestTrap04AStampOfTheFuture(t *testing.T) {
	s, err := rule.Compile(1, map[string]string{"r.yaml": `
measures: {opens: {count: open, within: 7d}, last: {last: open}}
tags: {keen: {when: opens >= 2}}
`})
	require.NoError(t, err)
	received := event.At(time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC))
	at, original, why := envelope.Stamps{Client: received.Add(2 * 365 * 24 * time.Hour), Received: received}.Settle()
	require.Nil(t, why)
	require.Equal(t, received, at)
	require.Equal(t, received.Add(2*365*24*time.Hour), original, "what the sender said is kept")

	p := profile.New("p1")
	open := func(id string, at, received event.Time) {
		apply.Advance(s, p, received, 0, time.Hour)
		apply.Event(s, p, apply.Input{
			Event: &event.Event{EventID: id, Type: "open", Time: at, ReceivedAt: received, Source: "s"}, Place: received, Fresh: time.Hour, Late: 24 * time.Hour,
		})
	}
	opens, _ := s.Measure("opens")
	open("ahead", at, received)
	open("ahead", at, received)
	require.Equal(t, "1", opens.Value(p, p.Clock).String())
	require.Equal(t, received, p.Clock)
	next := received.Add(24 * time.Hour)
	open("right", next, next)
	require.Contains(t, p.Tags, "keen")
	end := received.Add(7 * 24 * time.Hour)
	apply.Advance(s, p, end, end, time.Hour)
	require.NotContains(t, p.Tags, "keen", "it leaves the window seven days after it was received")
}
