//go:build real

package parts_test

import (
	"context"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/parts/partstest"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/schemas"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// noticed is how long readiness may take to notice that a part gives no answer.
const noticed = 15 * time.Second

// gate is a proxy before a part.
func gate(t *testing.T, to string) *toxiproxy.Proxy {
	t.Helper()
	p := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), to, partstest.FreeAddress(t), to)
	require.NoError(t, p.Start())
	t.Cleanup(p.Stop)
	return p
}

// halfOpen lets connections be made and nothing through.
func halfOpen(t *testing.T, p *toxiproxy.Proxy) {
	t.Helper()
	for _, stream := range []string{"upstream", "downstream"} {
		_, err := p.Toxics.AddToxicJson(strings.NewReader(`{"type":"timeout","stream":"` + stream + `","attributes":{"timeout":0}}`))
		require.NoError(t, err)
	}
}

// external is a configuration of parts of one's own.
func external(t *testing.T, k *partstest.Kafka, r *partstest.Redis, c *partstest.ClickHouse) *config.Config {
	t.Helper()
	cfg := config.Default()
	cfg.Data, cfg.MasterKey = t.TempDir(), config.Secret(strings.Repeat("0f", 32))
	cfg.Kafka.Brokers = k.Brokers
	cfg.Give("kafka.brokers")
	cfg.Redis.Addr, cfg.Redis.Password = r.Addr, config.Secret(r.Password)
	cfg.ClickHouse.Addr = "127.0.0.1:1"
	if c != nil {
		cfg.ClickHouse.Addr, cfg.ClickHouse.User, cfg.ClickHouse.Password = c.Native, c.Warehouse().User, config.Secret(c.Warehouse().Password)
	}
	return &cfg
}

// A part that takes connections and answers nothing is named with its address,
// what that means and what to do; the others stay in order, and so does who does
// not need it.
func TestReadinessNamesAPartThatIsHalfOpen(t *testing.T) {
	var kafkaGate *toxiproxy.Proxy
	k := partstest.StartKafka(t, partstest.KafkaOptions{Front: func(broker string) (string, error) {
		kafkaGate = gate(t, broker)
		return kafkaGate.Listen, nil
	}})
	r, c := partstest.StartRedis(t, partstest.RedisOptions{}), partstest.StartClickHouse(t)
	cfg := external(t, k, r, c)
	gates := map[string]*toxiproxy.Proxy{"kafka": kafkaGate, "redis": gate(t, r.Addr), "clickhouse": gate(t, c.Native)}
	cfg.Redis.Addr, cfg.ClickHouse.Addr = gates["redis"].Listen, gates["clickhouse"].Listen

	roles := map[string][]string{ // the parts whose outage each must tell
		"collector": {"kafka"}, "resolver": {"kafka", "redis"}, "tagger": {"kafka", "redis"},
		"archiver": {"clickhouse", "kafka"}, "notifier.stream": {"kafka", "redis"}, "console": {"redis"},
	}
	health := map[string]*telemetry.Health{}
	for role := range roles {
		p, err := parts.Open(t.Context(), cfg, zap.NewNop())
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, p.Close()) })
		_, _, err = p.Assemble(t.Context(), func(context.Context, *parts.Parts) (parts.Role, error) {
			return parts.Role{Checks: []telemetry.Check{{Name: role, Run: func(context.Context) (bool, float64, string) { return true, 0, "" }}}}, nil
		})
		require.NoError(t, err)
		health[role] = p.Health
		require.Eventually(t, func() bool { return p.Health.Report(t.Context()).Ready }, noticed, 50*time.Millisecond, role)
	}
	for part, name := range map[string]string{"kafka": "Kafka", "redis": "Redis", "clickhouse": "ClickHouse"} {
		t.Run(part, func(t *testing.T) {
			began := time.Now()
			halfOpen(t, gates[part])
			for role, needs := range roles {
				var report telemetry.Report
				if !strings.Contains(strings.Join(needs, " "), part) {
					require.True(t, health[role].Report(t.Context()).Ready, "%s does not need it", role)
					continue
				}
				require.Eventually(t, func() bool {
					report = health[role].Report(t.Context())
					return !report.Ready
				}, noticed, 20*time.Millisecond, role)
				for _, one := range report.Checks {
					require.Equal(t, one.Name != part, one.OK, one.Name)
					if !one.OK {
						for _, want := range []string{name, gates[part].Listen, "没有应答", "does not answer", "请查看", "See whether it runs"} {
							require.Contains(t, one.Detail, want)
						}
					}
				}
			}
			require.Less(t, time.Since(began), noticed)
			t.Logf("all that need it have said so after %s", time.Since(began))
			gates[part].Toxics.ResetToxics(t.Context())
			for role := range roles {
				require.Eventually(t, func() bool { return health[role].Report(t.Context()).Ready }, noticed, 20*time.Millisecond, "%s again", role)
			}
		})
	}
}

// What is weaker than demanded is logged at start with its cure, and no reason to
// refuse; an eviction policy is one.
func TestStartWarnsOfWeakSettingsAndRefusesEviction(t *testing.T) {
	k := partstest.StartKafka(t, partstest.KafkaOptions{Settings: map[string]string{"offsets.retention.minutes": "10080"}})
	r := partstest.StartRedis(t, partstest.RedisOptions{Settings: []string{"appendfsync everysec"}})
	cfg := external(t, k, r, nil)
	open := func() (said []string) {
		core, logged := observer.New(zapcore.WarnLevel)
		p, err := parts.Open(t.Context(), cfg, zap.New(core))
		require.NoError(t, err)
		require.NoError(t, p.Close())
		for _, e := range logged.All() {
			said = append(said, e.Message)
		}
		return said
	}
	said := strings.Join(open(), "\n")
	for _, want := range []string{"one replica only", "只有一份副本", "offsets.retention.minutes=525600", "CONFIG SET appendfsync always"} {
		require.Contains(t, said, want)
	}
	require.NotContains(t, said, "retention.ms")

	cfg.Kafka.Retention = 30 * 24 * time.Hour // after the topics were made
	said = strings.Join(open(), "\n")
	require.Contains(t, said, "topics events.1, raw.1")
	require.Contains(t, said, "--add-config retention.ms=2592000000")
	require.Contains(t, said, "只在建立主题时生效")

	admin := r.Client()
	t.Cleanup(func() { require.NoError(t, admin.Close()) })
	require.NoError(t, admin.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err())
	_, err := parts.Open(t.Context(), cfg, zap.NewNop())
	require.ErrorIs(t, err, store.ErrUnfit)
	require.ErrorContains(t, err, "set noeviction")
	require.ErrorContains(t, err, "请设为 noeviction")
}

// The embedded Kafka has no tool of its own, so a new kafka.retention is given to it.
func TestANewRetentionReachesTheEmbeddedKafka(t *testing.T) {
	p := embeddedtest.Start(t, embeddedtest.Kafka, embeddedtest.Redis)
	cfg := config.Default()
	cfg.Data, cfg.MasterKey = t.TempDir(), config.Secret(strings.Repeat("0f", 32))
	cfg.Kafka.Brokers, cfg.Redis.Addr, cfg.Redis.Password, cfg.ClickHouse.Addr = p.KafkaBrokers, p.RedisAddr, config.Secret(p.RedisPassword), "127.0.0.1:1"
	for _, keep := range []time.Duration{7 * 24 * time.Hour, 30 * 24 * time.Hour} {
		cfg.Kafka.Retention = keep
		opened, err := parts.Open(t.Context(), &cfg, zap.NewNop())
		require.NoError(t, err)
		require.NoError(t, opened.Close())
		c := kafka.Client{Addr: kafka.TCP(p.KafkaBrokers...)}
		res, err := c.DescribeConfigs(t.Context(), &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{
			{ResourceType: kafka.ResourceTypeTopic, ResourceName: schemas.TopicRaw, ConfigNames: []string{"retention.ms"}},
		}})
		require.NoError(t, err)
		require.Equal(t, keep, ms(t, res.Resources[0].ConfigEntries[0].ConfigValue))
	}
}

func ms(t *testing.T, value string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(value + "ms")
	require.NoError(t, err)
	return d
}
