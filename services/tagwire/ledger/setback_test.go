//go:build real

package ledger

import (
	"path/filepath"

	"github.com/stretchr/testify/require"
)

// setBack gives Redis an older state back, as an asynchronous failover does: the
// shards go on from what is stored and read the log again from there, resolvers
// take the routes over from it. Customers have been met before. This is weaker
// than what doctor demands, and yet live counts, inbox and history are as if
// nothing had been.
func (o *trial) setBack() {
	o.t.Helper()
	older := filepath.Join(o.t.TempDir(), "older")
	o.send(o.some(o.brief() / 2))
	require.NoError(o.t, o.redis.Copy(older))
	o.send(o.some(o.brief() / 2))
	o.counted("before Redis was set back")
	require.NoError(o.t, o.redis.Kill())
	require.NoError(o.t, o.redis.PutBack(older))
	require.NoError(o.t, o.redis.Start(o.t.Context()))
	o.counted("after Redis was set back, with no event since")
	o.send(o.some(o.brief() / 4))
	o.counted("after Redis was set back")
	o.judge(o.m)
	o.t.Log("Redis was set back: all read again from the log")
}
