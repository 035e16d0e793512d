package archive

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/tagwire/tagwire/libs/stream"
)

// intake holds what has been read of one topic and not yet been taken. Readers
// wait while it is full, so its memory is bounded however long ClickHouse is away.
type intake struct {
	max int // bytes

	mu    sync.Mutex
	parts map[int][]stream.Record
	bytes int
	first time.Time     // when the oldest of what is held came in
	came  chan struct{} // has room for one: something came
	freed chan struct{} // closed when there is room again
	turn  int           // whose partition is taken first
}

func newIntake(most int) *intake {
	return &intake{max: most, parts: map[int][]stream.Record{}, came: make(chan struct{}, 1), freed: make(chan struct{})}
}

// offer hands over what a reader has; it waits while the intake is full.
func (i *intake) offer(ctx context.Context, partition int, b stream.Batch, now time.Time) error {
	for {
		i.mu.Lock()
		if i.bytes < i.max || len(b.Records) == 0 {
			i.put(partition, b.Records, now)
			i.mu.Unlock()
			return nil
		}
		freed := i.freed
		i.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-freed:
		}
	}
}

func (i *intake) put(partition int, records []stream.Record, now time.Time) {
	if len(records) == 0 {
		return
	}
	if i.bytes == 0 {
		i.first = now
	}
	i.parts[partition] = append(i.parts[partition], records...)
	for _, r := range records {
		i.bytes += size(r)
	}
	select {
	case i.came <- struct{}{}:
	default: // the mark is there already
	}
}

// size is what a record costs to hold, never 0.
func size(r stream.Record) int { return len(r.Value) + 64 }

// held says how much waits, and since when.
func (i *intake) held() (bytes int, since time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.bytes, i.first
}

// oldest is the append time of the oldest record that waits, zero when none does.
func (i *intake) oldest() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	var out time.Time
	for _, list := range i.parts {
		if len(list) > 0 && (out.IsZero() || list[0].Time.Before(out)) {
			out = list[0].Time
		}
	}
	return out
}

// take cuts the next set: partition after partition, beginning at another one
// each time, until the limits are reached. Nil when nothing waits.
func (i *intake) take(topic string, e encoder, lim limits, now time.Time) *batch {
	i.mu.Lock()
	defer i.mu.Unlock()
	order := make([]int, 0, len(i.parts))
	for p, list := range i.parts {
		if len(list) > 0 {
			order = append(order, p)
		}
	}
	if len(order) == 0 {
		return nil
	}
	slices.Sort(order)
	i.turn++
	shift := i.turn % len(order)
	order = append(order[shift:], order[:shift]...)
	b := newBatch(topic)
	for _, p := range order {
		if !i.fill(b, p, e, lim) {
			break
		}
	}
	i.first = now
	close(i.freed)
	i.freed = make(chan struct{})
	return b
}

// fill takes what it can of a partition; false when the set is full.
func (i *intake) fill(b *batch, partition int, e encoder, lim limits) bool {
	list := i.parts[partition]
	if !b.open(partition, list[0].Offset) {
		return false
	}
	n := 0
	for n < len(list) && b.add(e, partition, list[n], &lim) {
		i.bytes -= size(list[n])
		n++
	}
	if n == 0 {
		b.close(list[0].Offset)
		return false
	}
	b.close(list[n-1].Offset + 1)
	i.parts[partition] = slices.Clone(list[n:]) // lets the taken records go
	return n == len(list)
}
