package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrUnconfirmed says that a write is done, but that fewer replicas than demanded
// have it: a fail-over could take it back. Whoever wrote reads again before it
// goes on.
var ErrUnconfirmed = errors.New("too few replicas have confirmed the write in time")

// confirmWithin is how long a write waits for replicas. A replica that follows
// answers within a millisecond.
const confirmWithin = 2 * time.Second

// Call is a script with the keys of one slot.
type Call struct {
	Script *redis.Script
	Keys   []string
	Args   []any
}

// Confirmed runs a script that answers with a text. With replicas above 0 it then
// waits, on the same connection, until so many replicas have what it wrote: only
// then does a fail-over keep it (mechanics of plans and commits).
func Confirmed(ctx context.Context, rdb redis.UniversalClient, replicas int, c Call) (string, error) {
	if replicas <= 0 {
		return c.Script.Run(ctx, rdb, c.Keys, c.Args...).Text()
	}
	var node redis.Cmdable = rdb
	cluster, isCluster := rdb.(*redis.ClusterClient)
	if isCluster { // WAIT names no key, so the node is chosen here
		m, err := cluster.MasterForKey(ctx, c.Keys[0])
		if err != nil {
			return "", fmt.Errorf("find the node of %s: %w", c.Keys[0], err)
		}
		node = m
	}
	answer, err := onOneConnection(ctx, node, replicas, c)
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		if err := c.Script.Load(ctx, node).Err(); err != nil {
			return "", fmt.Errorf("load a script: %w", err)
		}
		answer, err = onOneConnection(ctx, node, replicas, c)
	}
	if err != nil && isCluster { // it may have moved
		cluster.ReloadState(ctx)
	}
	return answer, err
}

func onOneConnection(ctx context.Context, node redis.Cmdable, replicas int, c Call) (string, error) {
	pipe := node.Pipeline()
	ran := pipe.EvalSha(ctx, c.Script.Hash(), c.Keys, c.Args...)
	waited := pipe.Do(ctx, "WAIT", replicas, confirmWithin.Milliseconds())
	_, err := pipe.Exec(ctx)
	answer, ranErr := ran.Text()
	if ranErr != nil {
		return "", ranErr
	}
	if err != nil {
		return "", err
	}
	if n, err := waited.Int(); err != nil || n < replicas {
		return "", fmt.Errorf("%d of %d: %w", n, replicas, errors.Join(ErrUnconfirmed, err))
	}
	return answer, nil
}
