//go:build real

package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/parts/partstest"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/schemas"
)

// external points the commands to parts of one's own.
func external(t *testing.T, k *partstest.Kafka, r store.Config, c *partstest.ClickHouse) {
	t.Helper()
	t.Setenv("TAGWIRE_KAFKA_BROKERS", strings.Join(k.Brokers, ","))
	t.Setenv("TAGWIRE_REDIS_ADDR", strings.Join(r.Addrs, ","))
	t.Setenv("TAGWIRE_REDIS_PASSWORD", r.Password)
	t.Setenv("TAGWIRE_REDIS_SENTINEL_MASTER", r.SentinelMaster)
	t.Setenv("TAGWIRE_REDIS_SENTINEL_USER", r.SentinelUser)
	t.Setenv("TAGWIRE_REDIS_SENTINEL_PASSWORD", r.SentinelPassword)
	t.Setenv("TAGWIRE_CLICKHOUSE_ADDR", c.Native)
	t.Setenv("TAGWIRE_CLICKHOUSE_USER", c.Warehouse().User)
	t.Setenv("TAGWIRE_CLICKHOUSE_PASSWORD", c.Warehouse().Password)
}

// diagnosis is what doctor says at a level, of each part.
func diagnosis(t *testing.T, level string) (code int, said map[string][]finding) {
	t.Helper()
	code, out, errs := run("doctor", "--json", "--data", t.TempDir())
	var rep struct {
		Findings []finding `json:"findings"`
	}
	require.NoError(t, json.Unmarshal([]byte(out), &rep), out+errs)
	said = map[string][]finding{}
	for _, f := range rep.Findings {
		if f.Level == level {
			said[f.Name] = append(said[f.Name], f)
		}
	}
	return code, said
}

// names fails unless one finding has all the words, zh and en.
func names(t *testing.T, findings []finding, words ...string) {
	t.Helper()
	for _, f := range findings {
		found := true
		for _, w := range words {
			found = found && strings.Contains(f.Zh+"\n"+f.En, w)
		}
		if found {
			return
		}
	}
	require.Failf(t, "not said", "%q in %v", words, findings)
}

// set changes a setting of topics, as somebody does by hand.
func set(t *testing.T, k *partstest.Kafka, name, value string, topics ...string) {
	t.Helper()
	c := kafka.Client{Addr: kafka.TCP(k.Brokers...)}
	req := &kafka.IncrementalAlterConfigsRequest{}
	for _, topic := range topics {
		req.Resources = append(req.Resources, kafka.IncrementalAlterConfigsRequestResource{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: topic,
			Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: name, Value: value, ConfigOperation: kafka.ConfigOperationSet}},
		})
	}
	res, err := c.IncrementalAlterConfigs(t.Context(), req)
	require.NoError(t, err)
	for _, r := range res.Resources {
		require.NoError(t, r.Error)
	}
}

// Each setting that mechanics demand and that is weaker is named with what it may
// lose and its cure, in both languages, by a warning; cured, nothing is left of it.
func TestDoctorNamesEachWeakSettingAndItsCure(t *testing.T) {
	k := partstest.StartKafka(t, partstest.KafkaOptions{Brokers: 3, Settings: map[string]string{
		"offsets.retention.minutes": "10080", "offsets.topic.replication.factor": "1",
	}})
	cfg := config.Default()
	topics := parts.Topics(&cfg)
	c, err := stream.New(k.Stream(), zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(c.Close)
	require.NoError(t, c.EnsureTopics(t.Context(), topics))
	click := partstest.StartClickHouse(t)
	w, err := warehouse.New(click.Warehouse(), zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	require.NoError(t, w.Migrate(t.Context(), nil))
	r := partstest.StartRedis(t, partstest.RedisOptions{})
	external(t, k, r.Store(), click)
	require.Eventually(t, func() bool {
		_, said := diagnosis(t, levelError)
		return len(said["kafka"]) == 0
	}, time.Minute, 200*time.Millisecond, "a topic just made is not known to every broker at once")

	_, said := diagnosis(t, levelWarn)
	require.Len(t, said["kafka"], 1, "%v", said["kafka"])
	names(t, said["kafka"], "10080", "offsets.retention.minutes=525600", "丢失位点", "loses its position")
	require.Empty(t, said["redis"])
	require.Empty(t, said["clickhouse"])

	set(t, k, "min.insync.replicas", "1", schemas.TopicEvents, schemas.TopicRaw)
	set(t, k, "unclean.leader.election.enable", "true", schemas.TopicDefs)
	set(t, k, "retention.ms", "3600000", schemas.TopicRaw)
	set(t, k, "retention.ms", "-1", schemas.TopicChanges)
	set(t, k, "cleanup.policy", "delete", schemas.TopicKeys)
	set(t, k, "message.timestamp.type", "CreateTime", schemas.TopicAlerts)
	admin := r.Client()
	t.Cleanup(func() { require.NoError(t, admin.Close()) })
	require.NoError(t, admin.ConfigSet(t.Context(), "appendonly", "no").Err())
	require.NoError(t, click.Weaken("<async_insert>0<", "<async_insert>1<"))
	require.Eventually(t, func() bool {
		var value string
		return w.Scalar(t.Context(), "SELECT value FROM system.settings WHERE name = 'async_insert'", &value) == nil && value == "1"
	}, time.Minute, 100*time.Millisecond)
	require.NoError(t, w.Exec(t.Context(), "ALTER TABLE tagwire.events MODIFY SETTING non_replicated_deduplication_window = 10"))
	// A group has committed, so the topic of positions is there.
	require.NoError(t, positions(t, k))

	code, said := diagnosis(t, levelWarn)
	require.Equal(t, 2, code)
	of := said["kafka"]
	names(t, of, "events.1, raw.1", "min.insync.replicas 小于 2", "min.insync.replicas is below 2", "--add-config min.insync.replicas=2")
	names(t, of, "topics defs", "落后的副本当选", "lagging broker", "--add-config unclean.leader.election.enable=false")
	names(t, of, "topics raw.1", "短于", "kept for less than", "--add-config retention.ms=604800000")
	names(t, of, "topics changes.1", "长于", "kept for longer than", "--add-config retention.ms=604800000")
	names(t, of, "topics keys", "cleanup.policy=compact", "清理掉", "cleaned away")
	names(t, of, "topics alerts.1", "message.timestamp.type=LogAppendTime")
	names(t, of, "__consumer_offsets", "offsets.topic.replication.factor=3", "位点")
	names(t, of, "offsets.retention.minutes=525600")
	names(t, said["redis"], "CONFIG SET appendonly yes", "丢失上次快照以后", "loses all state")
	names(t, said["clickhouse"], "ALTER USER tagwire SETTINGS async_insert = 0", "确认后、落盘前", "before it is on disk")
	names(t, said["clickhouse"], "tables events", "ALTER TABLE tagwire.events MODIFY SETTING non_replicated_deduplication_window = 10000", "出现两次", "stands twice")

	require.NoError(t, admin.ConfigSet(t.Context(), "appendonly", "yes").Err())
	require.NoError(t, admin.ConfigSet(t.Context(), "appendfsync", "everysec").Err())
	code, said = diagnosis(t, levelWarn)
	require.Equal(t, 2, code)
	names(t, said["redis"], "CONFIG SET appendfsync always", "最后一秒", "last second")
	require.NoError(t, admin.ConfigSet(t.Context(), "maxmemory-policy", "volatile-lru").Err())
	code, said = diagnosis(t, levelError)
	require.Equal(t, 1, code)
	names(t, said["redis"], "volatile-lru", "请设为 noeviction", "set noeviction")
}

// positions lets a group commit, which makes the topic of positions.
func positions(t *testing.T, k *partstest.Kafka) error {
	t.Helper()
	c := kafka.Client{Addr: kafka.TCP(k.Brokers...)}
	deadline := time.Now().Add(time.Minute)
	for {
		res, err := c.OffsetCommit(t.Context(), &kafka.OffsetCommitRequest{GroupID: "g", GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{schemas.TopicRaw: {{Partition: 0, Offset: 0}}}})
		if err == nil {
			err = res.Topics[schemas.TopicRaw][0].Error
		}
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// With a Sentinel or a Cluster a fail-over may take back what no replica had.
func TestDoctorDemandsReplicasWhereThereIsFailOver(t *testing.T) {
	s := partstest.StartSentinel(t)
	cfg := config.Default()
	cfg.Redis.Addr, cfg.Redis.SentinelMaster, cfg.Redis.Password = s.Addr, partstest.SentinelMaster, config.Secret(s.Store().Password)
	cfg.Redis.SentinelUser, cfg.Redis.SentinelPassword = s.User, config.Secret(s.Password)
	look := func() []finding {
		d := &doctor{now: time.Now}
		require.NoError(t, d.redis(t.Context(), &cfg))
		return d.findings
	}
	names(t, look(), "redis.replicas: 1", "主从切换会丢失", "a fail-over loses")
	cfg.Redis.Replicas = 1
	for _, f := range look() {
		require.Equal(t, levelOK, f.Level, f.En)
	}
	follower := s.Replica.Client()
	t.Cleanup(func() { require.NoError(t, follower.Close()) })
	require.NoError(t, follower.ConfigSet(t.Context(), "appendonly", "no").Err())
	names(t, look(), "Redis "+s.Replica.Addr+": appendonly is off")
	require.NoError(t, s.Replica.Kill())
	require.Eventually(t, func() bool { return strings.Contains(look()[0].En, "fewer replicas than redis.replicas demands (1)") }, time.Minute, 100*time.Millisecond)

	c := partstest.StartRedisCluster(t, partstest.RedisOptions{})
	cfg.Redis = config.Redis{Addr: strings.Join(c.Store().Addrs, ","), Cluster: true, Password: config.Secret(c.Store().Password)}
	names(t, look(), "redis.replicas: 1", "a fail-over loses")
	cfg.Redis.Replicas = 1
	for _, f := range look() {
		require.Equal(t, levelOK, f.Level, f.En)
	}
	weak := c.Nodes[len(c.Nodes)-1] // a replica, which may be the master tomorrow
	admin := weak.Client()
	t.Cleanup(func() { require.NoError(t, admin.Close()) })
	require.NoError(t, admin.ConfigSet(t.Context(), "appendonly", "no").Err())
	require.Eventually(t, func() bool { // a Cluster just formed does not name all replicas at once
		return strings.Contains(look()[0].En, "Redis "+weak.Addr+": appendonly is off")
	}, time.Minute, 100*time.Millisecond)

	d := &doctor{now: func() time.Time { return time.Now().Add(-3 * time.Second) }} // a machine without NTP
	require.NoError(t, d.redis(t.Context(), &cfg))
	names(t, d.findings, "3", "请在所有机器上启用 NTP", "Run NTP", "stream time stands still")
}
