package defs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

const (
	readWait   = 500 * time.Millisecond
	minBackoff = 50 * time.Millisecond
	maxBackoff = 2 * time.Second
	// maxEmpty is how many fetches in a row bring nothing before the end counts as
	// reached. One alone may be a broker's throttling.
	maxEmpty = 4
)

// Options are the parts a store works with; Validate and Now may be left out.
type Options struct {
	Stream *stream.Client
	Master *seal.Master // opens and seals secrets
	Writer string       // names the writing process, for people; no "/"
	Log    *zap.Logger
	// Validate checks bodies of a kind beyond their shape, such as the text of
	// rules. Its errors are answered as ErrInvalid.
	Validate map[string]func(json.RawMessage) error
	Now      func() time.Time
}

// Store is the copy of all definitions. Safe for concurrent use.
type Store struct {
	opt    Options
	writer string

	mu      sync.RWMutex // guards state, changed
	state   *state
	changed chan struct{}

	reading chan struct{} // one reader of the topic at a time; guards next and lost
	next    int64
	lost    []recordKey // records that this process has to delete

	writing chan struct{} // one Put at a time; guards tries
	tries   int
}

// Open reads the topic to its end; while Kafka is away it waits, until ctx ends.
func Open(ctx context.Context, opt Options) (*Store, error) {
	switch {
	case opt.Stream == nil:
		return nil, errors.New("defs: Options.Stream is nil")
	case opt.Master == nil:
		return nil, errors.New("defs: Options.Master is nil")
	case opt.Log == nil:
		return nil, errors.New("defs: Options.Log is nil")
	case strings.Contains(opt.Writer, "/"):
		return nil, errors.New("defs: Options.Writer holds a /")
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	s := &Store{
		opt: opt, writer: opt.Writer + "." + hex.EncodeToString(b[:]), changed: make(chan struct{}),
		reading: make(chan struct{}, 1), writing: make(chan struct{}, 1),
	}
	for backoff := minBackoff; ; backoff = min(2*backoff, maxBackoff) {
		err := s.load(ctx)
		if err == nil {
			return s, nil
		}
		if backoff == maxBackoff {
			opt.Log.Warn("definitions are not at hand yet, reading again", zap.Error(err))
		}
		if sleep(ctx, backoff) != nil {
			return nil, fmt.Errorf("open definitions: %w", err)
		}
	}
}

// load reads the whole topic into a new state and puts it in place.
func (s *Store) load(ctx context.Context) error {
	ranges, err := s.opt.Stream.Ranges(ctx, schemas.TopicDefs, 1)
	if err != nil {
		return err
	}
	st, at, empty := newState(s.openSecrets), ranges[0].First, 0
	// Compaction may have removed the last records of all: then nothing comes.
	for at < ranges[0].End && empty < maxEmpty {
		b, err := s.opt.Stream.Fetch(ctx, schemas.TopicDefs, 0, at, readWait)
		if err != nil {
			return err
		}
		for _, r := range b.Records {
			if o := st.apply(r); o.err != nil {
				s.opt.Log.Warn("a definition is not fully readable", zap.ByteString("key", r.Key), zap.Error(o.err))
			}
		}
		if empty++; b.Next > at {
			at, empty = b.Next, 0
		}
	}
	s.next = max(at, ranges[0].End)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = st
	s.announce()
	return nil
}

// Run follows the topic until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	backoff := minBackoff
	for {
		if err := acquire(ctx, s.reading); err != nil {
			return err
		}
		err := s.step(ctx)
		lost := s.lost
		s.lost = nil
		release(s.reading)
		if err == nil {
			err = s.deleteLost(ctx, lost)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			backoff = minBackoff
			continue
		case backoff == maxBackoff:
			s.opt.Log.Warn("read definitions again", zap.Error(err))
		}
		if err := sleep(ctx, backoff); err != nil {
			return err
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

// step reads once from where the copy stands; the caller holds reading.
func (s *Store) step(ctx context.Context) error {
	b, err := s.opt.Stream.Fetch(ctx, schemas.TopicDefs, 0, s.next, readWait)
	if errors.Is(err, stream.ErrOffsetGone) {
		s.opt.Log.Error("the topic of definitions does not go on where it was read last, reading it whole", zap.Int64("offset", s.next))
		return s.load(ctx)
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := false
	for _, r := range b.Records {
		o := s.state.apply(r)
		if o.err != nil {
			s.opt.Log.Warn("a definition is not fully readable", zap.ByteString("key", r.Key), zap.Error(o.err))
		}
		// The winner deletes too: its own record may be in the log twice, and
		// compaction then keeps the later one, behind the loser's.
		if o.winner != "" && (s.own(o.winner) || s.own(o.lost.writer)) {
			s.lost = append(s.lost, o.lost)
		}
		changed = changed || o.changed
	}
	s.next = b.Next
	if changed {
		s.announce()
	}
	return nil
}

func (s *Store) own(writer string) bool { return strings.HasPrefix(writer, s.writer+".") }

// announce tells those who wait on Changed; the caller holds mu.
func (s *Store) announce() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Changed is closed at the next change; ask for it before reading.
func (s *Store) Changed() <-chan struct{} {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.changed
}

// Get is the version that stands; false if there is none or it is deleted.
func (s *Store) Get(kind, id string) (Def, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d := s.state.latest(kind, id)
	return d, d.Version > 0 && !d.Deleted
}

// List is all of a kind by id, without deleted ones.
func (s *Store) List(kind string) []Def {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.state.list(kind)
}

// At is one version, also of what is deleted since.
func (s *Store) At(kind, id string, version int64) (Def, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	v, ok := s.state.at(kind, id, version)
	return v.def, ok
}

// Versions are all versions, the oldest first, deletions among them.
func (s *Store) Versions(kind, id string) []Def {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h := s.state.byKind[kind][id]
	if h == nil {
		return nil
	}
	out := make([]Def, 0, len(h.versions))
	for v := range slices.Values(h.versions) {
		out = append(out, v.def)
	}
	return out
}

func acquire(ctx context.Context, c chan struct{}) error {
	select {
	case c <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func release(c chan struct{}) { <-c }

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
