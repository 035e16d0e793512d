package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Append writes records and returns when they are synced to disk. ErrFull when
// they do not fit, ErrTooLarge when one of them never will.
func (s *Spool) Append(recs []Record) error {
	var b []byte
	var err error
	for _, r := range recs {
		if b, err = appendFrame(b, r); err != nil {
			return err
		}
	}
	if len(b) == 0 {
		return nil
	}
	seg, end, err := s.write(b, recs)
	if err != nil {
		return err
	}
	return s.sync(seg, end)
}

// write puts frames behind each other; the records count from here on, but are
// read only once synced.
func (s *Spool) write(b []byte, recs []Record) (*segment, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, 0, ErrClosed
	}
	if s.bytes+int64(len(b)) > s.opt.MaxBytes {
		return nil, 0, fmt.Errorf("%d of %d bytes are taken: %w", s.bytes, s.opt.MaxBytes, ErrFull)
	}
	seg, err := s.open()
	if err != nil {
		return nil, 0, err
	}
	if _, err := seg.file.WriteAt(b, seg.size); err != nil {
		// What was written of it is cut off, or left behind in a file that is
		// not written to again: a reader passes over it.
		if seg.file.Truncate(seg.size) != nil {
			_ = seg.seal()
		}
		return nil, 0, fmt.Errorf("write spool: %w", errors.Join(ErrFull, err))
	}
	seg.size += int64(len(b))
	s.bytes += int64(len(b))
	for _, r := range recs {
		seg.add(r.Received)
	}
	return seg, seg.size, nil
}

// open is the segment to write to.
func (s *Spool) open() (*segment, error) {
	if n := len(s.segments); n > 0 {
		last := s.segments[n-1]
		if last.file != nil && last.size < s.opt.SegmentBytes {
			return last, nil
		}
	}
	seg := &segment{number: s.next, path: filepath.Join(s.opt.Dir, fmt.Sprintf("%012d.spool", s.next))}
	f, err := os.OpenFile(seg.path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("new spool file: %w", errors.Join(ErrFull, err))
	}
	if err := syncFolder(s.opt.Dir); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(seg.path))
	}
	s.next++
	seg.file = f
	s.segments = append(s.segments, seg)
	return seg, nil
}

// sync makes everything up to end safe. Whoever waits for the lock is usually
// served by the sync before.
func (s *Spool) sync(seg *segment, end int64) error {
	s.syncing.Lock()
	defer s.syncing.Unlock()
	s.mu.Lock()
	size, file, broken := seg.size, seg.file, seg.broken
	safe := seg.synced >= end
	s.mu.Unlock()
	if broken != nil {
		return broken
	}
	if safe {
		return nil
	}
	var err error
	if file == nil {
		err = ErrClosed
	} else {
		err = file.Sync()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		// Nothing that a failed sync covered may be relied upon. It stays to be
		// read, since it may be there after all; the next write takes a new file.
		seg.broken = fmt.Errorf("sync spool: %w", err)
		seg.synced = seg.size
		_ = seg.seal()
		s.signal()
		return seg.broken
	}
	seg.synced = max(seg.synced, size)
	if seg.size >= s.opt.SegmentBytes && seg.size == seg.synced {
		_ = seg.seal() // all of it is synced
	}
	s.signal()
	return nil
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync spool folder: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync spool folder: %w", err)
	}
	return nil
}
