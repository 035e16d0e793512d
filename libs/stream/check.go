package stream

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/schemas"
)

// offsetsTopic is where Kafka keeps the positions of groups.
const offsetsTopic = "__consumer_offsets"

// offsetsRetention is what brokers are asked for at least, in minutes.
const offsetsRetention = 365 * 24 * 60

// Missing are the topics of the catalogue that Kafka does not have.
func (c *Client) Missing(ctx context.Context, topics []schemas.Topic) ([]string, error) {
	md, err := c.kafka.Metadata(ctx, &kafka.MetadataRequest{})
	if err != nil {
		return nil, fmt.Errorf("kafka metadata: %w", err)
	}
	var out []string
	for _, t := range topics {
		if !slices.ContainsFunc(md.Topics, func(have kafka.Topic) bool { return have.Name == t.Name && have.Error == nil }) {
			out = append(out, t.Name)
		}
	}
	return out, nil
}

// Weaknesses are the settings of topics and brokers that are weaker than
// demanded, or other than configured, each with what it may lose and its cure.
// Nothing is changed. Topics that are missing are left out.
func (c *Client) Weaknesses(ctx context.Context, topics []schemas.Topic) ([]telemetry.Words, error) {
	md, err := c.kafka.Metadata(ctx, &kafka.MetadataRequest{})
	if err != nil {
		return nil, fmt.Errorf("kafka metadata: %w", err)
	}
	w := &weaknesses{
		at: strings.Join(c.cfg.Brokers, ","), replicas: map[string]int{}, topics: map[string]schemas.Topic{},
		short: map[time.Duration][]string{}, long: map[time.Duration][]string{},
	}
	for _, t := range md.Topics {
		for _, p := range t.Partitions {
			if n, seen := w.replicas[t.Name]; !seen || len(p.Replicas) < n {
				w.replicas[t.Name] = len(p.Replicas)
			}
		}
	}
	for _, t := range topics {
		if w.replicas[t.Name] > 0 {
			w.topics[t.Name] = t
		}
	}
	w.copies(len(md.Brokers))
	res, err := c.kafka.DescribeConfigs(ctx, describe(w.topics, md.Brokers))
	if err != nil {
		return nil, fmt.Errorf("read the settings of kafka: %w", err)
	}
	for _, r := range res.Resources {
		if r.Error != nil {
			return nil, fmt.Errorf("read the settings of %s: %w", r.ResourceName, r.Error)
		}
		for _, e := range r.ConfigEntries {
			if kafka.ResourceType(r.ResourceType) == kafka.ResourceTypeBroker {
				w.broker(e.ConfigName, e.ConfigValue)
			} else {
				w.topic(r.ResourceName, e.ConfigName, e.ConfigValue)
			}
		}
	}
	return w.words(), nil
}

func describe(topics map[string]schemas.Topic, brokers []kafka.Broker) *kafka.DescribeConfigsRequest {
	req := &kafka.DescribeConfigsRequest{}
	for name := range topics {
		req.Resources = append(req.Resources, kafka.DescribeConfigRequestResource{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: name,
			ConfigNames: []string{"min.insync.replicas", "unclean.leader.election.enable", "cleanup.policy", "retention.ms", "message.timestamp.type"},
		})
	}
	for _, b := range brokers {
		req.Resources = append(req.Resources, kafka.DescribeConfigRequestResource{
			ResourceType: kafka.ResourceTypeBroker, ResourceName: strconv.Itoa(b.ID), ConfigNames: []string{"offsets.retention.minutes"},
		})
	}
	return req
}

// weaknesses gathers the topics of each kind of weakness.
type weaknesses struct {
	at       string
	replicas map[string]int
	topics   map[string]schemas.Topic

	few, insync, unclean, policy, clock []string
	fewOffsets, brokers                 string                     // how few; the retention of positions
	short, long                         map[time.Duration][]string // by the retention they should have
}

func (w *weaknesses) copies(brokers int) {
	for name := range w.topics {
		if w.replicas[name] < 2 {
			w.few = append(w.few, name)
		}
	}
	if n := w.replicas[offsetsTopic]; n > 0 && n < min(3, brokers) {
		w.fewOffsets = strconv.Itoa(n)
	}
}

func (w *weaknesses) broker(name, value string) {
	if n, err := strconv.Atoi(value); name == "offsets.retention.minutes" && err == nil && n < offsetsRetention {
		w.brokers = value
	}
}

func (w *weaknesses) topic(topic, name, value string) {
	want := w.topics[topic]
	switch name {
	case "min.insync.replicas":
		// With one replica it can only be 1; that there is one is said already.
		if n, err := strconv.Atoi(value); err == nil && n < 2 && w.replicas[topic] > 1 {
			w.insync = append(w.insync, topic)
		}
	case "unclean.leader.election.enable":
		if value == "true" {
			w.unclean = append(w.unclean, topic)
		}
	case "cleanup.policy":
		if (value == "compact") != want.Compacted {
			w.policy = append(w.policy, topic)
		}
	case "message.timestamp.type":
		if value != "LogAppendTime" {
			w.clock = append(w.clock, topic)
		}
	case "retention.ms":
		w.keeps(topic, value, want)
	}
}

func (w *weaknesses) keeps(topic, value string, want schemas.Topic) {
	ms, err := strconv.ParseInt(value, 10, 64)
	if err != nil || want.Compacted || ms == want.Retention.Milliseconds() {
		return
	}
	list := w.long
	if ms >= 0 && ms < want.Retention.Milliseconds() {
		list = w.short
	}
	list[want.Retention] = append(list[want.Retention], topic)
}

// alter is the command that sets topics right.
func (w *weaknesses) alter(topics []string, setting string) string {
	return fmt.Sprintf("kafka-configs.sh --bootstrap-server %s --alter --entity-type topics --entity-name %s --add-config %s", w.at, strings.Join(topics, "|"), setting)
}

func (w *weaknesses) words() []telemetry.Words {
	var out []telemetry.Words
	say := func(topics []string, zh, en, setting string) {
		if len(topics) == 0 {
			return
		}
		slices.Sort(topics)
		of, cure := strings.Join(topics, ", "), w.alter(topics, setting)
		out = append(out, telemetry.Words{
			Zh: fmt.Sprintf("Kafka：%s（主题 %s）。对每个主题执行：%s", zh, of, cure), En: fmt.Sprintf("Kafka: %s (topics %s). For each topic run: %s", en, of, cure),
		})
	}
	if len(w.few) > 0 {
		slices.Sort(w.few)
		of := strings.Join(w.few, ", ")
		out = append(out, telemetry.Words{
			Zh: "Kafka：只有一份副本，磁盘损坏会丢失最近已确认的事件（主题 " + of + "）。请运行三个 broker，用 kafka-reassign-partitions.sh 把副本数改为 3，再把 min.insync.replicas 设为 2",
			En: "Kafka: one replica only, a disk that dies takes the newest acknowledged events with it (topics " + of + "). Run three brokers, give the topics 3 replicas by kafka-reassign-partitions.sh, then set min.insync.replicas=2",
		})
	}
	if w.fewOffsets != "" {
		out = append(out, telemetry.Words{
			Zh: "Kafka：" + offsetsTopic + " 只有 " + w.fewOffsets + " 份副本，broker 损坏会丢失归档与通知的位点。请设置 offsets.topic.replication.factor=3，并用 kafka-reassign-partitions.sh 补足副本",
			En: "Kafka: " + offsetsTopic + " has " + w.fewOffsets + " replica(s) only, a broker that dies takes the positions of archiver and notifier with it. Set offsets.topic.replication.factor=3 and add replicas by kafka-reassign-partitions.sh",
		})
	}
	say(w.insync, "min.insync.replicas 小于 2，只有一个副本确认过的事件可能丢失", "min.insync.replicas is below 2, events that one replica alone had acknowledged may be lost", "min.insync.replicas=2")
	say(w.unclean, "unclean.leader.election.enable 为 true，落后的副本当选会丢失已确认的事件", "unclean.leader.election.enable is true, acknowledged events are lost when a lagging broker becomes leader", "unclean.leader.election.enable=false")
	say(w.policy, "cleanup.policy 与要求不同，定义或事件会被清理掉", "cleanup.policy is not as demanded, definitions or events are cleaned away", "cleanup.policy="+w.wantedPolicy())
	say(w.clock, "message.timestamp.type 不是 LogAppendTime，流时间不可靠", "message.timestamp.type is not LogAppendTime, stream time cannot be relied on", "message.timestamp.type=LogAppendTime")
	for _, keep := range slices.Sorted(maps.Keys(w.short)) {
		say(w.short[keep], fmt.Sprintf("保留时间短于应有的 %s，停机更久的角色会丢失事件；kafka.retention 只在建立主题时生效", keep),
			fmt.Sprintf("kept for less than %s, a role that is down for longer loses events; kafka.retention takes effect only when topics are made", keep), retention(keep))
	}
	for _, keep := range slices.Sorted(maps.Keys(w.long)) {
		say(w.long[keep], fmt.Sprintf("保留时间长于应有的 %s，占用更多磁盘，被擦除的人留得更久；kafka.retention 只在建立主题时生效", keep),
			fmt.Sprintf("kept for longer than %s, it takes more disk, and an erased person stays longer; kafka.retention takes effect only when topics are made", keep), retention(keep))
	}
	if w.brokers != "" {
		out = append(out, telemetry.Words{
			Zh: "Kafka：offsets.retention.minutes 是 " + w.brokers + "，短于一年，停得更久的角色会丢失位点。请在每个 broker 上设置 offsets.retention.minutes=525600 并重启",
			En: "Kafka: offsets.retention.minutes is " + w.brokers + ", below a year, a role that was down for longer loses its position. Set offsets.retention.minutes=525600 on each broker and restart it",
		})
	}
	return out
}

func retention(keep time.Duration) string {
	return "retention.ms=" + strconv.FormatInt(keep.Milliseconds(), 10)
}

// wantedPolicy is that of the topics whose policy is another.
func (w *weaknesses) wantedPolicy() string {
	var all []string
	for _, name := range w.policy {
		policy := "delete"
		if w.topics[name].Compacted {
			policy = "compact"
		}
		if !slices.Contains(all, policy) {
			all = append(all, policy)
		}
	}
	return strings.Join(all, "|")
}

// KeepFor gives topics that exist the retention of the catalogue, where it is another.
func (c *Client) KeepFor(ctx context.Context, topics []schemas.Topic) error {
	req := &kafka.IncrementalAlterConfigsRequest{}
	want := map[string]string{}
	ask := &kafka.DescribeConfigsRequest{}
	for _, t := range topics {
		if !t.Compacted {
			want[t.Name] = strconv.FormatInt(t.Retention.Milliseconds(), 10)
			ask.Resources = append(ask.Resources, kafka.DescribeConfigRequestResource{ResourceType: kafka.ResourceTypeTopic, ResourceName: t.Name, ConfigNames: []string{"retention.ms"}})
		}
	}
	have, err := c.kafka.DescribeConfigs(ctx, ask)
	if err != nil {
		return fmt.Errorf("read the retention of topics: %w", err)
	}
	for _, r := range have.Resources {
		for _, e := range r.ConfigEntries {
			if e.ConfigName == "retention.ms" && e.ConfigValue != want[r.ResourceName] {
				req.Resources = append(req.Resources, kafka.IncrementalAlterConfigsRequestResource{
					ResourceType: kafka.ResourceTypeTopic, ResourceName: r.ResourceName,
					Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: "retention.ms", Value: want[r.ResourceName], ConfigOperation: kafka.ConfigOperationSet}},
				})
			}
		}
	}
	if len(req.Resources) == 0 {
		return nil
	}
	res, err := c.kafka.IncrementalAlterConfigs(ctx, req)
	if err != nil {
		return fmt.Errorf("set the retention of topics: %w", err)
	}
	var errs []error
	for _, r := range res.Resources {
		if r.Error != nil {
			errs = append(errs, fmt.Errorf("set the retention of %s: %w", r.ResourceName, r.Error))
		}
	}
	return errors.Join(errs...)
}
