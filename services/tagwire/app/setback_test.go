package app

import (
	"strings"
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
	since        int64 // commits that there must have been when it is set back
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
	return snapshot{all, commitsOf(t, p), 6}
}

// setBack waits until something has been done since the snapshot, and takes it
// back between two commands of the roles, as a fail-over to a replica that is
// behind does: what is then the master has another replication id.
func (s *snapshot) setBack(t *testing.T, p *parts.Parts) {
	t.Helper()
	if s.keysAndDumps == nil {
		return
	}
	require.Eventually(t, func() bool { return commitsOf(t, p) >= s.commits+s.since }, 20*time.Second, 5*time.Millisecond)
	_, err := p.Redis.TxPipelined(t.Context(), func(tx redis.Pipeliner) error {
		restoreScript.Eval(t.Context(), tx, []string{"x"}, s.keysAndDumps...)
		tx.Do(t.Context(), "REPLICAOF", "127.0.0.1", "1")
		tx.Do(t.Context(), "REPLICAOF", "NO", "ONE")
		return nil
	})
	require.NoError(t, err)
	s.keysAndDumps = nil
}

// restoreSome puts older values of some keys in place of the present ones.
var restoreSome = redis.NewScript(`
for i = 1, #ARGV, 2 do redis.call('RESTORE', ARGV[i], 0, ARGV[i+1], 'REPLACE') end
return #ARGV
`)

// identitiesBack sets back the node of a cluster on which the identities lie, alone.
func (s *snapshot) identitiesBack(t *testing.T, p *parts.Parts) {
	t.Helper()
	var some []any
	for i := 0; i < len(s.keysAndDumps); i += 2 {
		if strings.HasPrefix(s.keysAndDumps[i].(string), "tw:id:") {
			some = append(some, s.keysAndDumps[i:i+2]...)
		}
	}
	require.NotEmpty(t, some)
	_, err := p.Redis.TxPipelined(t.Context(), func(tx redis.Pipeliner) error {
		restoreSome.Eval(t.Context(), tx, []string{"x"}, some...)
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
