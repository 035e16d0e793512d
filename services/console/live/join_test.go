package live

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

// bench is a join with what it has sent, each with the moment.
type bench struct {
	t    *testing.T
	j    *join
	mu   sync.Mutex
	sent []Event
	at   []time.Duration
}

// inTime runs a join in virtual time.
func inTime(t *testing.T, play func(b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t}
		began := time.Now()
		b.j = newJoin(nil, func(e Event) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.sent, b.at = append(b.sent, e), append(b.at, time.Since(began))
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- b.j.run(ctx) }()
		play(b)
		cancel()
		<-done
	})
}

func (b *bench) take(topic string, v any) {
	raw, err := json.Marshal(v)
	require.NoError(b.t, err)
	b.j.take(topic, stream.Record{Value: raw})
}

func (b *bench) event(id string) {
	b.take(schemas.TopicEvents, event.Record{Kind: event.KindEvent, Profile: "p1", Event: &event.Event{EventID: id, Type: "link.open", Source: "s", Time: 1, ReceivedAt: 1}})
}

func (b *bench) change(cause, tag string, op event.Op) {
	b.take(schemas.TopicChanges, event.Change{Cause: cause, Tag: tag, Op: op})
}

func (b *bench) ids() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, e := range b.sent {
		out = append(out, fmt.Sprint(e.EventID, e.Applied, e.Removed, e.Alerts))
	}
	return out
}

func TestEventWaitsForItsEffectsAndNoLonger(t *testing.T) {
	inTime(t, func(b *bench) {
		b.event("a")
		time.Sleep(100 * time.Millisecond)
		require.Empty(t, b.ids())
		b.change("a", "高意向", event.OpApplied)
		b.change("a", "新客", event.OpRemoved)
		b.change("a", "看过", event.OpRenewed)
		b.take(schemas.TopicAlerts, event.Alert{AlertID: "al", Cause: "a"})
		b.take(schemas.TopicAlerts, event.Alert{AlertID: "al", Cause: "a", Action: &event.AlertAction{Verb: "claim"}})
		time.Sleep(100 * time.Millisecond)
		require.Equal(t, []string{"a[高意向] [新客] [al]"}, b.ids())
		require.Less(t, b.at[0], joinFor, "effects that are there are not waited for")

		b.event("b")
		time.Sleep(joinFor + 50*time.Millisecond)
		require.Equal(t, []string{"a[高意向] [新客] [al]", "b[] [] []"}, b.ids())
	})
}

func TestEffectsMayComeFirstOrLate(t *testing.T) {
	inTime(t, func(b *bench) {
		b.change("a", "早", event.OpApplied)
		time.Sleep(50 * time.Millisecond)
		b.event("a")
		time.Sleep(joinFor)
		require.Equal(t, []string{"a[早] [] []"}, b.ids())
		b.event("b")
		time.Sleep(joinFor + 100*time.Millisecond)
		b.change("b", "晚", event.OpApplied)
		time.Sleep(200 * time.Millisecond)
		require.Equal(t, []string{"a[早] [] []", "b[] [] []", "b[晚] [] []"}, b.ids(), "it is sent again with what came late")
		time.Sleep(2 * joinLate)
		b.change("b", "太晚", event.OpApplied)
		time.Sleep(joinEarly + 2*time.Second)
		require.Len(t, b.ids(), 3)
		b.j.mu.Lock()
		defer b.j.mu.Unlock()
		require.Empty(t, b.j.byID)
		require.Empty(t, b.j.early, "nothing is kept for ever")
	})
}

func TestEventsKeepTheirOrder(t *testing.T) {
	inTime(t, func(b *bench) {
		for i := range 5 {
			b.event(fmt.Sprint("e", i))
			time.Sleep(10 * time.Millisecond)
		}
		b.change("e3", "x", event.OpApplied)
		time.Sleep(time.Second)
		require.Equal(t, []string{"e0[] [] []", "e1[] [] []", "e2[] [] []", "e3[x] [] []", "e4[] [] []"}, b.ids())
	})
}

func TestRefusalsAreShownAtOnceAndRubbishIsPassedOver(t *testing.T) {
	inTime(t, func(b *bench) {
		b.take(schemas.TopicRejected, event.Rejected{At: 5, Stage: "collector", Source: "s", EventID: "bad", Type: "x", Reason: "no_identity", Detail: "why"})
		for _, topic := range []string{schemas.TopicEvents, schemas.TopicChanges, schemas.TopicAlerts, schemas.TopicRejected} {
			b.j.take(topic, stream.Record{Value: []byte("{")})
			b.j.take(topic, stream.Record{})
		}
		b.take(schemas.TopicEvents, event.Record{Kind: event.KindControl, Control: &event.Control{Name: "rules"}})
		require.Len(t, b.sent, 1)
		require.Equal(t, Rejected, b.sent[0].Verdict)
		require.Equal(t, "no_identity", b.sent[0].Reason)
	})
}
