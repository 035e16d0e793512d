package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

const readBytes = 1 << 20

// Batch is a run of records, oldest first. Done marks it.
type Batch struct {
	Records []Record
	segment *segment
	end     int64
}

// Next waits for the oldest records that are not done. It gives the same ones
// again until Done. One goroutine reads.
func (s *Spool) Next(ctx context.Context) (Batch, error) {
	for {
		b, err := s.peek()
		if err != nil || len(b.Records) > 0 {
			return b, err
		}
		select {
		case <-ctx.Done():
			return Batch{}, ctx.Err()
		case <-s.more:
		}
	}
}

func (s *Spool) peek() (Batch, error) {
	for {
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			return Batch{}, ErrClosed
		}
		if len(s.segments) == 0 {
			s.mu.Unlock()
			return Batch{}, nil
		}
		seg := s.segments[0]
		from, to := seg.read, seg.synced
		growing := seg.file != nil && len(s.segments) == 1 || seg.synced < seg.size
		s.mu.Unlock()
		b, err := s.readFrom(seg, from, to)
		if err != nil || len(b.Records) > 0 {
			return b, err
		}
		if growing {
			return Batch{}, nil
		}
		if err := s.drop(seg); err != nil { // only damage is left in it
			return Batch{}, err
		}
	}
}

// readFrom reads the frames in [from, to) of a segment, about a megabyte.
func (s *Spool) readFrom(seg *segment, from, to int64) (Batch, error) {
	if from >= to {
		return Batch{}, nil
	}
	f, err := os.Open(seg.path)
	if err != nil {
		return Batch{}, fmt.Errorf("open spool file: %w", err)
	}
	defer func() { _ = f.Close() }()                   // read only
	for want := int64(readBytes); ; want = to - from { // the rest, where a record or damage is larger
		buf := make([]byte, min(want, to-from))
		if _, err := f.ReadAt(buf, from); err != nil && !errors.Is(err, io.EOF) {
			return Batch{}, fmt.Errorf("read spool file: %w", err)
		}
		b := s.frames(seg, buf, from)
		if len(b.Records) > 0 || int64(len(buf)) == to-from {
			return b, nil
		}
	}
}

func (s *Spool) frames(seg *segment, buf []byte, from int64) Batch {
	b := Batch{segment: seg, end: from}
	for {
		r, skipped, n, ok := nextFrame(buf)
		if !ok {
			return b
		}
		if skipped > 0 {
			s.mu.Lock()
			s.skipped += int64(skipped)
			s.mu.Unlock()
		}
		b.Records = append(b.Records, r)
		b.end += int64(skipped + n)
		buf = buf[skipped+n:]
	}
}

// Done says that a batch is where it should be. A file that is done is removed.
func (s *Spool) Done(b Batch) error {
	s.mu.Lock()
	seg := b.segment
	if seg == nil || len(s.segments) == 0 || s.segments[0] != seg {
		s.mu.Unlock()
		return nil
	}
	seg.read = b.end
	seg.count = max(0, seg.count-len(b.Records))
	finished := seg.count == 0 && seg.synced == seg.size
	s.mu.Unlock()
	if finished {
		return s.drop(seg)
	}
	return s.savePlace(place{seg.number, b.end})
}

// drop removes the oldest segment, unless something was written to it meanwhile.
func (s *Spool) drop(seg *segment) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.segments) == 0 || s.segments[0] != seg || seg.synced < seg.size || seg.count > 0 && seg.file != nil {
		return nil
	}
	_ = seg.seal() // nothing in it is needed any more
	if err := os.Remove(seg.path); err != nil {
		return fmt.Errorf("remove drained spool file: %w", err)
	}
	s.segments = s.segments[1:]
	s.bytes -= seg.size
	return s.savePlace(place{seg.number + 1, 0})
}
