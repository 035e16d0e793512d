package app

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/services/tagger/tagging"
)

// snapshot is all that Redis held at one moment.
type snapshot struct {
	keysAndDumps []any
	commits      int64
}

var dumpScript = redis.NewScript(`
local out = {}
for _, k in ipairs(redis.call('KEYS', '*')) do out[#out+1] = k; out[#out+1] = redis.call('DUMP', k) end
return out
`)

// restoreScript puts an older state in place of the present one.
var restoreScript = redis.NewScript(`
for _, k in ipairs(redis.call('KEYS', '*')) do redis.call('DEL', k) end
for i = 1, #ARGV, 2 do redis.call('RESTORE', ARGV[i], 0, ARGV[i+1]) end
return #ARGV
`)

func stateOf(t *testing.T, p *parts.Parts) snapshot {
	t.Helper()
	all, err := dumpScript.Run(t.Context(), p.Redis, []string{"x"}).Slice()
	require.NoError(t, err)
	return snapshot{all, commitsOf(t, p)}
}

// setBack waits until something has been done since the snapshot, and takes it
// back between two commands of the roles, as a fail-over to a replica that is
// behind does: what is then the master has another replication id.
func (s *snapshot) setBack(t *testing.T, p *parts.Parts) {
	t.Helper()
	if s.keysAndDumps == nil {
		return
	}
	require.Eventually(t, func() bool { return commitsOf(t, p) > s.commits+5 }, 20*time.Second, 5*time.Millisecond)
	_, err := p.Redis.TxPipelined(t.Context(), func(tx redis.Pipeliner) error {
		restoreScript.Eval(t.Context(), tx, []string{"x"}, s.keysAndDumps...)
		tx.Do(t.Context(), "REPLICAOF", "127.0.0.1", "1")
		tx.Do(t.Context(), "REPLICAOF", "NO", "ONE")
		return nil
	})
	require.NoError(t, err)
	s.keysAndDumps = nil
}

func commitsOf(t *testing.T, p *parts.Parts) (sum int64) {
	t.Helper()
	for s := range p.Config.Shards {
		pos, err := shard.New(p.Redis, tagging.Generation, s).Read(t.Context())
		require.NoError(t, err)
		sum += pos.Commit
	}
	return sum
}
