package e2e_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/defs/defstest"
	"github.com/tagwire/tagwire/libs/store/storetest"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/stream/streamtest"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/libs/warehouse/warehousetest"
	"github.com/tagwire/tagwire/services/tagwire/app"
)

func TestKafkaInAContainer(t *testing.T) {
	cfg := stream.Config{Brokers: []string{kafka(t)}}
	t.Run("stream", func(t *testing.T) { streamtest.Contract(t, cfg) })
	t.Run("definitions", func(t *testing.T) { defstest.Contract(t, cfg) })
}

func TestRedisInAContainer(t *testing.T) {
	addr := valkey(t)
	open := func(t testing.TB) redis.UniversalClient { return empty(t, addr) }
	t.Run("shard", func(t *testing.T) { storetest.Shard(t, open) })
	t.Run("plan", func(t *testing.T) { storetest.RawPlan(t, open) })
	t.Run("inbox", func(t *testing.T) { storetest.Inbox(t, open) })
}

func history(t *testing.T, native string) *warehouse.Warehouse {
	t.Helper()
	w, err := warehouse.New(warehouse.Config{Addrs: []string{native}, User: clickhouseUser, Password: clickhousePassword}, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func TestClickHouseInAContainer(t *testing.T) {
	w := history(t, clickhouse(t))
	require.NoError(t, w.Migrate(t.Context(), nil))
	warehousetest.Contract(t, w)
}

// Tagwire's own image holds all that the program and its health check need.
func TestTagwireInAContainer(t *testing.T) {
	c := run(t, image(t, "tagwire"), testcontainers.WithCmd("help"), testcontainers.WithWaitStrategy(wait.ForExit().WithExitTimeout(startWithin)))
	state, err := c.State(t.Context())
	require.NoError(t, err)
	require.Zero(t, state.ExitCode)
}

// One event from its post to bi.events, all parts in containers.
func TestAnEventReachesBI(t *testing.T) {
	cfg := config.Default()
	cfg.Data, cfg.HTTP = t.TempDir(), "127.0.0.1:0"
	cfg.Spool.Dir = filepath.Join(cfg.Data, "spool")
	cfg.Kafka.Brokers, cfg.Redis.Addr, cfg.ClickHouse.Addr = []string{kafka(t)}, valkey(t), clickhouse(t)
	cfg.ClickHouse.User, cfg.ClickHouse.Password = clickhouseUser, config.Secret(clickhousePassword)
	cfg.MasterKey = config.Secret(strings.Repeat("0123456789abcdef", 4))

	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- app.Up(ctx, app.Options{Config: &cfg, Log: zap.NewNop(), Out: t.Output()}) }()
	var e app.Endpoints
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(filepath.Join(cfg.Data, "endpoints.json"))
		return err == nil && json.Unmarshal(text, &e) == nil
	}, startWithin, 100*time.Millisecond)

	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.HTTP+"/v1/track", strings.NewReader(`{"messageId":"e2e-1","userId":"u1","event":"page.view"}`))
	require.NoError(t, err)
	req.SetBasicAuth(e.WriteKey, "")
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode)

	w := history(t, cfg.ClickHouse.Addr)
	require.Eventually(t, func() bool {
		var n uint64
		return w.Scalar(ctx, "SELECT count() FROM bi.events WHERE event_id = 'e2e-1'", &n) == nil && n == 1
	}, time.Minute, 100*time.Millisecond)
	stop()
	require.NoError(t, <-done)
}
