package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"go.uber.org/zap"
)

// Timings of group membership: a dead member is noticed after 6 s, one that has
// left or come by the next heartbeat, which all members send at the same time.
const (
	heartbeatInterval = 200 * time.Millisecond
	sessionTimeout    = 6 * time.Second
	rebalanceTimeout  = 10 * time.Second
	joinBackoff       = 500 * time.Millisecond
)

// Generation is one membership of a consumer group: what it owns until its
// context ends.
type Generation struct {
	GroupID    string
	ID         int32
	MemberID   string
	Partitions map[string][]int // by topic
	client     *Client
}

// Owner serves one generation. It returns when its context has ended, never
// before: a return ends the whole generation, so it retries inside.
type Owner func(ctx context.Context, g *Generation)

// RunGroup joins a consumer group and gives each generation to the owner, one
// after the other, until ctx ends. The owner of a generation has returned
// before the next one starts.
func (c *Client) RunGroup(ctx context.Context, id string, topics []string, own Owner) error {
	dialer := &kafka.Dialer{DialFunc: c.cfg.Dial, TLS: c.cfg.TLS, SASLMechanism: c.cfg.SASL, Timeout: 10 * time.Second, ClientID: "tagwire"}
	for {
		group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
			ID: id, Brokers: c.cfg.Brokers, Topics: topics, Dialer: dialer,
			HeartbeatInterval: heartbeatInterval, SessionTimeout: sessionTimeout,
			RebalanceTimeout: rebalanceTimeout, JoinGroupBackoff: joinBackoff,
			StartOffset: kafka.FirstOffset, PartitionWatchInterval: time.Minute,
		})
		if err != nil {
			return fmt.Errorf("consumer group %s: %w", id, err)
		}
		err = c.generations(ctx, group, own)
		_ = group.Close() // its error is that of the generation it ended
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.log.Warn("consumer group left, joining again", zap.String("group", id), zapErr(err))
		if err := sleep(ctx, joinBackoff); err != nil {
			return err
		}
	}
}

func (c *Client) generations(ctx context.Context, group *kafka.ConsumerGroup, own Owner) error {
	// The caller's end closes the group, and that ends the generation. Were the
	// generation ended first, the member would join the next one before it left,
	// and the others would have to meet twice.
	stop := context.AfterFunc(ctx, func() { _ = group.Close() })
	defer stop()
	for {
		gen, err := group.Next(ctx)
		if errors.Is(err, kafka.ErrGroupClosed) || ctx.Err() != nil {
			return err
		}
		if err != nil {
			c.log.Warn("join consumer group", zapErr(err))
			continue // Next backs off by itself
		}
		g := &Generation{GroupID: gen.GroupID, ID: gen.ID, MemberID: gen.MemberID, Partitions: map[string][]int{}, client: c}
		for topic, parts := range gen.Assignments {
			for _, p := range parts {
				g.Partitions[topic] = append(g.Partitions[topic], p.ID)
			}
		}
		var done sync.WaitGroup
		done.Add(1)
		gen.Start(func(gctx context.Context) {
			defer done.Done()
			octx, cancel := context.WithCancel(gctx) // one of the library's own is dear to derive from
			defer cancel()
			own(octx, g)
		})
		done.Wait()
	}
}

// OffsetMeta is a committed offset with its metadata text.
type OffsetMeta struct {
	Offset   int64 // -1: none
	Metadata string
}

// Commit writes offsets with metadata for partitions of one topic, fenced by the
// generation: a member that is no longer in it gets an error.
func (g *Generation) Commit(ctx context.Context, topic string, offsets map[int]OffsetMeta) error {
	req := &kafka.OffsetCommitRequest{GroupID: g.GroupID, GenerationID: int(g.ID), MemberID: g.MemberID, Topics: map[string][]kafka.OffsetCommit{}}
	for p, o := range offsets {
		req.Topics[topic] = append(req.Topics[topic], kafka.OffsetCommit{Partition: p, Offset: o.Offset, Metadata: o.Metadata})
	}
	return g.client.commit(ctx, req)
}

// Owns asks the group whether this membership still lasts, by committing what
// stands for one of its partitions once more: that is fenced by the generation.
// (The answer to a heartbeat says it too, but kafka-go v0.4.51 reads the error of
// one from the wrong place, and so finds none.)
func (g *Generation) Owns(ctx context.Context, topic string, partition int) error {
	stands, err := g.client.Committed(ctx, g.GroupID, topic, partition+1)
	if err != nil {
		return err
	}
	at := stands[partition]
	at.Offset = max(at.Offset, 0) // none: the same as the beginning
	return g.Commit(ctx, topic, map[int]OffsetMeta{partition: at})
}

// Confirm waits until the group says that this membership still lasts, or ctx
// ends. An owner that was refused calls it before it takes a partition up again:
// who was asleep for longer than the session believes to be a member while others
// own its partitions, and nothing is taken back from them.
func (g *Generation) Confirm(ctx context.Context, topic string, partition int) {
	for backoff := joinBackoff; g.Owns(ctx, topic, partition) != nil; backoff = min(2*backoff, maxBackoff) {
		if sleep(ctx, backoff) != nil {
			return
		}
	}
}

func (c *Client) commit(ctx context.Context, req *kafka.OffsetCommitRequest) error {
	return coordinated(ctx, func() error { return c.commitOnce(ctx, req) })
}

func (c *Client) commitOnce(ctx context.Context, req *kafka.OffsetCommitRequest) error {
	res, err := c.kafka.OffsetCommit(ctx, req)
	if err != nil {
		return fmt.Errorf("commit offsets of group %s: %w", req.GroupID, err)
	}
	for topic, parts := range res.Topics {
		for _, p := range parts {
			if p.Error != nil { // 22, 25, 27 come per partition while err is nil
				return fmt.Errorf("commit offset of group %s for %s/%d: %w", req.GroupID, topic, p.Partition, p.Error)
			}
		}
	}
	return nil
}

// Committed reads a group's offsets and metadata of n partitions of a topic.
func (c *Client) Committed(ctx context.Context, group, topic string, n int) (out []OffsetMeta, err error) {
	err = coordinated(ctx, func() error {
		out, err = c.committedOnce(ctx, group, topic, n)
		return err
	})
	return out, err
}

func (c *Client) committedOnce(ctx context.Context, group, topic string, n int) ([]OffsetMeta, error) {
	req := &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: nil}}
	out := make([]OffsetMeta, n)
	for p := range n {
		req.Topics[topic] = append(req.Topics[topic], p)
		out[p].Offset = -1
	}
	res, err := c.kafka.OffsetFetch(ctx, req)
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return nil, fmt.Errorf("fetch offsets of group %s: %w", group, err)
	}
	for _, p := range res.Topics[topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("fetch offset of group %s for %s/%d: %w", group, topic, p.Partition, p.Error)
		}
		if p.Partition < n {
			out[p.Partition] = OffsetMeta{p.CommittedOffset, p.Metadata}
		}
	}
	return out, nil
}

// Note stores an offset for a group outside any membership: a mark that others
// read, such as how far a shard's state once was.
func (c *Client) Note(ctx context.Context, group, topic string, offsets map[int]OffsetMeta) error {
	req := &kafka.OffsetCommitRequest{GroupID: group, GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{}}
	for p, o := range offsets {
		req.Topics[topic] = append(req.Topics[topic], kafka.OffsetCommit{Partition: p, Offset: o.Offset, Metadata: o.Metadata})
	}
	return c.commit(ctx, req)
}

// coordinatorWait is how long a group's new coordinator may take to be found: after
// a broker has gone, and for the first group of all.
const coordinatorWait = 15 * time.Second

// coordinated asks again while a group's coordinator is on the move. What is asked
// may be asked twice: a commit is fenced by its generation.
func coordinated(ctx context.Context, ask func() error) error {
	for began, backoff := time.Now(), 50*time.Millisecond; ; backoff = min(2*backoff, maxBackoff) {
		err := ask()
		moving := errors.Is(err, kafka.NotCoordinatorForGroup) || errors.Is(err, kafka.GroupCoordinatorNotAvailable) || errors.Is(err, kafka.GroupLoadInProgress)
		if !moving || time.Since(began) > coordinatorWait || sleep(ctx, backoff) != nil {
			return err
		}
	}
}
