package inbox

import (
	"context"
	"errors"
	"strconv"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

// Update is one step of the feed: an alert as it is from now on, or the word
// that updates were missed and lists must be read anew.
type Update struct {
	ID     string // where to resume behind this update
	Alert  *Alert // shared by all followers: not to be changed; nil with Resync
	Resync bool
}

// Follow sends the updates behind a resume id, or with an empty one those from
// now on, until ctx ends; then the channel is closed. An id that this inbox did
// not give out, or whose place the log has left behind, is answered by one
// Update with Resync; the feed goes on from now.
//
// A follower that reads slowly delays nobody: what it misses is read from
// Redis, or told as Resync when the log no longer has it.
//
// "Now" is where the feed stands at the call, or once [Inbox.Ready] is closed if
// it is not yet: at most a moment behind the log's end.
func (b *Inbox) Follow(ctx context.Context, after string) <-chan Update {
	out := make(chan Update, 16)
	f := &follower{Inbox: b, out: out}
	started := f.start()
	go func() { // ends with ctx, which the caller owns; it waits for the close of out
		defer close(out)
		if !started {
			select {
			case <-ctx.Done():
				return
			case <-b.feed.ready:
			}
			f.start()
		}
		f.run(ctx, after)
	}()
	return out
}

// Ready is closed when the feed runs.
func (b *Inbox) Ready() <-chan struct{} { return b.feed.ready }

type follower struct {
	*Inbox
	out chan<- Update
	at  vector // of the last update sent
	seq uint64 // of the feed: what to look at next
}

// start takes the feed's place, if it has one by now.
func (f *follower) start() bool {
	select {
	case <-f.feed.ready:
		f.at, f.seq = f.feed.now()
		return true
	default:
		return false
	}
}

func (f *follower) run(ctx context.Context, after string) {
	behind := false
	if after != "" {
		v, err := parseVector(after, f.partitions)
		if behind = err == nil; behind {
			f.at = v
		} else if !f.resync(ctx) {
			return
		}
	}
	for ctx.Err() == nil {
		if behind && !f.catchUp(ctx) {
			return
		}
		items, more, ok := f.feed.from(f.seq)
		if behind = !ok; behind {
			continue
		}
		f.seq += uint64(len(items))
		for _, it := range items {
			if !f.send(ctx, it) {
				return
			}
		}
		if len(items) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
		case <-more:
		}
	}
}

// send passes an update on unless it is behind what was sent: a resume id may
// be ahead of this process' feed.
func (f *follower) send(ctx context.Context, it feedItem) bool {
	if !f.at[it.p].less(it.id) {
		return true
	}
	f.at[it.p] = it.id
	if it.alert == nil {
		return true
	}
	return f.emit(ctx, Update{ID: f.at.String(), Alert: it.alert})
}

func (f *follower) resync(ctx context.Context) bool {
	f.at, f.seq = f.feed.now()
	return f.emit(ctx, Update{ID: f.at.String(), Resync: true})
}

func (f *follower) emit(ctx context.Context, u Update) bool {
	select {
	case <-ctx.Done():
		return false
	case f.out <- u:
		return true
	}
}

// catchUp reads from Redis what lies between the follower and the feed. The
// feed's place is taken first, so nothing falls between the two.
func (f *follower) catchUp(ctx context.Context) bool {
	_, f.seq = f.feed.now()
	for p := range f.at {
		for {
			gone, full, err := f.chunk(ctx, p)
			if gone {
				return f.resync(ctx)
			}
			if err != nil {
				if ctx.Err() != nil {
					return false
				}
				f.log.Warn("read missed inbox updates again", zap.Int("partition", p), zap.Error(err))
				if pause(ctx, retryAfter) != nil {
					return false
				}
				continue
			}
			if !full {
				break
			}
		}
	}
	return true
}

// chunk sends the next updates of a partition; full says that there may be more.
// That nothing was missed is asked behind the reading: the log may lose its
// oldest entries at any time.
func (f *follower) chunk(ctx context.Context, p int) (gone, full bool, err error) {
	msgs, err := f.rdb.XRangeN(ctx, key(p, keyLog), "("+f.at[p].String(), "+", feedChunk).Result()
	if err != nil {
		return false, false, err
	}
	if gone, err = f.gone(ctx, p); err != nil || gone {
		return gone, false, err
	}
	for _, it := range f.readItems(p, msgs) {
		if !f.send(ctx, it) {
			return false, false, ctx.Err()
		}
	}
	return false, len(msgs) == feedChunk, nil
}

// gone says that the log of a partition no longer has all that came behind the
// follower's place, or that the place is none of this log.
func (f *follower) gone(ctx context.Context, p int) (bool, error) {
	name := key(p, keyLog)
	pipe := f.rdb.Pipeline()
	logged := pipe.HGet(ctx, key(p, keyPos), "logged") // before the length, which an update in between then only raises
	length := pipe.XLen(ctx, name)
	oldest, newest := pipe.XRangeN(ctx, name, "-", "+", 1), pipe.XRevRangeN(ctx, name, "+", "-", 1)
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return false, err
	}
	if len(oldest.Val()) == 0 || len(newest.Val()) == 0 {
		return f.at[p] != streamID{}, nil
	}
	first, err := parseStreamID(oldest.Val()[0].ID)
	if err != nil {
		return false, err
	}
	last, err := parseStreamID(newest.Val()[0].ID)
	if err != nil {
		return false, err
	}
	if last.less(f.at[p]) {
		return true, nil
	}
	total, err := strconv.ParseInt(logged.Val(), 10, 64)
	trimmed := err != nil || total > length.Val()
	return trimmed && f.at[p].less(first), nil
}
