package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/schemas"
)

// clients of the parts that change nothing: doctor must be able to look at parts
// that are not as they should be.
type clients struct {
	kafka     *kafka.Client
	transport *kafka.Transport
	redis     redis.UniversalClient
	warehouse *warehouse.Warehouse
}

func dial(cfg *config.Config) (*clients, error) {
	kafkaTLS, err := cfg.Kafka.TLS.Config()
	if err != nil {
		return nil, fmt.Errorf("tls to kafka: %w", err)
	}
	redisTLS, err := cfg.Redis.TLS.Config()
	if err != nil {
		return nil, fmt.Errorf("tls to redis: %w", err)
	}
	mech, err := mechanism(cfg.Kafka)
	if err != nil {
		return nil, fmt.Errorf("sasl to kafka: %w", err)
	}
	clickTLS, err := cfg.ClickHouse.TLS.Config()
	if err != nil {
		return nil, fmt.Errorf("tls to clickhouse: %w", err)
	}
	c := &clients{transport: &kafka.Transport{TLS: kafkaTLS, SASL: mech, DialTimeout: 5 * time.Second, ClientID: "tagwire-doctor"}}
	c.kafka = &kafka.Client{Addr: kafka.TCP(cfg.Kafka.Brokers...), Transport: c.transport, Timeout: 10 * time.Second}
	if c.redis, err = store.Connect(store.Config{
		Addrs: strings.Split(cfg.Redis.Addr, ","), SentinelMaster: cfg.Redis.SentinelMaster, Cluster: cfg.Redis.Cluster,
		Database: cfg.Redis.Database, SentinelUser: cfg.Redis.SentinelUser, SentinelPassword: cfg.Redis.SentinelPassword.Reveal(),
		User: cfg.Redis.User, Password: cfg.Redis.Password.Reveal(), TLS: redisTLS,
	}); err != nil {
		return nil, err
	}
	if c.warehouse, err = warehouse.New(warehouse.Config{
		Addrs: strings.Split(cfg.ClickHouse.Addr, ","), User: cfg.ClickHouse.User, Password: cfg.ClickHouse.Password.Reveal(),
		Database: cfg.ClickHouse.Database, Cluster: cfg.ClickHouse.Cluster, TLS: clickTLS,
	}, zap.NewNop()); err != nil {
		return nil, errors.Join(err, c.redis.Close())
	}
	return c, nil
}

func mechanism(k config.Kafka) (sasl.Mechanism, error) {
	switch k.SASL {
	case "plain":
		return plain.Mechanism{Username: k.User, Password: k.Password.Reveal()}, nil
	case "scram-sha-256":
		return scram.Mechanism(scram.SHA256, k.User, k.Password.Reveal())
	case "scram-sha-512":
		return scram.Mechanism(scram.SHA512, k.User, k.Password.Reveal())
	}
	return nil, nil
}

func (c *clients) close() {
	c.transport.CloseIdleConnections()
	_, _ = c.redis.Close(), c.warehouse.Close() // only read from
}

// kafka looks at what a topic may lose.
func (d *doctor) kafka(ctx context.Context, c *clients, embedded bool) {
	md, err := c.kafka.Metadata(ctx, &kafka.MetadataRequest{})
	if err != nil {
		d.add(levelError, "kafka", "没有答复："+err.Error(), "does not answer: "+err.Error())
		return
	}
	replicas, missing := 0, []string{}
	have := map[string]kafka.Topic{}
	for _, t := range md.Topics {
		have[t.Name] = t
	}
	names := []string{schemas.TopicRaw, schemas.TopicEvents, schemas.TopicChanges, schemas.TopicAlerts, schemas.TopicRejected, schemas.TopicDefs, schemas.TopicKeys}
	for _, name := range names {
		t, ok := have[name]
		if !ok {
			missing = append(missing, name)
			continue
		}
		for _, p := range t.Partitions {
			if replicas == 0 || len(p.Replicas) < replicas {
				replicas = len(p.Replicas)
			}
		}
	}
	if len(missing) > 0 {
		d.add(levelError, "kafka", "缺少主题 "+strings.Join(missing, ", "), "topics are missing: "+strings.Join(missing, ", "))
	}
	if embedded {
		d.add(levelOK, "kafka", "内嵌，每次写入都落盘；磁盘损坏时没有副本", "embedded, every write is synced; a broken disk has no replica")
		return
	}
	if replicas < 2 {
		d.add(levelWarn, "kafka", "只有一份副本：磁盘损坏会丢失最近已确认的事件", "one replica only: a disk that dies takes the newest acknowledged events with it")
	} else {
		d.add(levelOK, "kafka", fmt.Sprintf("%d 份副本", replicas), fmt.Sprintf("%d replicas", replicas))
	}
	d.kafkaSettings(ctx, c, names, md.Brokers)
}

func (d *doctor) kafkaSettings(ctx context.Context, c *clients, names []string, brokers []kafka.Broker) {
	req := &kafka.DescribeConfigsRequest{}
	for _, name := range names {
		req.Resources = append(req.Resources, kafka.DescribeConfigRequestResource{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: name, ConfigNames: []string{"min.insync.replicas", "unclean.leader.election.enable"},
		})
	}
	for _, b := range brokers {
		req.Resources = append(req.Resources, kafka.DescribeConfigRequestResource{
			ResourceType: kafka.ResourceTypeBroker, ResourceName: strconv.Itoa(b.ID), ConfigNames: []string{"offsets.retention.minutes"},
		})
	}
	res, err := c.kafka.DescribeConfigs(ctx, req)
	if err != nil {
		d.add(levelWarn, "kafka", "无法读取设置："+err.Error(), "its settings cannot be read: "+err.Error())
		return
	}
	weak := map[string]bool{}
	for _, r := range res.Resources {
		for _, e := range r.ConfigEntries {
			weak[weakness(e.ConfigName, e.ConfigValue)] = true
		}
	}
	for name, text := range weaknesses() {
		if weak[name] {
			d.add(levelWarn, "kafka", text[0], text[1])
		}
	}
}

const offsetsRetention = 365 * 24 * 60 // minutes

// weakness names a setting that is weaker than demanded; empty: it is not.
func weakness(name, value string) string {
	n, err := strconv.Atoi(value)
	switch {
	case name == "min.insync.replicas" && err == nil && n < 2,
		name == "unclean.leader.election.enable" && value == "true",
		name == "offsets.retention.minutes" && err == nil && n < offsetsRetention:
		return name
	}
	return ""
}

func weaknesses() map[string][2]string {
	return map[string][2]string{
		"min.insync.replicas":            {"min.insync.replicas 小于 2：只有一个副本确认过的事件可能丢失", "min.insync.replicas is below 2: events that one replica alone had acknowledged may be lost"},
		"unclean.leader.election.enable": {"允许落后的副本当选：已确认的事件可能丢失", "unclean leader election is on: acknowledged events may be lost when a lagging broker becomes leader"},
		"offsets.retention.minutes":      {"offsets.retention.minutes 短于一年：停得更久的角色会丢失位点", "offsets.retention.minutes is below a year: a role that was down for longer loses its position"},
	}
}
