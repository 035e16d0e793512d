package streamtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/stream"
)

// owners see who owns what, and that no two own a partition at once.
type owners struct {
	topic  string
	mu     sync.Mutex
	held   map[int]string // partition → member
	newest map[string]*stream.Generation
	faults []string
}

// own is an owner that holds its partitions until its context ends.
func (o *owners) own(member string) stream.Owner {
	return func(ctx context.Context, g *stream.Generation) {
		mine := g.Partitions[o.topic]
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

// join runs a member with a client of its own; leave ends it and waits.
func (o *owners) join(t *testing.T, c *stream.Client, member string) (leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.RunGroup(ctx, o.topic, []string{o.topic}, o.own(member)) }()
	leave = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s ended: %v", member, err)
		}
	})
	t.Cleanup(leave)
	return leave
}

// become waits until members own as many partitions as they should.
func (o *owners) become(t *testing.T, want map[string]int) {
	t.Helper()
	require.Eventually(t, func() bool { return maps.Equal(want, o.owned()) }, patience, 10*time.Millisecond, "want %v", want)
}

// handOver: a member that joins, leaves or is cut off; who owns what, what an
// ended generation may still commit, and what the next owner finds.
func (k *contract) handOver(t *testing.T) {
	topic := k.topic(t, Shards)
	o := &owners{topic: topic, held: map[int]string{}, newest: map[string]*stream.Generation{}}
	leaveA := o.join(t, k.connect(t), "a")
	o.become(t, map[string]int{"a": Shards})
	alone := o.generation("a")
	require.NoError(t, alone.Commit(t.Context(), topic, map[int]stream.OffsetMeta{0: {Offset: 7, Metadata: "as a alone"}}))
	require.NoError(t, alone.Owns(t.Context(), topic, 0))

	leaveB := o.join(t, k.connect(t), "b")
	o.become(t, map[string]int{"a": Shards / 2, "b": Shards / 2})
	a, b := o.generation("a").Partitions[topic], o.generation("b").Partitions[topic]
	all := slices.Sorted(slices.Values(slices.Concat(a, b)))
	require.Equal(t, []int{0, 1, 2, 3}, all)

	require.Error(t, alone.Commit(t.Context(), topic, map[int]stream.OffsetMeta{0: {Offset: 1, Metadata: "late"}}), "a generation that has ended is fenced off")
	require.Error(t, alone.Owns(t.Context(), topic, 0), "and the group says so")
	require.NoError(t, o.generation("b").Commit(t.Context(), topic, map[int]stream.OffsetMeta{b[0]: {Offset: 9, Metadata: "of b"}}))
	stored, err := k.c.Committed(t.Context(), topic, topic, Shards)
	require.NoError(t, err)
	want := make([]stream.OffsetMeta, Shards)
	for p := range want {
		want[p].Offset = -1
	}
	want[0] = stream.OffsetMeta{Offset: 7, Metadata: "as a alone"}
	want[b[0]] = stream.OffsetMeta{Offset: 9, Metadata: "of b"}
	require.Equal(t, want, stored)
	require.NoError(t, o.generation("b").Owns(t.Context(), topic, b[0]))
	stored, err = k.c.Committed(t.Context(), topic, topic, Shards)
	require.NoError(t, err)
	require.Equal(t, want, stored, "asking changes nothing")

	before := o.generation("b").ID
	leaveA()
	o.become(t, map[string]int{"b": Shards})
	require.Equal(t, before+1, o.generation("b").ID, "who leaves does not take part once more before")
	leaveB()
	require.Empty(t, o.owned(), "who has left owns nothing")
	require.Empty(t, o.faults)
}

// metadataLength is what the archiver may keep with an offset: 64 ranges.
const metadataLength = 4000

func (k *contract) notes(t *testing.T) {
	topic := k.topic(t, 4)
	long := strings.Repeat("x", metadataLength)
	require.NoError(t, k.c.Note(t.Context(), topic, topic, map[int]stream.OffsetMeta{1: {Offset: 5, Metadata: "x"}}))
	require.NoError(t, k.c.Note(t.Context(), topic, topic, map[int]stream.OffsetMeta{1: {Offset: 6, Metadata: long}, 2: {Offset: 1}}))
	got, err := k.connect(t).Committed(t.Context(), topic, topic, 4)
	require.NoError(t, err)
	require.Equal(t, []stream.OffsetMeta{{Offset: -1}, {Offset: 6, Metadata: long}, {Offset: 1}, {Offset: -1}}, got)
}

// cable is a network that can be cut.
type cable struct {
	cut   atomic.Bool
	mu    sync.Mutex
	conns []net.Conn
}

func (c *cable) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if c.cut.Load() {
		return nil, errors.New("the cable is cut")
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns = append(c.conns, conn)
	return conn, nil
}

func (c *cable) sever() {
	c.cut.Store(true)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close() // that is the test
	}
}

// cutOff: a member that vanishes without leaving, as after a crash, loses its
// partitions to the other, and what it still would commit is refused.
func (k *contract) cutOff(t *testing.T) {
	topic := k.topic(t, Shards)
	o := &owners{topic: topic, held: map[int]string{}, newest: map[string]*stream.Generation{}}
	var line cable
	cfg := k.cfg
	cfg.Dial = line.dial
	far, err := stream.New(cfg, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(far.Close)
	o.join(t, k.connect(t), "near")
	o.join(t, far, "far")
	o.become(t, map[string]int{"near": Shards / 2, "far": Shards / 2})
	lost := o.generation("far")
	line.sever()
	o.become(t, map[string]int{"near": Shards})
	line.cut.Store(false)
	require.Error(t, lost.Commit(t.Context(), topic, map[int]stream.OffsetMeta{lost.Partitions[topic][0]: {Offset: 1}}))
	o.become(t, map[string]int{"near": Shards / 2, "far": Shards / 2})
}
