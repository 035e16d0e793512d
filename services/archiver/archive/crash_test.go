package archive

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/schemas"
)

func testLog() *zap.Logger { return zap.NewNop() }

// exact asks for what must hold however often archivers died: every record
// once, in rows as they lie on disk, without help from collapsing.
func (r *rig) exact(t *testing.T, events int) {
	t.Helper()
	require.Equal(t, events, r.count("SELECT count() FROM db.events"))
	require.Equal(t, events, r.count("SELECT count() FROM db.events_by_profile"))
	require.Equal(t, events, r.count("SELECT uniqExact(event_id) FROM db.events"))
	require.Equal(t, events, r.count("SELECT sum(hi - lo) FROM db.batches WHERE topic = 'events.1'"), "no range overlaps another")
}

// holdCommits lets n commits of offsets of events through and refuses the others.
func (r *rig) holdCommits(n int) (release func()) {
	var mu sync.Mutex
	r.kafka.Cluster.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		mu.Lock()
		defer mu.Unlock()
		commit, ok := req.(*kmsg.OffsetCommitRequest)
		if !ok || len(commit.Topics) == 0 || commit.Topics[0].Topic != schemas.TopicEvents {
			r.kafka.Cluster.KeepControl()
			return nil, nil, false
		}
		if n > 0 {
			n--
			r.kafka.Cluster.KeepControl()
			return nil, nil, false
		}
		r.kafka.Cluster.KeepControl()
		res := commit.ResponseKind().(*kmsg.OffsetCommitResponse)
		for _, t := range commit.Topics {
			rt := kmsg.NewOffsetCommitResponseTopic()
			rt.Topic = t.Topic
			for _, p := range t.Partitions {
				rp := kmsg.NewOffsetCommitResponseTopicPartition()
				rp.Partition, rp.ErrorCode = p.Partition, kerr.CoordinatorNotAvailable.Code
				rt.Partitions = append(rt.Partitions, rp)
			}
			res.Topics = append(res.Topics, rt)
		}
		return res, nil, true
	})
	return func() {
		mu.Lock()
		defer mu.Unlock()
		n = 1 << 30
	}
}

func TestAKillBetweenInsertAndCommitLeavesTheSameRows(t *testing.T) {
	r := newRig(t)
	release := r.holdCommits(1) // the set is frozen; its end is never committed
	stop := r.run(r.archiver(func(a *Archiver) { a.limits.records = 10 }))
	for p := range 4 {
		r.publishEvents(p, 0, 25)
	}
	require.Eventually(t, func() bool { return r.count("SELECT count() FROM db.batches WHERE topic = 'events.1'") > 0 }, patience, 10*time.Millisecond)
	stop()
	first := r.count("SELECT count() FROM db.events")
	require.Positive(t, first)
	release()
	r.run(r.archiver(func(a *Archiver) { a.limits.records = 7 })) // would cut otherwise, had the set not been frozen
	r.archived()
	r.exact(t, 100)
}

func TestASetThatIsHalfInsertedIsCompleted(t *testing.T) {
	r := newRig(t)
	for p := range 3 {
		r.publishEvents(p, 0, 10)
	}
	require.NoError(t, r.w.Migrate(t.Context(), nil))

	// An archiver that froze a set over three partitions and died behind the first insert.
	a := r.archiver(nil)
	o := &owner{a: a, topic: schemas.TopicEvents, log: testLog()}
	s := set{topic: schemas.TopicEvents, spans: []span{{1, 2, 9}, {0, 0, 4}, {2, 0, 10}}}
	b, err := o.read(t.Context(), s)
	require.NoError(t, err)
	ins := b.inserts()
	require.Equal(t, []string{tableEvents, tableBatches}, []string{ins[0].Table, ins[1].Table})
	require.NoError(t, r.w.Insert(t.Context(), ins[0]))
	offsets := map[int]stream.OffsetMeta{}
	for _, sp := range s.spans {
		offsets[sp.partition] = stream.OffsetMeta{Offset: sp.lo, Metadata: s.text()}
	}
	require.NoError(t, r.kafka.Note(t.Context(), Group, schemas.TopicEvents, offsets))

	r.run(a)
	r.archived()
	// offsets 0 and 1 of partition 1 stand before the committed offset: someone else's work
	r.exact(t, 28)
	require.Equal(t, 1, r.count("SELECT uniqExact(token) FROM db.batches WHERE topic = 'events.1' AND (partition, lo) IN ((1, 2), (0, 0), (2, 0))"), "the set was repeated as it was frozen")
}

func TestPartitionsChangeHandsAndNothingIsLostOrDoubled(t *testing.T) {
	r := newRig(t)
	small := func(a *Archiver) { a.limits.records = 40 }
	stopFirst := r.run(r.archiver(small))
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	total := 0
	publish := func(n int) {
		for p := range 4 {
			r.publishEvents(p, total, total+n)
		}
		total += n
	}
	publish(100)
	require.Eventually(t, func() bool { return r.count("SELECT count() FROM db.events") > 0 }, patience, 10*time.Millisecond)
	second := r.archiver(small)
	stopSecond := r.run(second) // the group rebalances under load
	publish(100)
	require.Eventually(t, func() bool { return second.owned() > 0 }, patience, 10*time.Millisecond, "the second has partitions")
	publish(100)
	stopFirst() // and again
	publish(100)
	third := r.run(r.archiver(small))
	publish(100)
	stopSecond()
	require.NoError(t, ctx.Err())
	r.archived()
	third()
	r.exact(t, 4*total)
}

// owned is how many topics the archiver works on.
func (a *Archiver) owned() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.owners)
}

func TestALogThatIsNotTheOldOneStopsTheRole(t *testing.T) {
	r := newRig(t)
	r.publishEvents(0, 0, 3)
	require.NoError(t, r.kafka.Note(t.Context(), Group, schemas.TopicEvents, map[int]stream.OffsetMeta{0: {Offset: 50}}))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := r.archiver(nil).Run(ctx)
	require.ErrorIs(t, err, errLog)
	require.ErrorContains(t, err, "events.1/0 at 50")
}

func TestMetadataOfAnUnknownFormStopsTheRole(t *testing.T) {
	r := newRig(t)
	require.NoError(t, r.kafka.Note(t.Context(), Group, schemas.TopicEvents, map[int]stream.OffsetMeta{0: {Offset: 0, Metadata: "9|from the future"}}))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.ErrorIs(t, r.archiver(nil).Run(ctx), errSet)
}

// wire is a connection to a part that can be cut and mended.
type wire struct {
	t      *testing.T
	target string
	addr   string
	mu     sync.Mutex
	cut    bool
	open   []net.Conn
}

func newWire(t *testing.T, target string) *wire {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &wire{t: t, target: target, addr: l.Addr().String()}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		w.set(true)
		wg.Wait()
	})
	wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", w.target)
			if err != nil || !w.keep(in, out) {
				_ = in.Close()
				continue
			}
			for _, pair := range [][2]net.Conn{{in, out}, {out, in}} {
				wg.Go(func() {
					_, _ = io.Copy(pair[0], pair[1])
					_ = pair[0].Close()
				})
			}
		}
	})
	return w
}

func (w *wire) keep(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = append(w.open, conns...)
	if w.cut {
		for _, c := range conns {
			_ = c.Close()
		}
	}
	return !w.cut
}

func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	if cut {
		for _, c := range w.open {
			_ = c.Close()
		}
		w.open = nil
	}
}

func TestClickHouseAwayMeansWaitingNotLosing(t *testing.T) {
	r := newRig(t)
	parts := embeddedtest.Start(t, embeddedtest.ClickHouse)
	line := newWire(t, parts.ClickHouseNative)
	w, err := warehouse.New(warehouse.Config{
		Addrs: []string{line.addr}, User: parts.ClickHouseUser, Password: parts.ClickHousePassword, Database: r.w.Database(), BIDatabase: r.w.BIDatabase(),
	}, testLog())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	a, err := New(Options{Stream: r.kafka.Connect(t), Warehouse: w, Log: testLog(), Metrics: prometheus.NewRegistry(), Linger: 20 * time.Millisecond})
	require.NoError(t, err)
	a.memory, a.limits.records = 20_000, 10

	line.set(true) // away from the start
	r.run(a)
	ok, _, detail := a.Check(t.Context())
	require.False(t, ok)
	require.NotEmpty(t, detail)
	line.set(false)
	r.publishEvents(0, 0, 50)
	r.archived()
	ok, _, _ = a.Check(t.Context())
	require.True(t, ok)

	line.set(true) // away while events come
	r.publishEvents(0, 50, 400)
	require.Eventually(t, func() bool { ok, lag, _ := a.Check(t.Context()); return !ok && lag > 0 }, patience, 10*time.Millisecond)
	line.set(false)
	r.archived()
	r.exact(t, 400)
	require.Eventually(t, func() bool { ok, lag, _ := a.Check(t.Context()); return ok && lag == 0 }, patience, 10*time.Millisecond)
}
