//go:build real

package ledger

import (
	"fmt"
	"path/filepath"

	"github.com/stretchr/testify/require"
)

// setBack gives Redis an older state back, as an asynchronous failover does: the
// shards go on from what is stored and read the log again from there. Customers
// have been met before. This is weaker than what doctor demands: live counts, the
// inbox and the events of the history are right again; who held a tag by the
// history is not promised, since commits are numbered anew, and verify says so.
func (o *trial) setBack() {
	o.t.Helper()
	older := filepath.Join(o.t.TempDir(), "older")
	o.send(o.some(o.length / 2))
	require.NoError(o.t, o.redis.Copy(older))
	o.send(o.some(o.length / 2))
	o.counted("before Redis was set back")
	require.NoError(o.t, o.redis.Kill())
	require.NoError(o.t, o.redis.PutBack(older))
	require.NoError(o.t, o.redis.Start(o.t.Context()))
	o.counted("after Redis was set back, with no event since")
	o.send(o.some(o.length / 4))
	o.counted("after Redis was set back")
	o.storedOnce(o.m)
	o.same("SELECT count(), uniqExact(alert_id) FROM alerts FORMAT TSV", fmt.Sprintf("%d\t%d", o.m.alerts, o.m.alerts))
	o.t.Log("Redis was set back: all read again from the log")
}
