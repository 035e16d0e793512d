package embedded

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/zap"
)

const (
	retainEvery  = 15 * time.Second
	defaultAge   = 7 * 24 * time.Hour
	defaultBytes = 16 << 20 // a partition; the whole log is read at the next start
)

// retain removes closed segments that are too old or too many, by the topic's retention.ms and retention.bytes, but
// never the last one (an empty partition would begin at offset 0 again after a restart) and never what a group that
// follows the partition has yet to consume. A partition that no group has committed on is kept whole.
func (b *broker) retain(ctx context.Context, now time.Time) error {
	topics, err := readTopics(b.dir)
	if err != nil {
		return err
	}
	groups, err := b.groups(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range topics {
		if !t.deletes() {
			continue
		}
		for p := range t.Partitions {
			errs = append(errs, b.retainPartition(t, p, groups, now))
		}
	}
	return errors.Join(errs...)
}

func (b *broker) retainPartition(t topic, partition int32, groups []*kfake.GroupInfo, now time.Time) error {
	parts, err := segments(partitionDir(b.dir, t.Name, partition))
	if err != nil {
		return err
	}
	wanted := expired(parts, t, now)
	if wanted == 0 {
		return nil
	}
	floor, holder := consumed(groups, t.Name, partition)
	keep := int64(-1)
	for _, s := range parts[:wanted+1] {
		if s.base <= floor {
			keep = s.base
		}
	}
	if keep < parts[wanted].base {
		b.log.Warn("the embedded Kafka keeps records beyond their retention because they have not been consumed",
			zap.String("topic", t.Name), zap.Int32("partition", partition), zap.String("group", holder))
	}
	if keep <= parts[0].base {
		return nil
	}
	if err := b.cluster.Load().DeleteRecords(t.Name, partition, keep); err != nil {
		return fmt.Errorf("remove old records of %s/%d: %w", t.Name, partition, err)
	}
	return nil
}

// expired says how many segments from the oldest on have outlived their age, or are more than the topic may hold.
func expired(parts []segment, t topic, now time.Time) int {
	age := time.Duration(t.number("retention.ms", defaultAge.Milliseconds())) * time.Millisecond
	limit := t.number("retention.bytes", defaultBytes)
	var total int64
	for _, s := range parts {
		total += s.size
	}
	n := 0
	for n < len(parts)-1 {
		old := age >= 0 && now.Sub(parts[n].written) >= age
		many := limit >= 0 && total-parts[n].size >= limit
		if !old && !many {
			break
		}
		total -= parts[n].size
		n++
	}
	return n
}

// consumed is the offset below which every group that follows the partition is done, and the group that is furthest
// behind. A group that is subscribed and has not committed there holds everything.
func consumed(groups []*kfake.GroupInfo, topic string, partition int32) (floor int64, holder string) {
	floor, holder = math.MaxInt64, "(none)"
	for _, g := range groups {
		at := int64(-1)
		if commit, ok := g.Commits[topic][partition]; ok {
			at = commit.Offset
		} else if !subscribed(g, topic) {
			continue
		}
		if at < floor {
			floor, holder = at, g.Group
		}
	}
	if floor == math.MaxInt64 {
		floor = -1
	}
	return floor, holder
}

func subscribed(g *kfake.GroupInfo, topic string) bool {
	return slices.ContainsFunc(g.Members, func(m kfake.GroupMember) bool { return slices.Contains(m.SubscribedTopics, topic) })
}

func (b *broker) groups(ctx context.Context) ([]*kfake.GroupInfo, error) {
	addr, err := net.ResolveTCPAddr("tcp", b.addr)
	if err != nil {
		return nil, fmt.Errorf("address of the embedded Kafka: %w", err)
	}
	client := kafka.Client{Addr: addr, Timeout: 10 * time.Second}
	resp, err := client.ListGroups(ctx, &kafka.ListGroupsRequest{})
	if err == nil {
		err = resp.Error
	}
	if err != nil {
		return nil, fmt.Errorf("list groups: %w", err)
	}
	var out []*kfake.GroupInfo
	for _, g := range resp.Groups {
		if info := b.cluster.Load().GroupInfo(g.GroupID); info != nil {
			out = append(out, info)
		}
	}
	return out, nil
}
