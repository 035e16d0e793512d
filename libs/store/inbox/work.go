package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store"
)

// Work is what waits in a partition besides new records.
type Work struct {
	Times    []string // alerts whose snooze or life is over
	Leaving  []string // closed alerts that leave
	Strays   []string // alerts that never came, with actions set aside
	Requests []Request
	Targets  []string // that may have a queue
}

// Request asks for a delivery to be sent again.
type Request struct {
	AlertID string     `json:"alert_id"`
	Channel string     `json:"channel,omitempty"` // empty: all dead ones
	At      event.Time `json:"at"`
}

const workLimit = 100

// Work reads what is due at now, at most some of each kind, and that the
// partition is still this writer's: store.ErrNotOwner or store.ErrLost otherwise.
func (w *Writer) Work(ctx context.Context, now event.Time) (Work, error) {
	pipe := w.rdb.Pipeline()
	epoch := pipe.HGet(ctx, key(w.p, keyPos), "epoch")
	due := pipe.ZRangeByScore(ctx, key(w.p, keyDue), &redis.ZRangeBy{Min: "-inf", Max: strconv.FormatInt(int64(now), 10), Count: workLimit})
	requests := pipe.LRange(ctx, key(w.p, keyRequests), 0, workLimit-1)
	targets := pipe.SMembers(ctx, key(w.p, keyTargets))
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return Work{}, fmt.Errorf("read what is due in inbox partition %d: %w", w.p, err)
	}
	switch epoch.Val() {
	case w.epoch:
	case "":
		return Work{}, fmt.Errorf("inbox partition %d: %w", w.p, store.ErrLost)
	default:
		return Work{}, fmt.Errorf("inbox partition %d: %w", w.p, store.ErrNotOwner)
	}
	work := Work{Targets: targets.Val()}
	for _, member := range due.Val() {
		switch what, id, _ := strings.Cut(member, ":"); what {
		case dueTime:
			work.Times = append(work.Times, id)
		case dueLeave:
			work.Leaving = append(work.Leaving, id)
		case dueAside:
			work.Strays = append(work.Strays, id)
		}
	}
	for _, text := range requests.Val() {
		var r Request
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			r = Request{} // names no alert: it is taken out with the others and does nothing
		}
		work.Requests = append(work.Requests, r)
	}
	return work, nil
}

// Queue reads the first deliveries of a target that are due at now, by alert id.
func (w *Writer) Queue(ctx context.Context, target string, now event.Time, limit int) ([]string, error) {
	ids, err := w.rdb.ZRangeByScore(ctx, key(w.p, keyQueue(target)), &redis.ZRangeBy{
		Min: "-inf", Max: strconv.FormatInt(int64(now), 10), Count: int64(limit),
	}).Result()
	if err != nil {
		return nil, fmt.Errorf("read queue %s of inbox partition %d: %w", target, w.p, err)
	}
	return ids, nil
}

// Waiting is how many deliveries stand in a target's queue.
func (w *Writer) Waiting(ctx context.Context, target string) (int64, error) {
	n, err := w.rdb.ZCard(ctx, key(w.p, keyQueue(target))).Result()
	if err != nil {
		return 0, fmt.Errorf("measure queue %s of inbox partition %d: %w", target, w.p, err)
	}
	return n, nil
}

// AsideCount is how many alerts have actions set aside.
func (w *Writer) AsideCount(ctx context.Context) (int64, error) {
	n, err := w.rdb.HLen(ctx, key(w.p, keyAside)).Result()
	if err != nil {
		return 0, fmt.Errorf("count actions set aside in inbox partition %d: %w", w.p, err)
	}
	return n, nil
}

// Outbox reads the oldest n records that wait to be published. It may be called
// beside the writer's own goroutine: it reads only.
func (w *Writer) Outbox(ctx context.Context, n int) ([]Outgoing, error) {
	texts, err := w.rdb.LRange(ctx, key(w.p, keyOut), 0, int64(n)-1).Result()
	if err != nil {
		return nil, fmt.Errorf("read outbox of inbox partition %d: %w", w.p, err)
	}
	out := make([]Outgoing, len(texts))
	for i, text := range texts {
		if err := json.Unmarshal([]byte(text), &out[i]); err != nil {
			return nil, fmt.Errorf("decode outgoing record of inbox partition %d: %w", w.p, err)
		}
	}
	return out, nil
}

// Elsewhere finds which other partition of n has an alert, -1 if none. An
// action follows its profile, which a merge may have moved to another shard.
func (w *Writer) Elsewhere(ctx context.Context, alertID string, n int) (int, error) {
	return where(ctx, w.rdb, alertID, n, w.p)
}

func where(ctx context.Context, rdb redis.UniversalClient, alertID string, n, except int) (int, error) {
	pipe := rdb.Pipeline()
	found := make([]*redis.IntCmd, n)
	for p := range n {
		found[p] = pipe.Exists(ctx, key(p, keyAlert(alertID)))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return -1, fmt.Errorf("look for alert %s: %w", alertID, err)
	}
	for p, cmd := range found {
		if p != except && cmd.Val() > 0 {
			return p, nil
		}
	}
	return -1, nil
}
