package storetest

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
)

// Opener gives a client to an empty Redis.
type Opener func(t testing.TB) redis.UniversalClient

// EachEngine runs a contract on the stand-in and on the real engine, and with the
// build tag real on all that partstest can start, a Cluster among them. The test
// binary needs func TestMain(m *testing.M) { embeddedtest.Main(m) }.
func EachEngine(t *testing.T, contract func(t *testing.T, open Opener)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) { contract(t, Mini) })
	t.Run("valkey", func(t *testing.T) {
		contract(t, func(t testing.TB) redis.UniversalClient {
			p := embeddedtest.Start(t, embeddedtest.Redis)
			rdb := redis.NewClient(&redis.Options{Addr: p.RedisAddr, Password: p.RedisPassword, DisableIdentity: true})
			t.Cleanup(func() { _ = rdb.Close() })
			return emptied(t, rdb)
		})
	})
	real := realEngines(t)
	for _, name := range slices.Sorted(maps.Keys(real)) {
		t.Run(name, func(t *testing.T) { contract(t, real[name]) })
	}
}

// Engines is EachEngine for one test.
func Engines(t *testing.T, test func(t *testing.T, rdb redis.UniversalClient)) {
	t.Helper()
	EachEngine(t, func(t *testing.T, open Opener) { test(t, open(t)) })
}

// emptied takes all keys out, on every master of a Cluster.
func emptied(t testing.TB, rdb redis.UniversalClient) redis.UniversalClient {
	t.Helper()
	if c, ok := rdb.(*redis.ClusterClient); ok {
		require.NoError(t, c.ForEachMaster(t.Context(), func(ctx context.Context, node *redis.Client) error { return node.FlushAll(ctx).Err() }))
		return rdb
	}
	require.NoError(t, rdb.FlushAll(t.Context()).Err())
	return rdb
}

// keys are all keys, on every master of a Cluster.
func keys(t testing.TB, rdb redis.UniversalClient) []string {
	t.Helper()
	c, ok := rdb.(*redis.ClusterClient)
	if !ok {
		list, err := rdb.Keys(t.Context(), "*").Result()
		require.NoError(t, err)
		return list
	}
	each := make(chan []string, 100)
	require.NoError(t, c.ForEachMaster(t.Context(), func(ctx context.Context, node *redis.Client) error {
		list, err := node.Keys(ctx, "*").Result()
		each <- list
		return err
	}))
	close(each)
	var all []string
	for list := range each {
		all = append(all, list...)
	}
	return all
}

type check func(t *testing.T, rdb redis.UniversalClient)

// run runs the checks of a contract, each on an empty Redis.
func run(t *testing.T, open Opener, checks map[string]check) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		t.Run(name, func(t *testing.T) { checks[name](t, open(t)) })
	}
}
