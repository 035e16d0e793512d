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
//
// One goroutine talks to Redis, which may hang for longer than a sender waits;
// requests only wait for what it has said.
type announcer struct {
	redis redis.UniversalClient
	key   string
	spool *spool.Spool
	wake  chan struct{}

	mu      sync.Mutex
	said    event.Time    // what Redis holds; 0: nothing
	known   bool          // said is certain, and nothing else is on its way
	changed chan struct{} // closed when said or known has changed
	next    int64
	pending map[int64]event.Time // about to be in the spool
}

const (
	announceWait  = 300 * time.Millisecond
	announceEvery = time.Second // says it again in case Redis has lost it
)

var errUnannounced = errors.New("redis could not be told in time that events are spooled")

func newAnnouncer(rdb redis.UniversalClient, s *spool.Spool, id string) *announcer {
	return &announcer{
		redis: rdb, key: "tw:spool:" + id, spool: s, wake: make(chan struct{}, 1),
		changed: make(chan struct{}), pending: map[int64]event.Time{},
	}
}

// before makes the announcement stand before an event is acknowledged; the
// caller calls done when the event is in the spool or will not be.
func (a *announcer) before(ctx context.Context, oldest event.Time) (done func(), err error) {
	a.mu.Lock()
	n := a.next
	a.next++
	a.pending[n] = oldest
	a.mu.Unlock()
	done = func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.pending, n)
	}
	ctx, cancel := context.WithTimeout(ctx, announceWait)
	defer cancel()
	for {
		a.mu.Lock()
		stands, changed := a.known && a.said != 0 && a.said <= oldest, a.changed
		a.mu.Unlock()
		if stands {
			return done, nil
		}
		a.poke()
		select {
		case <-changed:
		case <-ctx.Done():
			return done, errUnannounced
		}
	}
}

// poke asks for the announcement to be brought up to date.
func (a *announcer) poke() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// run keeps the announcement true until ctx ends.
func (a *announcer) run(ctx context.Context) error {
	t := time.NewTicker(announceEvery)
	defer t.Stop()
	for {
		a.say(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-a.wake:
		case <-t.C:
			a.mu.Lock()
			a.known = a.known && a.said == 0
			a.mu.Unlock()
		}
	}
}

// say writes the oldest of all that waits, or takes the announcement back. While
// it is under way nothing counts as said: a later time must not be relied upon
// by one who was just added with an earlier.
func (a *announcer) say(ctx context.Context) {
	a.mu.Lock()
	oldest := a.spool.Stats().Oldest
	for _, t := range a.pending {
		if oldest == 0 || t < oldest {
			oldest = t
		}
	}
	if a.known && a.said == oldest {
		a.mu.Unlock()
		return
	}
	a.known = false
	a.mu.Unlock()
	var err error
	if oldest == 0 {
		err = a.redis.Del(ctx, a.key).Err()
	} else {
		err = a.redis.Set(ctx, a.key, strconv.FormatInt(int64(oldest), 10), 0).Err()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		a.said, a.known = oldest, true
		close(a.changed)
		a.changed = make(chan struct{})
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
