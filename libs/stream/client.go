package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/schemas"
)

// Config says where Kafka is.
type Config struct {
	Brokers []string
	TLS     *tls.Config                                                       // nil: plain
	SASL    sasl.Mechanism                                                    // nil: none
	Dial    func(ctx context.Context, network, addr string) (net.Conn, error) // nil: a net.Dialer; tests put a virtual network here
}

// Client talks to one Kafka. Safe for concurrent use; Close once.
type Client struct {
	cfg       Config
	log       *zap.Logger
	transport *kafka.Transport
	kafka     *kafka.Client
}

// ErrOffsetGone is the answer to a fetch outside the log: nothing resets by itself.
var ErrOffsetGone = errors.New("offset is outside the log")

// New makes a client; it dials on first use.
func New(cfg Config, log *zap.Logger) (*Client, error) {
	if len(cfg.Brokers) == 0 {
		return nil, errors.New("stream: Config.Brokers is empty")
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	t := &kafka.Transport{
		Dial: cfg.Dial, TLS: cfg.TLS, SASL: cfg.SASL,
		MetadataTTL: 5 * time.Second, IdleTimeout: 5 * time.Minute, ClientID: "tagwire",
	}
	return &Client{cfg: cfg, log: log, transport: t, kafka: &kafka.Client{Addr: kafka.TCP(cfg.Brokers...), Transport: t, Timeout: 30 * time.Second}}, nil
}

// Close drops the connections.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// NewWriter makes the collector's writer: each message is acknowledged by
// itself (acks=all) and the caller picks the partition.
func (c *Client) NewWriter(topic string, balance kafka.Balancer) *kafka.Writer {
	return &kafka.Writer{
		Addr: c.kafka.Addr, Topic: topic, Balancer: balance, Transport: c.transport,
		RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond, BatchSize: 1000, BatchBytes: 1 << 20,
		WriteTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, MaxAttempts: 1,
	}
}

// EnsureTopics creates what is missing of the catalogue and refuses a topic
// that has another number of partitions.
func (c *Client) EnsureTopics(ctx context.Context, topics []schemas.Topic) error {
	md, err := c.kafka.Metadata(ctx, &kafka.MetadataRequest{})
	if err != nil {
		return fmt.Errorf("kafka metadata: %w", err)
	}
	have := map[string]int{}
	for _, t := range md.Topics {
		have[t.Name] = len(t.Partitions)
	}
	replicas := min(3, len(md.Brokers))
	var create []kafka.TopicConfig
	for _, t := range topics {
		if n, ok := have[t.Name]; ok {
			if n != t.Partitions {
				return fmt.Errorf("topic %s has %d partitions, %d configured: partitions are never changed, see resharding", t.Name, n, t.Partitions)
			}
			continue
		}
		create = append(create, kafka.TopicConfig{Topic: t.Name, NumPartitions: t.Partitions, ReplicationFactor: replicas, ConfigEntries: entries(t, replicas)})
	}
	if len(create) == 0 {
		return nil
	}
	res, err := c.kafka.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: create})
	if err != nil {
		return fmt.Errorf("create topics: %w", err)
	}
	for name, e := range res.Errors {
		if e != nil && !errors.Is(e, kafka.TopicAlreadyExists) {
			return fmt.Errorf("create topic %s: %w", name, e)
		}
	}
	return nil
}

func entries(t schemas.Topic, replicas int) []kafka.ConfigEntry {
	e := []kafka.ConfigEntry{
		{ConfigName: "message.timestamp.type", ConfigValue: "LogAppendTime"},
		{ConfigName: "max.message.bytes", ConfigValue: strconv.Itoa(t.MaxMessages)},
	}
	if replicas >= 3 {
		e = append(e, kafka.ConfigEntry{ConfigName: "min.insync.replicas", ConfigValue: "2"})
	}
	if t.Compacted {
		return append(e, kafka.ConfigEntry{ConfigName: "cleanup.policy", ConfigValue: "compact"})
	}
	return append(e, kafka.ConfigEntry{ConfigName: "cleanup.policy", ConfigValue: "delete"},
		kafka.ConfigEntry{ConfigName: "retention.ms", ConfigValue: strconv.FormatInt(t.Retention.Milliseconds(), 10)})
}

// Partitions is how many partitions a topic has.
func (c *Client) Partitions(ctx context.Context, topic string) (int, error) {
	md, err := c.kafka.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return 0, fmt.Errorf("metadata of %s: %w", topic, err)
	}
	for _, t := range md.Topics {
		if t.Name == topic {
			return len(t.Partitions), t.Error
		}
	}
	return 0, fmt.Errorf("topic %s: %w", topic, kafka.UnknownTopicOrPartition)
}

// Range is the part of a partition that the log holds: [First, End).
type Range struct{ First, End int64 }

// Ranges are the offsets of all n partitions of a topic.
func (c *Client) Ranges(ctx context.Context, topic string, n int) ([]Range, error) {
	req := &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{}}
	for p := range n {
		req.Topics[topic] = append(req.Topics[topic], kafka.FirstOffsetOf(p), kafka.LastOffsetOf(p))
	}
	res, err := c.kafka.ListOffsets(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("list offsets of %s: %w", topic, err)
	}
	out := make([]Range, n)
	for _, p := range res.Topics[topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("list offsets of %s/%d: %w", topic, p.Partition, p.Error)
		}
		out[p.Partition] = Range{p.FirstOffset, p.LastOffset}
	}
	return out, nil
}

// Last is the newest record of a partition; ok is false of an empty one.
func (c *Client) Last(ctx context.Context, topic string, partition int) (rec Record, ok bool, err error) {
	res, err := c.kafka.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
		topic: {kafka.FirstOffsetOf(partition), kafka.LastOffsetOf(partition)},
	}})
	if err != nil {
		return rec, false, fmt.Errorf("list offsets of %s/%d: %w", topic, partition, err)
	}
	for _, p := range res.Topics[topic] {
		if p.Error != nil {
			return rec, false, fmt.Errorf("list offsets of %s/%d: %w", topic, partition, p.Error)
		}
		if p.FirstOffset >= p.LastOffset {
			continue
		}
		b, err := c.Fetch(ctx, topic, partition, p.LastOffset-1, time.Second)
		if err != nil {
			return rec, false, err
		}
		if len(b.Records) > 0 {
			return b.Records[len(b.Records)-1], true, nil
		}
	}
	return rec, false, nil
}

// Ends gives the end of each partition's log.
func (c *Client) Ends(ctx context.Context, topic string) ([]int64, error) {
	n, err := c.Partitions(ctx, topic)
	if err != nil {
		return nil, err
	}
	ranges, err := c.Ranges(ctx, topic, n)
	if err != nil {
		return nil, err
	}
	out := make([]int64, len(ranges))
	for i, r := range ranges {
		out[i] = r.End
	}
	return out, nil
}
