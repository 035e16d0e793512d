//go:build real

package partstest_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/parts/partstest"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

func kafkaClient(t *testing.T, k *partstest.Kafka) *stream.Client {
	t.Helper()
	c, err := stream.New(k.Stream(), zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestKafkaComesBackWithItsData(t *testing.T) {
	k := partstest.StartKafka(t, partstest.KafkaOptions{Secure: true})
	c := kafkaClient(t, k)
	require.NoError(t, c.EnsureTopics(t.Context(), []schemas.Topic{{Name: "a", Partitions: 1, Retention: time.Hour, MaxMessages: 1 << 20}}))
	_, err := c.Publish(t.Context(), "a", 0, []stream.Message{{Value: []byte("x")}})
	require.NoError(t, err)
	crashes(t, k.Nodes[0], func(ctx context.Context) error {
		c, err := stream.New(k.Stream(), zap.NewNop())
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Reach(ctx)
		return err
	})
	require.Eventually(t, func() bool { // the first question may meet a connection of before
		b, err := c.Fetch(t.Context(), "a", 0, 0, time.Second)
		return err == nil && len(b.Records) == 1
	}, time.Minute, 10*time.Millisecond)

	plain := k.Stream()
	plain.SASL = nil
	nobody, err := stream.New(plain, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(nobody.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	_, err = nobody.Reach(ctx)
	require.Error(t, err, "nobody comes in without a password")
}

// Where no Redis with TLS is at hand scripts/test says so and this fails: Debian
// has one.
func TestRedisByTLSAsAUserWithoutAdministration(t *testing.T) {
	p, err := partstest.RedisWithTLS()
	require.NoError(t, err)
	r := partstest.StartRedis(t, partstest.RedisOptions{Program: p, Secure: true})
	rdb := connect(t, r.Store())
	warnings, err := store.Check(t.Context(), rdb, store.Expect{})
	require.NoError(t, err)
	require.Empty(t, warnings)
	require.Error(t, rdb.FlushAll(t.Context()).Err(), "not the product's right")
	require.Error(t, rdb.Set(t.Context(), "other", "1", 0).Err(), "not the product's key")
	bad := r.Store()
	bad.TLS = nil
	require.Error(t, connect(t, bad).Ping(t.Context()).Err(), "plain")
}

func TestClusterFailsOver(t *testing.T) {
	c := partstest.StartRedisCluster(t, partstest.RedisOptions{})
	rdb := connect(t, c.Store())
	const key = "tw:{1.0}:pos"
	require.NoError(t, rdb.Set(t.Context(), key, "1", 0).Err())
	m, err := c.MasterOf(t.Context(), key)
	require.NoError(t, err)
	require.NoError(t, m.Kill())
	start := time.Now()
	require.Eventually(t, func() bool {
		v, err := rdb.Get(t.Context(), key).Result()
		return err == nil && v == "1"
	}, 3*time.Minute, 100*time.Millisecond)
	t.Logf("a replica took over after %s", time.Since(start))
	next, err := c.MasterOf(t.Context(), key)
	require.NoError(t, err)
	require.NotEqual(t, m.Addr, next.Addr)
	require.NoError(t, m.Start(t.Context()))
}
