package seal_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// The whole life of keys on the parts that `tagwire up` runs.
func TestKeysOnValkeyAndKafkaOnDisk(t *testing.T) {
	run := embeddedtest.Start(t, embeddedtest.Kafka, embeddedtest.Redis)
	log := zaptest.NewLogger(t)
	kafka, err := stream.New(stream.Config{Brokers: run.KafkaBrokers}, log)
	require.NoError(t, err)
	t.Cleanup(kafka.Close)
	require.NoError(t, kafka.EnsureTopics(t.Context(), schemas.Topics(2, 2)))
	valkey := redis.NewClient(&redis.Options{Addr: run.RedisAddr, Password: run.RedisPassword})
	t.Cleanup(func() { _ = valkey.Close() })
	open := func() *seal.Keys {
		t.Helper()
		k, err := seal.OpenKeys(t.Context(), seal.KeysOptions{Stream: kafka, Redis: valkey, Master: fixedMaster(t, 'v'), Log: log})
		require.NoError(t, err)
		return k
	}

	profiles := make([]string, 300)
	for i := range profiles {
		profiles[i] = fmt.Sprintf("p%d", i)
	}
	sealed := make([][]string, 4)
	var all sync.WaitGroup
	for n := range sealed {
		k := open()
		all.Go(func() {
			if k.Warm(t.Context(), profiles) != nil {
				return
			}
			for _, p := range profiles {
				s, err := k.SealText(t.Context(), p, "张三 "+p)
				if err != nil {
					return
				}
				sealed[n] = append(sealed[n], s)
			}
		})
	}
	all.Wait()
	day, err := open().SealDay(t.Context(), event.At(time.Now()), []byte("raw"))
	require.NoError(t, err)
	require.NoError(t, open().Destroy(t.Context(), "p7"))

	check := func(k *seal.Keys) {
		t.Helper()
		for n := range sealed {
			require.Len(t, sealed[n], len(profiles))
			texts, err := k.OpenTexts(t.Context(), sealed[n])
			require.NoError(t, err)
			for i, text := range texts {
				if want := "张三 " + profiles[i]; i == 7 {
					require.Equal(t, seal.Erased, text)
				} else {
					require.Equal(t, want, text)
				}
			}
		}
		require.Equal(t, "raw", openDay(t, k, day))
	}
	check(open())
	require.NoError(t, valkey.FlushAll(t.Context()).Err())
	check(open())
}
