package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/tagwire/tagwire/libs/event"
)

// Errors of appending.
var (
	ErrFull     = errors.New("the spool is full")
	ErrTooLarge = errors.New("the record is too large for the spool")
	ErrInUse    = errors.New("the spool folder is used by another process")
	ErrClosed   = errors.New("the spool is closed")
)

// Options of a spool. MaxBytes bounds the folder.
type Options struct {
	Dir          string
	MaxBytes     int64
	SegmentBytes int64 // 0: a sixteenth of MaxBytes, at most 8 MB
}

// Spool is an open folder. Safe for concurrent use; one goroutine reads.
type Spool struct {
	opt  Options
	lock *os.File
	more chan struct{} // holds a token when records may be there

	mu       sync.Mutex
	closed   bool
	segments []*segment // oldest first; the last may be open for writing
	next     int64      // number of the next segment
	bytes    int64
	skipped  int64 // damaged bytes passed over

	syncing sync.Mutex // one sync serves all who wrote before it
}

// segment is one file of frames.
type segment struct {
	number int64
	path   string
	file   *os.File // nil: not open for writing
	size   int64    // written
	synced int64    // safe; only this much is read
	broken error    // a sync failed: nobody may be told that his write is safe
	read   int64    // done
	count  int      // records not done
	oldest event.Time
}

// Open locks the folder, finds what an earlier run left and never writes to its
// files again: a torn end stays where it is.
func Open(opt Options) (*Spool, error) {
	if opt.SegmentBytes == 0 {
		opt.SegmentBytes = min(8<<20, max(1, opt.MaxBytes/16))
	}
	if err := os.MkdirAll(opt.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make spool folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(opt.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open spool lock: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("%s: %w", opt.Dir, ErrInUse)
	}
	s := &Spool{opt: opt, lock: lock, more: make(chan struct{}, 1)}
	if err := s.load(); err != nil {
		_ = lock.Close()
		return nil, err
	}
	s.signal()
	return s, nil
}

func (s *Spool) load() error {
	names, err := filepath.Glob(filepath.Join(s.opt.Dir, "*.spool"))
	if err != nil {
		return fmt.Errorf("list spool: %w", err)
	}
	done := s.loadPlace()
	s.next = max(1, done.number) // never a number that counts as drained
	if done.offset > 0 {
		s.next++
	}
	for _, name := range names {
		number, err := strconv.ParseInt(strings.TrimSuffix(filepath.Base(name), ".spool"), 10, 64)
		if err != nil {
			continue // not ours
		}
		s.next = max(s.next, number+1)
		seg := &segment{number: number, path: name}
		switch {
		case number < done.number:
			if err := os.Remove(name); err != nil {
				return fmt.Errorf("remove drained spool file: %w", err)
			}
			continue
		case number == done.number:
			seg.read = done.offset
		}
		if err := s.scan(seg); err != nil {
			return err
		}
		s.segments = append(s.segments, seg)
		s.bytes += seg.size
	}
	slices.SortFunc(s.segments, func(a, b *segment) int { return int(a.number - b.number) })
	return nil
}

// scan counts a segment's records and finds their oldest.
func (s *Spool) scan(seg *segment) error {
	b, err := os.ReadFile(seg.path)
	if err != nil {
		return fmt.Errorf("read spool file: %w", err)
	}
	seg.size, seg.synced = int64(len(b)), int64(len(b))
	seg.read = min(seg.read, seg.size)
	for rest := b[seg.read:]; ; {
		r, skipped, n, ok := nextFrame(rest)
		if !ok {
			return nil
		}
		seg.add(r.Received)
		rest = rest[skipped+n:]
	}
}

func (g *segment) add(received event.Time) {
	if g.count == 0 || received < g.oldest {
		g.oldest = received
	}
	g.count++
}

// Stats is what a spool holds. Oldest is not later than the receipt of any
// record that is not done; zero when there is none.
type Stats struct {
	Records int
	Bytes   int64
	Skipped int64
	Oldest  event.Time
}

// Stats counts.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{Bytes: s.bytes, Skipped: s.skipped}
	for _, g := range s.segments {
		st.Records += g.count
		if g.count > 0 && (st.Oldest == 0 || g.oldest < st.Oldest) {
			st.Oldest = g.oldest
		}
	}
	return st
}

// Empty says that nothing waits.
func (s *Spool) Empty() bool { return s.Stats().Records == 0 }

// Close closes the files; what waits stays.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var errs []error
	for _, g := range s.segments {
		errs = append(errs, g.seal())
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

func (g *segment) seal() error {
	if g.file == nil {
		return nil
	}
	f := g.file
	g.file = nil
	return f.Close()
}

func (s *Spool) signal() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

func (s *Spool) placeFile() string { return filepath.Join(s.opt.Dir, "place") }

// place is how far all is done.
type place struct{ number, offset int64 }

func (s *Spool) loadPlace() place {
	b, err := os.ReadFile(s.placeFile())
	if err != nil {
		return place{} // the first run, or an unreadable one: records come again
	}
	var p place
	if _, err := fmt.Sscanf(string(b), "%d %d\n", &p.number, &p.offset); err != nil || p.offset < 0 || p.number < 0 || p.number > 1<<50 {
		return place{}
	}
	return p
}

func (s *Spool) savePlace(p place) error {
	tmp := s.placeFile() + ".new"
	if err := os.WriteFile(tmp, fmt.Appendf(nil, "%d %d\n", p.number, p.offset), 0o600); err != nil {
		return fmt.Errorf("write spool place: %w", err)
	}
	if err := os.Rename(tmp, s.placeFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write spool place: %w", err)
	}
	return nil
}
