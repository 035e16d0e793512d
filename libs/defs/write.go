package defs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

// anyTries is how often a write that expects whatever stands begins anew.
const anyTries = 5

// Put writes the next version and returns when the store's own copy holds it.
// A secret field that is given as SecretMask keeps its value.
func (s *Store) Put(ctx context.Context, p Put) (Def, error) {
	return s.write(ctx, p, false)
}

// Delete writes a version that says the definition is gone; Body is not used.
// Created again, it goes on counting versions.
func (s *Store) Delete(ctx context.Context, p Put) (Def, error) {
	return s.write(ctx, p, true)
}

func (s *Store) write(ctx context.Context, p Put, deleted bool) (Def, error) {
	if err := acquire(ctx, s.writing); err != nil {
		return Def{}, fmt.Errorf("write %s %s: %w", p.Kind, p.ID, err)
	}
	defer release(s.writing)
	for try := 1; ; try++ {
		d, err := s.writeOnce(ctx, p, deleted)
		if !errors.Is(err, ErrConflict) || p.Expect != ExpectAny || try == anyTries {
			return d, err
		}
	}
}

func (s *Store) writeOnce(ctx context.Context, p Put, deleted bool) (Def, error) {
	current := s.latest(p.Kind, p.ID)
	rec := record{Author: p.Author, Time: event.At(s.opt.Now()), Deleted: deleted}
	if deleted {
		if err := checkName(p.Kind, p.ID); err != nil {
			return Def{}, err
		}
		if current.Version == 0 || current.Deleted {
			return Def{}, fmt.Errorf("delete %s %s: %w", p.Kind, p.ID, ErrNotFound)
		}
	} else {
		body, err := s.check(p, current)
		if err != nil {
			return Def{}, err
		}
		if rec.Body, err = s.sealSecrets(p.Kind, p.ID, body); err != nil {
			return Def{}, err
		}
	}
	stands := current.Version
	if current.Deleted && p.Expect == ExpectNone {
		stands = ExpectNone
	}
	if p.Expect != ExpectAny && p.Expect != stands {
		return Def{}, &ConflictError{p.Kind, p.ID, p.Expect, current}
	}
	return s.publish(ctx, p, current.Version+1, rec)
}

// publish writes a version and finds out by reading whether it is the valid one.
func (s *Store) publish(ctx context.Context, p Put, n int64, rec record) (Def, error) {
	// Each try has a key of its own: two bodies under one key would let compaction
	// decide which is valid.
	s.tries++
	key := recordKey{p.Kind, p.ID, n, s.writer + "." + strconv.Itoa(s.tries)}
	value, err := json.Marshal(rec)
	if err != nil {
		return Def{}, fmt.Errorf("encode %s %s: %w", p.Kind, p.ID, err)
	}
	if limit := maxValue(); len(value) > limit {
		return Def{}, invalid(p.Kind, p.ID, "", fmt.Sprintf("is %d bytes; at most %d fit", len(value), limit))
	}
	msg := stream.Message{Key: []byte(key.String()), Value: value}
	offset, err := s.opt.Stream.Publish(ctx, schemas.TopicDefs, 0, []stream.Message{msg})
	if err != nil {
		return Def{}, fmt.Errorf("write %s %s: %w", p.Kind, p.ID, err)
	}
	if err := s.readTo(ctx, offset); err != nil {
		return Def{}, fmt.Errorf("read back %s %s@%d: %w", p.Kind, p.ID, n, err)
	}
	s.mu.RLock()
	v, ok := s.state.at(p.Kind, p.ID, n)
	current := s.state.latest(p.Kind, p.ID)
	s.mu.RUnlock()
	if ok && v.writer == key.writer {
		return v.def, nil
	}
	if err := s.deleteLost(ctx, []recordKey{key}); err != nil {
		return Def{}, err
	}
	return Def{}, &ConflictError{p.Kind, p.ID, p.Expect, current}
}

// readTo returns when the copy holds everything up to an offset. It reads itself,
// or waits for Run to have read.
func (s *Store) readTo(ctx context.Context, offset int64) error {
	backoff := minBackoff
	for {
		if err := acquire(ctx, s.reading); err != nil {
			return err
		}
		done := s.next > offset
		var err error
		if !done {
			err = s.step(ctx)
			done = s.next > offset
		}
		release(s.reading)
		if done {
			return nil
		}
		if err == nil {
			continue
		}
		if sleep(ctx, backoff) != nil {
			return err
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

func (s *Store) deleteLost(ctx context.Context, keys []recordKey) error {
	if len(keys) == 0 {
		return nil
	}
	msgs := make([]stream.Message, len(keys))
	for i, k := range keys {
		msgs[i] = stream.Message{Key: []byte(k.String())} // no value: a tombstone
	}
	if _, err := s.opt.Stream.Publish(ctx, schemas.TopicDefs, 0, msgs); err != nil {
		return fmt.Errorf("delete %d records that came second: %w", len(keys), err)
	}
	return nil
}

func (s *Store) latest(kind, id string) Def {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.state.latest(kind, id)
}

// maxValue keeps a record below the size that the topic takes, with room for the
// key and the batch around it.
func maxValue() int { return 1<<20 - 4096 }
