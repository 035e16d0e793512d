package ingest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/services/collector/ingest/spool"
)

// announcer tells the taggers by tw:spool:<collector> how old the oldest event
// in the spool is, so that stream time never passes it: no timer fires ahead of
// an event that was acknowledged before.
type announcer struct {
	redis redis.UniversalClient
	key   string
	spool *spool.Spool

	mu      sync.Mutex
	said    event.Time // what Redis holds; 0: nothing
	known   bool       // whether said is certain
	next    int64
	pending map[int64]event.Time // announced, not yet in the spool
}

const (
	announceWait  = 300 * time.Millisecond
	announceEvery = time.Second // says it again in case Redis has lost it
)

// before makes the announcement stand before an event is acknowledged; the
// caller calls done when the event is in the spool or will not be.
func (a *announcer) before(ctx context.Context, oldest event.Time) (done func(), err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := a.next
	a.next++
	a.pending[n] = oldest
	done = func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.pending, n)
	}
	return done, a.say(ctx, false)
}

// update says the oldest anew after some were sent, or takes it back.
func (a *announcer) update(ctx context.Context) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = a.say(ctx, true) // run says it again
}

// say writes what stands. An older announcement is left to stand until an
// update: it only holds stream time back a little longer.
func (a *announcer) say(ctx context.Context, anew bool) error {
	oldest := a.spool.Stats().Oldest
	for _, t := range a.pending {
		if oldest == 0 || t < oldest {
			oldest = t
		}
	}
	if a.known && (oldest == a.said || !anew && a.said != 0 && a.said <= oldest) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, announceWait)
	defer cancel()
	var err error
	if oldest == 0 {
		err = a.redis.Del(ctx, a.key).Err()
	} else {
		err = a.redis.Set(ctx, a.key, strconv.FormatInt(int64(oldest), 10), 0).Err()
	}
	if err != nil {
		a.known = false
		return fmt.Errorf("announce spooled events: %w", err)
	}
	a.said, a.known = oldest, true
	return nil
}

// run repeats what failed, and while something is spooled what may be lost.
func (a *announcer) run(ctx context.Context) error {
	t := time.NewTicker(announceEvery)
	defer t.Stop()
	for {
		a.mu.Lock()
		if a.said != 0 {
			a.known = false
		}
		_ = a.say(ctx, true) // again with the next tick
		a.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// spoolID names a spool folder for good: its announcement outlives the process.
func spoolID(dir string) (string, error) {
	path := filepath.Join(dir, "id")
	b, err := os.ReadFile(path)
	if id := strings.TrimSpace(string(b)); err == nil && id != "" {
		return id, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read spool id: %w", err)
	}
	var raw [6]byte
	_, _ = rand.Read(raw[:]) // never fails
	id := hex.EncodeToString(raw[:])
	if err := os.WriteFile(path, []byte(id+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write spool id: %w", err)
	}
	return id, nil
}

func byPartition(recs []spool.Record) map[int][]stream.Message {
	out := map[int][]stream.Message{}
	for _, r := range recs {
		out[r.Partition] = append(out[r.Partition], stream.Message{Key: r.Key, Value: r.Value, Headers: eventHeaders()})
	}
	return out
}
