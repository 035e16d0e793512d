package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// The epoch is Redis' clock in microseconds or one above the last, whichever is
// more: a Redis that came back with an older state gives none a second time, so
// no owner of before, woken up, is taken for one of now.
var epochScript = redis.NewScript(`
local t = redis.call('TIME')
local epoch = t[1] * 1000000 + t[2]
local last = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '0')
if epoch <= last then epoch = last + 1 end
redis.call('HSET', KEYS[1], 'epoch', string.format('%.0f', epoch))
return epoch
`)

// RaiseEpoch makes the caller the owner of what the hash at key describes: its
// field epoch is higher afterwards than any given out before.
func RaiseEpoch(ctx context.Context, rdb redis.UniversalClient, key string) (int64, error) {
	return epochScript.Run(ctx, rdb, []string{key}).Int64()
}

// LuaRun is the Lua function run(): what Run answers.
const LuaRun = `
local function run()
  local server, replication = redis.pcall('INFO', 'server'), redis.pcall('INFO', 'replication')
  if type(server) ~= 'string' or type(replication) ~= 'string' then return '' end
  local id, replid = server:match('run_id:(%w+)'), replication:match('master_replid:(%w+)')
  if not id or not replid then return '' end
  return id .. '.' .. replid
end
`

var runScript = redis.NewScript(LuaRun + `return run()`)

// Run names the unbroken life of the server that holds key: a restart and a
// fail-over change it. As long as it is the same, nothing that was written is
// gone. It is empty where Redis does not tell.
func Run(ctx context.Context, rdb redis.UniversalClient, key string) (string, error) {
	run, err := runScript.Run(ctx, rdb, []string{key}).Text()
	if err != nil {
		return "", fmt.Errorf("ask redis for its run id: %w", err)
	}
	return run, nil
}

// Unbroken says that Redis has lost nothing between two answers of Run.
func Unbroken(before, now string) bool { return now != "" && before == now }

// Lives names the lives of all masters that hold keys, those of a Cluster
// together: identities lie on each of them.
func Lives(ctx context.Context, rdb redis.UniversalClient) (string, error) {
	c, ok := rdb.(*redis.ClusterClient)
	if !ok {
		return Run(ctx, rdb, "x")
	}
	var mu sync.Mutex
	var lives []string
	err := c.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		run, err := runScript.Run(ctx, node, nil).Text()
		mu.Lock()
		lives = append(lives, run)
		mu.Unlock()
		return err
	})
	if err != nil {
		return "", fmt.Errorf("ask each master for its run id: %w", err)
	}
	if slices.Contains(lives, "") {
		return "", nil
	}
	slices.Sort(lives)
	return strings.Join(lives, "+"), nil
}
