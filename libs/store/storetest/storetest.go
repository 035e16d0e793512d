// Package storetest gives tests a Redis, and holds what Redis must do for the
// packages of libs/store to be exact: [Shard], [RawPlan] and [Inbox], run by
// [EachEngine] on a stand-in, on the real engines and on a Cluster.
//
// The stand-in is miniredis, in process: an empty Redis of its own per call, gone
// with the test. It does not write to disk and its clock stands still until
// [Fake.FastForward]. Only tests import this package.
package storetest

import (
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// Fake is a running miniredis with a client to it.
type Fake struct {
	*miniredis.Miniredis
	Client redis.UniversalClient
}

// Mini is a client to an empty Redis that lives until the test ends.
func Mini(t testing.TB) redis.UniversalClient { return Start(t).Client }

// Start is Mini with the server behind the client, for faults and for time.
func Start(t testing.TB) *Fake {
	t.Helper()
	m := miniredis.RunT(t)
	return &Fake{Miniredis: m, Client: Connect(t, m.Addr())}
}

// Connect makes one more client, as another process would have it.
func Connect(t testing.TB, addr string) redis.UniversalClient {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { _ = c.Close() }) // the server may be gone first
	return c
}
