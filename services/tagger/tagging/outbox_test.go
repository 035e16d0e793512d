package tagging

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream"
)

func TestAnElementOfTheOutboxIsReadAsItWasWritten(t *testing.T) {
	entries := []outEntry{
		{Number: 7, Topic: "changes.1", Partition: 3, Key: []byte("p"), Value: []byte("x\x00\xff")},
		{Number: 8, Topic: "events.1", Partition: 0, Key: nil, Value: []byte{}},
	}
	b, err := pack(entries)
	require.NoError(t, err)
	back, err := unpack(b)
	require.NoError(t, err)
	require.Equal(t, entries, back)
	nothing, err := pack([]outEntry{})
	require.NoError(t, err)
	for name, broken := range map[string][]byte{"cut off": b[:len(b)/2], "nothing": nil, "no entries": nothing} {
		_, err := unpack(broken)
		require.Error(t, err, name)
	}
}

// A publisher that has ended keeps nobody waiting, however much is queued.
func TestADeadOutboxIsTold(t *testing.T) {
	ended := make(chan struct{})
	close(ended)
	p := &publisher{queue: make(chan []outEntry), dead: ended}
	require.ErrorIs(t, p.send(t.Context(), []outEntry{{Number: 1}}), errDead)
	alive := &publisher{queue: make(chan []outEntry), dead: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, alive.send(ctx, []outEntry{{Number: 1}}), context.Canceled)
}

// One commit takes so many profiles and so many records, and a control record
// stands alone.
func TestACommitIsBounded(t *testing.T) {
	o := &owner{poison: map[int64]string{}}
	records := func(n int, of func(i int) event.Record) []stream.Record {
		out := make([]stream.Record, n)
		for i := range out {
			r := of(i)
			b, err := r.Encode()
			require.NoError(t, err)
			out[i] = stream.Record{Offset: int64(i), Time: time.Now(), Value: b}
		}
		return out
	}
	one := records(maxRecords+10, func(int) event.Record { return event.Record{Kind: event.KindEvent, Profile: "hot"} })
	n, decoded := o.cut(one)
	require.Equal(t, maxRecords, n)
	require.Len(t, decoded, maxRecords)
	many := records(maxProfiles+10, func(i int) event.Record { return event.Record{Kind: event.KindEvent, Profile: string(rune('a' + i))} })
	n, _ = o.cut(many)
	require.Equal(t, maxProfiles, n)
	late := records(behindProfiles+10, func(i int) event.Record { return event.Record{Kind: event.KindEvent, Profile: string(rune('a' + i))} })
	late[0].Time = late[0].Time.Add(-time.Minute)
	n, _ = o.cut(late)
	require.Equal(t, behindProfiles, n, "nobody waits for a single commit")
	control := records(3, func(i int) event.Record {
		return event.Record{Kind: []event.Kind{event.KindEvent, event.KindControl, event.KindEvent}[i], Profile: "p"}
	})
	n, _ = o.cut(control)
	require.Equal(t, 1, n)
	n, _ = o.cut(control[1:])
	require.Equal(t, 1, n)
}
