package tagging

import (
	"context"
	"encoding/json"
	"fmt"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/schemas"
)

// In another life of Redis commits leave out more numbers than may have been under
// way of before, and entries of the outbox go on at the epoch, which is in
// microseconds and never the same twice, times more than one can write in one.
const (
	leapCommits    = 1 << 20
	entriesOfEpoch = 1 << 10
)

// outbox is what was committed and may not have been published.
func (o *owner) outbox(ctx context.Context) ([]outEntry, error) {
	stored, err := o.shard.Outbox(ctx)
	if err != nil {
		return nil, err
	}
	var entries []outEntry
	for _, b := range stored {
		some, err := unpack(b)
		if err != nil {
			return nil, err
		}
		entries = append(entries, some...)
		o.stored = append(o.stored, entries[len(entries)-1].Number)
	}
	return entries, nil
}

// used is the highest commit number of this shard in the log: that of its newest
// change or alert. A commit is stored before it is published, so a number above
// the stored one says that Redis came back with an older state.
func (o *owner) used(ctx context.Context) (int64, error) {
	var highest int64
	for _, topic := range []string{schemas.TopicChanges, schemas.TopicAlerts} {
		rec, ok, err := o.t.Stream.Last(ctx, topic, o.number)
		if err != nil {
			return 0, err
		}
		if !ok {
			continue
		}
		var order struct {
			event.Order `json:"order"`
		}
		if err := json.Unmarshal(rec.Value, &order); err != nil {
			return 0, fmt.Errorf("order of %s/%d at %d: %w", topic, o.number, rec.Offset, err)
		}
		if order.Generation == Generation {
			highest = max(highest, order.Commit)
		}
	}
	return highest, nil
}

// leap lets the numbers go on above all that may have been used before: Redis has
// been restarted or failed over, and may have come back with an older state. Then
// the log is read again from there and everything is made once more; a change with
// a used number would stand beside its former self, and neither would be the newer,
// and a record of the outbox with a used number would be taken for a repetition.
// What the outbox holds is published under its old numbers first.
func (o *owner) leap(ctx context.Context, entries []outEntry, run string) error {
	used, err := o.used(ctx)
	if err != nil {
		return err
	}
	if used > o.pos.Commit {
		o.log.Warn("Redis came back with an older state: the shard reads the log again from there",
			zap.Int64("commit", o.pos.Commit), zap.Int64("was_at", used), zap.Int64("offset", o.pos.Offset))
	}
	if err := o.out.publish(ctx, entries); err != nil {
		return err
	}
	to := o.pos
	to.Run = run
	to.Next = max(to.Next, to.Epoch*entriesOfEpoch)
	to.Out = to.Next
	leap := max(used-o.pos.Commit, 0) + leapCommits
	if err := o.shard.Commit(ctx, shard.Batch{Pos: to, Trim: int64(len(o.stored)), Leap: leap}); err != nil {
		return err
	}
	o.stored = nil
	o.pos = to
	o.pos.Commit += 1 + leap
	o.out.done.Store(o.pos.Next - 1)
	return nil
}
