package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
)

const (
	ringSize   = 4096 // updates the feed keeps for followers that are a little behind
	feedBlock  = time.Second
	feedChunk  = 500
	retryAfter = 200 * time.Millisecond
)

// feed reads the logs of all partitions once for all followers: a follower
// costs memory here, not a connection to Redis.
type feed struct {
	ready chan struct{} // closed when the logs' ends are known

	mu    sync.Mutex
	at    vector // of the newest update in the ring
	ring  []feedItem
	first uint64 // sequence number of ring[0]
	more  chan struct{}
}

type feedItem struct {
	p     int
	id    streamID
	alert *Alert
}

func newFeed(partitions int) *feed {
	return &feed{ready: make(chan struct{}), at: make(vector, partitions), more: make(chan struct{})}
}

// Run reads the partitions' logs for all followers until ctx ends. It rides out
// Redis' absence. An Inbox has one Run; without it Follow waits.
func (b *Inbox) Run(ctx context.Context) error {
	for {
		err := b.feed.locate(ctx, b.rdb)
		if err == nil {
			break
		}
		b.log.Warn("read the ends of the inbox logs again", zap.Error(err))
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
	groups := [][]int{make([]int, b.partitions)}
	for p := range b.partitions {
		groups[0][p] = p
	}
	if _, cluster := b.rdb.(*redis.ClusterClient); cluster { // one command may not span slots
		groups = groups[:0]
		for p := range b.partitions {
			groups = append(groups, []int{p})
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, partitions := range groups {
		g.Go(func() error { return b.tail(ctx, partitions) })
	}
	return g.Wait()
}

// locate finds where the logs end now.
func (f *feed) locate(ctx context.Context, rdb redis.UniversalClient) error {
	pipe := rdb.Pipeline()
	last := make([]*redis.XMessageSliceCmd, len(f.at))
	for p := range f.at {
		last[p] = pipe.XRevRangeN(ctx, key(p, keyLog), "+", "-", 1)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("read the ends of the inbox logs: %w", err)
	}
	for p, cmd := range last {
		if msgs := cmd.Val(); len(msgs) > 0 {
			id, err := parseStreamID(msgs[0].ID)
			if err != nil {
				return err
			}
			f.at[p] = id
		}
	}
	close(f.ready)
	return nil
}

// tail feeds the ring with what comes to the logs of some partitions.
func (b *Inbox) tail(ctx context.Context, partitions []int) error {
	byKey := make(map[string]int, len(partitions))
	for _, p := range partitions {
		byKey[key(p, keyLog)] = p
	}
	for ctx.Err() == nil {
		streams := make([]string, 0, 2*len(partitions))
		for _, p := range partitions {
			streams = append(streams, key(p, keyLog))
		}
		for _, p := range partitions {
			streams = append(streams, b.feed.place(p).String())
		}
		res, err := b.rdb.XRead(ctx, &redis.XReadArgs{Streams: streams, Count: feedChunk, Block: feedBlock}).Result()
		if errors.Is(err, redis.Nil) { // nothing came
			continue
		}
		if err != nil {
			if ctx.Err() != nil {
				break
			}
			b.log.Warn("read the inbox logs again", zap.Error(err))
			if err := pause(ctx, retryAfter); err != nil {
				return err
			}
			continue
		}
		for _, s := range res {
			b.feed.add(b.readItems(byKey[s.Stream], s.Messages))
		}
	}
	return ctx.Err()
}

// readItems decodes entries of a log. One that cannot be read, such as one that
// a newer version wrote, is passed over: its item has no alert.
func (b *Inbox) readItems(p int, msgs []redis.XMessage) []feedItem {
	items := make([]feedItem, 0, len(msgs))
	for _, m := range msgs {
		id, err := parseStreamID(m.ID)
		if err != nil { // not an id that Redis gives
			b.log.Error("inbox update without an id", zap.Int("partition", p), zap.Error(err))
			continue
		}
		it := feedItem{p: p, id: id, alert: &Alert{}}
		text, _ := m.Values["a"].(string)
		if err := json.Unmarshal([]byte(text), it.alert); err != nil {
			b.log.Error("inbox update cannot be read", zap.Int("partition", p), zap.String("id", m.ID), zap.Error(err))
			it.alert = nil
		}
		items = append(items, it)
	}
	return items
}

func (f *feed) place(p int) streamID {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at[p]
}

func (f *feed) add(items []feedItem) {
	if len(items) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, it := range items {
		f.ring = append(f.ring, it)
		f.at[it.p] = it.id
	}
	if over := len(f.ring) - ringSize; over > 0 {
		f.ring = append(f.ring[:0:0], f.ring[over:]...)
		f.first += uint64(over)
	}
	close(f.more)
	f.more = make(chan struct{})
}

// now is the newest place, its sequence number, and a channel closed when more
// has come.
func (f *feed) now() (vector, uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append(vector(nil), f.at...), f.first + uint64(len(f.ring))
}

// from copies what the ring holds from a sequence number on; ok is false when
// the ring has left it behind.
func (f *feed) from(seq uint64) (items []feedItem, more <-chan struct{}, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if seq < f.first {
		return nil, nil, false
	}
	return append(items, f.ring[seq-f.first:]...), f.more, true
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
