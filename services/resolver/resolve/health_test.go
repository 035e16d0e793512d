package resolve_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/resolver/resolve"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// A Redis that accepts and never answers holds every take-over: nothing has been
// read, and still the partitions are this resolver's.
func TestHealthShowsPartitionsThatHaveReadNothing(t *testing.T) {
	e := embeddedtest.Start(t, embeddedtest.Kafka, embeddedtest.Redis)
	cfg := config.Default()
	cfg.Data = t.TempDir()
	cfg.Kafka.Brokers, cfg.Redis.Addr, cfg.Redis.Password = e.KafkaBrokers, e.RedisAddr, config.Secret(e.RedisPassword)
	cfg.ClickHouse.Addr = "127.0.0.1:1" // never asked
	cfg.MasterKey = config.Secret(strings.Repeat("0123456789abcdef", 4))
	p, err := parts.Open(t.Context(), &cfg, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })

	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	dead := redis.NewClient(&redis.Options{Addr: silent.Addr().String(), ReadTimeout: 5 * time.Minute, MaxRetries: -1})
	t.Cleanup(func() { _ = dead.Close() })
	r, err := resolve.New(resolve.Options{
		Limits: resolve.Limits{Phones: 2, Devices: 3},
		Stream: p.Stream, Redis: dead, Defs: p.Defs, Keys: p.Keys, Shards: cfg.Shards, RawPartitions: cfg.RawPartitions, Log: zap.NewNop(), Registerer: p.Registry,
	})
	require.NoError(t, err)
	_, _, detail := r.Health(t.Context())
	require.Equal(t, "0 partitions", detail)

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	require.Eventually(t, func() bool {
		_, _, detail = r.Health(ctx)
		return detail == "4 partitions"
	}, 60*time.Second, 10*time.Millisecond, "%s", detail)
	require.NoError(t, testutil.GatherAndCompare(p.Registry, strings.NewReader(`
# HELP tagwire_partitions_owned Partitions that this process serves.
# TYPE tagwire_partitions_owned gauge
tagwire_partitions_owned{group="resolver",topic="`+schemas.TopicRaw+`"} 4
`), "tagwire_partitions_owned"))
	require.NoError(t, dead.Close()) // lets the take-overs go
	cancel()
	<-done
}
