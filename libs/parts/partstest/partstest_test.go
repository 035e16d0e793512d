package partstest_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/parts/partstest"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/warehouse"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// answers is nil when a question to the node is answered in time.
type answers func(ctx context.Context) error

// crashes treats a node as a nemesis does, and asks it after each blow.
func crashes(t *testing.T, n partstest.Node, ask answers) {
	t.Helper()
	within := func(d time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		return ask(ctx)
	}
	require.NoError(t, within(10*time.Second))
	require.Error(t, n.Start(t.Context()), "it runs already")
	require.NoError(t, n.Pause())
	require.Error(t, within(300*time.Millisecond), "a frozen one does not answer")
	require.NoError(t, n.Resume())
	require.NoError(t, within(10*time.Second))
	for _, end := range []func() error{n.Kill, n.Stop} {
		require.NoError(t, end())
		require.Error(t, within(300*time.Millisecond))
		require.Error(t, n.Kill(), "it is down")
		require.NoError(t, n.Start(t.Context()))
		require.NoError(t, within(10*time.Second), "it is back on its port")
	}
}

// connect makes a client as the product does.
func connect(t *testing.T, cfg store.Config) redis.UniversalClient {
	t.Helper()
	rdb, err := store.Connect(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

func TestRedisComesBackWithItsData(t *testing.T) {
	programs, err := partstest.RedisPrograms()
	require.NoError(t, err)
	for _, p := range programs {
		t.Run(p.Name, func(t *testing.T) {
			r := partstest.StartRedis(t, partstest.RedisOptions{Program: p})
			rdb := connect(t, r.Store())
			require.NoError(t, rdb.Set(t.Context(), "tw:a", "1", 0).Err())
			crashes(t, r, func(ctx context.Context) error {
				c := r.Client()
				defer func() { _ = c.Close() }()
				return c.Ping(ctx).Err()
			})
			v, err := rdb.Get(t.Context(), "tw:a").Result()
			require.NoError(t, err)
			require.Equal(t, "1", v)
		})
	}
}

func TestClickHouseComesBackWithItsData(t *testing.T) {
	c := partstest.StartClickHouse(t)
	w, err := warehouse.New(c.Warehouse(), zap.NewNop())
	require.NoError(t, err)
	defer func() { require.NoError(t, w.Close()) }()
	require.NoError(t, w.Exec(t.Context(), "CREATE TABLE default.a (n Int64) ENGINE = MergeTree ORDER BY n"))
	require.NoError(t, w.Exec(t.Context(), "INSERT INTO default.a VALUES (7)"))
	crashes(t, c, w.Ping)
	var n int64
	require.NoError(t, w.Scalar(t.Context(), "SELECT n FROM default.a", &n))
	require.EqualValues(t, 7, n)
}
