//go:build real

package storetest

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/parts/partstest"
	"github.com/tagwire/tagwire/libs/store"
)

// realEngines are the servers at hand besides the first, which embeddedtest runs,
// and a Cluster of the first; the product's own client talks to them.
func realEngines(t *testing.T) map[string]Opener {
	t.Helper()
	programs, err := partstest.RedisPrograms()
	require.NoError(t, err)
	out := map[string]Opener{"cluster": func(t testing.TB) redis.UniversalClient {
		c, err := cluster()
		require.NoError(t, err)
		return emptied(t, dial(t, c.Store()))
	}}
	for _, p := range programs[1:] {
		out[p.Name] = func(t testing.TB) redis.UniversalClient {
			return dial(t, partstest.StartRedis(t, partstest.RedisOptions{Program: p}).Store())
		}
	}
	return out
}

func dial(t testing.TB, cfg store.Config) redis.UniversalClient {
	t.Helper()
	rdb, err := store.Connect(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// cluster is one of the test binary, as the parts of embeddedtest are: to form one
// takes seconds.
var cluster = sync.OnceValues(func() (*partstest.RedisCluster, error) {
	dir, err := os.MkdirTemp("", "tagwire-cluster-*")
	if err != nil {
		return nil, err
	}
	c, err := partstest.NewRedisCluster(context.Background(), dir, partstest.RedisOptions{})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	embeddedtest.AtEnd(func() error { return errors.Join(c.Close(), os.RemoveAll(dir)) })
	return c, nil
})
