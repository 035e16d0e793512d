package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// groupCommit holds each answer of the broker back until all that it may tell of is on disk: the acknowledgement of a
// record (G1), and also a record that is read, so that nobody works by what a power cut could take back. One round of
// syncs serves every answer that waits when it begins. The broker itself does one thing at a time; syncing within it
// would make each request wait for the syncs of all others.
type groupCommit struct {
	sync   func(touched) error // makes durable what the requests under way may have written
	failed func(error)         // told once, when a sync fails: what is on disk is unknown from then on

	mu      sync.Mutex
	under   map[*writing]struct{} // requests that may write and whose answer has not been given
	next    *round                // has not begun; who waits joins it
	running bool
	err     error
}

// touched is what requests may have written.
type touched struct {
	partitions map[string]struct{} // folders
	state      bool                // offsets, groups and producers
	everything bool
}

// writing is one request that may write, or all of a connection that get no answer.
type writing struct {
	partitions []string
	state      bool
	everything bool
	unanswered bool
	orphan     int // rounds since its connection was closed, when it was
}

type round struct {
	done chan struct{}
	err  error
}

func newGroupCommit(sync func(touched) error, failed func(error)) *groupCommit {
	return &groupCommit{sync: sync, failed: failed, under: map[*writing]struct{}{}}
}

// begin notes a request before the broker sees it.
func (g *groupCommit) begin(w *writing) {
	g.mu.Lock()
	g.under[w] = struct{}{}
	g.mu.Unlock()
}

// answer waits until everything written up to now is on disk. own is the request that the answer belongs to, nil when
// it wrote nothing: then there is nothing to wait for unless another request is under way.
func (g *groupCommit) answer(own *writing) error {
	g.mu.Lock()
	if g.err != nil || len(g.under) == 0 {
		defer g.mu.Unlock()
		return g.err
	}
	if g.next == nil {
		g.next = &round{done: make(chan struct{})}
	}
	r := g.next
	if !g.running {
		g.running = true
		g.mu.Unlock()
		g.lead()
	} else {
		g.mu.Unlock()
	}
	<-r.done
	if own != nil && r.err == nil {
		g.mu.Lock()
		delete(g.under, own)
		g.mu.Unlock()
	}
	return r.err
}

// lead runs one round; when more wait by then, the next is run beside the caller, whose answer need not wait for it.
// Such rounds end by themselves: each belongs to answers that are being given.
func (g *groupCommit) lead() {
	g.round()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next == nil {
		g.running = false
		return
	}
	go g.lead()
}

func (g *groupCommit) round() {
	g.mu.Lock()
	r := g.next
	g.next = nil
	t, sync := g.touched(), g.sync
	g.mu.Unlock()
	err := sync(t)
	g.mu.Lock()
	if err != nil && g.err == nil {
		g.err = fmt.Errorf("bring the log to disk: %w", err)
		g.failed(g.err)
	}
	r.err = g.err
	g.mu.Unlock()
	close(r.done)
}

// orphanRounds is how long a request whose connection has gone is reckoned with: the broker may only now be at it.
const orphanRounds = 1000

func (g *groupCommit) touched() touched {
	t := touched{partitions: map[string]struct{}{}}
	for w := range g.under {
		for _, p := range w.partitions {
			t.partitions[p] = struct{}{}
		}
		t.state = t.state || w.state
		t.everything = t.everything || w.everything
		if w.orphan > 0 {
			if w.orphan++; w.orphan > orphanRounds {
				delete(g.under, w)
			}
		}
	}
	return t
}

// add puts what another request may write to one that is under way.
func (g *groupCommit) add(to, w *writing) {
	g.mu.Lock()
	defer g.mu.Unlock()
	to.state, to.everything = to.state || w.state, to.everything || w.everything
	for _, p := range w.partitions {
		if !slices.Contains(to.partitions, p) {
			to.partitions = append(to.partitions, p)
		}
	}
}

// abandon keeps requests of a closed connection for a while.
func (g *groupCommit) abandon(ws ...*writing) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, w := range ws {
		w.orphan = 1
	}
}

// durableListener passes connections to the broker whose answers go through a groupCommit.
type durableListener struct {
	net.Listener
	commit    *groupCommit
	partition func(topic string, number int32) string
}

func (l durableListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &durableConn{Conn: c, listener: l, open: map[int32]*writing{}}, nil
}

// durableConn reads whole requests and hands them on; a response is one Write.
type durableConn struct {
	net.Conn
	listener durableListener
	frame    []byte // of the request that is being handed on
	rest     []byte // of it, not yet handed on

	mu     sync.Mutex
	open   map[int32]*writing // by correlation id
	silent *writing           // all that get no answer (acks=0), as long as the connection lasts
}

const (
	maxFrame  = 100 << 20
	keepFrame = 1 << 20 // a larger buffer is not kept
)

// Read hands on the bytes of one request after the other, each noted before.
func (c *durableConn) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		if err := c.request(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.rest)
	if c.rest = c.rest[n:]; len(c.rest) == 0 && cap(c.frame) > keepFrame {
		c.frame = nil
	}
	return n, nil
}

func (c *durableConn) request() error {
	var head [4]byte
	if _, err := io.ReadFull(c.Conn, head[:]); err != nil {
		return err
	}
	size := int(binary.BigEndian.Uint32(head[:]))
	if size < 8 || size > maxFrame {
		return fmt.Errorf("a request of %d bytes is none", size)
	}
	if cap(c.frame) < 4+size {
		c.frame = make([]byte, 4+size)
	}
	c.frame = c.frame[:4+size]
	copy(c.frame, head[:])
	if _, err := io.ReadFull(c.Conn, c.frame[4:]); err != nil {
		return err
	}
	c.rest = c.frame
	corr := int32(binary.BigEndian.Uint32(c.frame[8:]))
	if w := c.listener.writes(c.frame[4:]); w != nil {
		c.begin(corr, w)
	}
	return nil
}

// begin notes a request until its answer. Those without one are kept together: nobody says when the broker is done with
// them, and there may be any number.
func (c *durableConn) begin(corr int32, w *writing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !w.unanswered:
		c.open[corr] = w
	case c.silent == nil:
		c.silent = w
	default:
		c.listener.commit.add(c.silent, w)
		return
	}
	c.listener.commit.begin(w)
}

// Write gives an answer once what it tells of is on disk.
func (c *durableConn) Write(p []byte) (int, error) {
	if len(p) < 8 {
		return 0, errors.New("an answer begins with its size and its correlation id")
	}
	corr := int32(binary.BigEndian.Uint32(p[4:]))
	c.mu.Lock()
	own := c.open[corr]
	c.mu.Unlock()
	if err := c.listener.commit.answer(own); err != nil {
		return 0, err
	}
	if own != nil {
		c.mu.Lock()
		delete(c.open, corr)
		c.mu.Unlock()
	}
	return c.Conn.Write(p)
}

// Close leaves what is under way to be synced for a while longer.
func (c *durableConn) Close() error {
	c.mu.Lock()
	c.listener.commit.abandon(slices.Collect(maps.Values(c.open))...)
	if c.silent != nil {
		c.listener.commit.abandon(c.silent)
	}
	c.open, c.silent = map[int32]*writing{}, nil
	c.mu.Unlock()
	return c.Conn.Close()
}

// writes says what a request may write; nil for one that only reads.
func (l durableListener) writes(body []byte) *writing {
	reader := kbin.Reader{Src: body}
	key, version := reader.Int16(), reader.Int16()
	switch kmsg.Key(key) {
	case kmsg.Fetch, kmsg.ListOffsets, kmsg.Metadata, kmsg.OffsetFetch, kmsg.FindCoordinator, kmsg.Heartbeat,
		kmsg.DescribeGroups, kmsg.ListGroups, kmsg.SASLHandshake, kmsg.SASLAuthenticate, kmsg.ApiVersions,
		kmsg.OffsetForLeaderEpoch, kmsg.DescribeConfigs, kmsg.DescribeCluster:
		return nil
	case kmsg.OffsetCommit, kmsg.JoinGroup, kmsg.SyncGroup, kmsg.LeaveGroup:
		return &writing{state: true}
	case kmsg.Produce:
		reader.Int32() // correlation id
		reader.NullableString()
		req := kmsg.NewPtrProduceRequest()
		if req.SetVersion(version); req.IsFlexible() {
			kmsg.SkipTags(&reader)
		}
		if reader.Ok() && version <= 12 && req.ReadFrom(reader.Src) == nil { // from 13 on topics are named by ids
			w := &writing{state: req.TransactionID != nil, unanswered: req.Acks == 0}
			for _, t := range req.Topics {
				for _, p := range t.Partitions {
					w.partitions = append(w.partitions, l.partition(t.Topic, p.Partition))
				}
			}
			return w
		}
	}
	return &writing{state: true, everything: true}
}
