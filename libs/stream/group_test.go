package stream_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/stream/streamtest"
	"github.com/tagwire/tagwire/schemas"
)

const group = "test"

// owners see who owns what, and that no two own a partition at once.
type owners struct {
	mu     sync.Mutex
	held   map[int]string // partition → member
	newest map[string]*stream.Generation
	faults []string
}

// own is an owner that holds its partitions until its context ends.
func (o *owners) own(member string) stream.Owner {
	return func(ctx context.Context, g *stream.Generation) {
		mine := g.Partitions[schemas.TopicEvents]
		o.mu.Lock()
		o.newest[member] = g
		for _, p := range mine {
			if other, taken := o.held[p]; taken {
				o.faults = append(o.faults, fmt.Sprintf("%s has %d while %s holds it", member, p, other))
			}
			o.held[p] = member
		}
		o.mu.Unlock()
		<-ctx.Done()
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, p := range mine {
			delete(o.held, p)
		}
	}
}

func (o *owners) owned() map[string]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := map[string]int{}
	for _, member := range o.held {
		out[member]++
	}
	return out
}

func (o *owners) generation(member string) *stream.Generation {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.newest[member]
}

// join runs a member; leave ends it and waits.
func (o *owners) join(t *testing.T, k *streamtest.Kafka, member string) (leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	c := k.Connect(t)
	go func() { ended <- c.RunGroup(ctx, group, []string{schemas.TopicEvents}, o.own(member)) }()
	leave = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s ended: %v", member, err)
		}
	})
	t.Cleanup(leave)
	return leave
}

func TestGroupHandsPartitionsOver(t *testing.T) {
	k := streamtest.StartKafka(t)
	o := &owners{held: map[int]string{}, newest: map[string]*stream.Generation{}}
	become := func(want map[string]int) {
		t.Helper()
		require.Eventually(t, func() bool { return maps.Equal(want, o.owned()) }, 40*time.Second, 10*time.Millisecond, "want %v", want)
	}
	leaveA := o.join(t, k, "a")
	become(map[string]int{"a": streamtest.Shards})
	alone := o.generation("a")
	require.NoError(t, alone.Commit(t.Context(), schemas.TopicEvents, map[int]stream.OffsetMeta{0: {Offset: 7, Metadata: "as a alone"}}))

	leaveB := o.join(t, k, "b")
	become(map[string]int{"a": streamtest.Shards / 2, "b": streamtest.Shards / 2})
	a, b := o.generation("a").Partitions[schemas.TopicEvents], o.generation("b").Partitions[schemas.TopicEvents]
	all := slices.Sorted(slices.Values(slices.Concat(a, b)))
	require.Equal(t, []int{0, 1, 2, 3}, all)

	require.Error(t, alone.Commit(t.Context(), schemas.TopicEvents, map[int]stream.OffsetMeta{0: {Offset: 1, Metadata: "late"}}), "a generation that has ended is fenced off")
	require.NoError(t, o.generation("b").Commit(t.Context(), schemas.TopicEvents, map[int]stream.OffsetMeta{b[0]: {Offset: 9, Metadata: "of b"}}))
	stored, err := k.Committed(t.Context(), group, schemas.TopicEvents, streamtest.Shards)
	require.NoError(t, err)
	want := make([]stream.OffsetMeta, streamtest.Shards)
	for p := range want {
		want[p].Offset = -1
	}
	want[0] = stream.OffsetMeta{Offset: 7, Metadata: "as a alone"}
	want[b[0]] = stream.OffsetMeta{Offset: 9, Metadata: "of b"}
	require.Equal(t, want, stored)

	leaveA()
	become(map[string]int{"b": streamtest.Shards})
	leaveB()
	require.Empty(t, o.owned(), "who has left owns nothing")
	require.Empty(t, o.faults)
}

// A mark outside any membership keeps its text.
func TestNotes(t *testing.T) {
	k := streamtest.StartKafka(t)
	require.NoError(t, k.Note(t.Context(), "marks", schemas.TopicEvents, map[int]stream.OffsetMeta{1: {Offset: 5, Metadata: "x"}}))
	require.NoError(t, k.Note(t.Context(), "marks", schemas.TopicEvents, map[int]stream.OffsetMeta{1: {Offset: 6, Metadata: "y"}, 2: {Offset: 1}}))
	got, err := k.Committed(t.Context(), "marks", schemas.TopicEvents, streamtest.Shards)
	require.NoError(t, err)
	require.Equal(t, []stream.OffsetMeta{{Offset: -1}, {Offset: 6, Metadata: "y"}, {Offset: 1}, {Offset: -1}}, got)
}
