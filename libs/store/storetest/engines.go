package storetest

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
)

// Engines runs a test on the stand-in and on the real engine, each empty. The test
// binary needs func TestMain(m *testing.M) { embeddedtest.Main(m) }.
func Engines(t *testing.T, test func(t *testing.T, rdb redis.UniversalClient)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) { test(t, Mini(t)) })
	t.Run("valkey", func(t *testing.T) {
		p := embeddedtest.Start(t, embeddedtest.Redis)
		rdb := redis.NewClient(&redis.Options{Addr: p.RedisAddr, Password: p.RedisPassword, DisableIdentity: true})
		t.Cleanup(func() { _ = rdb.Close() })
		require.NoError(t, rdb.FlushAll(t.Context()).Err())
		test(t, rdb)
	})
}
