package archive

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
)

// everything is a record with every field that an interaction can have.
func everything(profile string) *event.Record {
	r := paid(profile, 1, "order.pay", "100.25", "CNY")
	e := r.Event
	e.OriginalTime, e.SentAt = e.Time-3_600_000, e.Time-1
	e.Identities = []event.Identity{{Namespace: "user_id", Value: "u:1"}, {Namespace: "phone", Value: "0123456789abcdef0123456789abcdef"}}
	e.Traits = event.Fields{"city": "上海", "age": 31.5, "name": "⟦p|c2VhbGVk⟧", "vip": true, "of": map[string]any{"a": []any{1.0, nil}}}
	e.Tags, e.Backfill, e.Import = []string{"渠道", "a"}, true, "cdnow"
	r.Own, r.Repair, r.Place = e.Identities[:1], true, e.Time
	return r
}

func TestWhatWasStoredIsReadAsTheSameRecord(t *testing.T) {
	r := newRig(t)
	r.run(r.archiver(nil))
	want := []*event.Record{everything("a"), sample("a", 2, func(e *event.Event) { e.ReceivedAt += 999 }), sample("b", 1, nil)}
	again := *want[1]
	again.Source, again.Number = "out.1/1", 7
	r.publish(schemas.TopicEvents, 1, want[0], want[1], &again, want[2]) // the second one twice, as a straggler that was passed on
	r.archived()
	for range 2 {
		life, err := r.w.Life(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, "a", life.Profile)
		require.Len(t, life.Arrivals, 2)
		for i, a := range life.Arrivals {
			require.Equal(t, *want[i], a.Record)
			require.Equal(t, event.Place{Topic: schemas.TopicEvents, Partition: 1, Offset: int64(i)}, a.Log)
		}
	}
	nobody, err := r.w.Life(t.Context(), "nobody")
	require.NoError(t, err)
	require.Equal(t, &event.Life{Profile: "nobody"}, nobody)
}

func TestLivesAreWholeAndOneAfterTheOther(t *testing.T) {
	r := newRig(t)
	r.run(r.archiver(nil))
	r.publish(schemas.TopicEvents, 0, sample("a", 1, nil), sample("c", 1, nil), sample("a", 3, nil))
	r.publish(schemas.TopicEvents, 1, sample("m", 2, nil), sample("b", 1, nil))
	join := func(other, into string, day int, o event.Order) *event.Change {
		c := merged(other, into, o)
		c.At = noon.Add(time.Duration(day) * 24 * time.Hour)
		return c
	}
	r.publish(schemas.TopicChanges, 0, join("m", "l", 1, at(1, 0)), join("l", "a", 2, at(2, 0))) // l itself did nothing
	r.archived()
	var lives []*event.Life
	require.NoError(t, r.w.Lives(t.Context(), func(l *event.Life) error { lives = append(lives, l); return nil }))
	require.Len(t, lives, 3)
	require.Equal(t, []string{"a", "b", "c"}, []string{lives[0].Profile, lives[1].Profile, lives[2].Profile})
	var order []string
	for _, a := range lives[0].Arrivals {
		order = append(order, a.Event.EventID)
	}
	require.Equal(t, []string{"a-1", "m-2", "a-3"}, order)
	day := func(n int) event.Time { return noon.Add(time.Duration(n) * 24 * time.Hour) }
	require.Equal(t, "m", lives[0].Head("m", day(1)-1))
	require.Equal(t, "a", lives[0].Head("m", day(2)))
	one, err := r.w.Life(t.Context(), "m")
	require.NoError(t, err)
	require.Equal(t, lives[0], one)
	enough := errors.New("enough")
	require.ErrorIs(t, r.w.Lives(t.Context(), func(*event.Life) error { return enough }), enough)
}
