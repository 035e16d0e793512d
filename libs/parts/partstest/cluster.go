package partstest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tagwire/tagwire/libs/store"
)

// The shape of a Cluster.
const (
	ClusterMasters = 3
	ClusterNodes   = 2 * ClusterMasters
	clusterSlots   = 16384
)

// RedisCluster is a running Cluster: three masters and their replicas, as they
// began; a fail-over changes who is which.
type RedisCluster struct {
	Nodes []*Redis
}

// Store is how the product reaches it.
func (c *RedisCluster) Store() store.Config {
	s := c.Nodes[0].Store()
	s.Cluster, s.Addrs = true, nil
	for _, n := range c.Nodes {
		s.Addrs = append(s.Addrs, n.Addr)
	}
	return s
}

// StartRedisCluster runs a Cluster until the test ends; it returns when all slots
// are served and every replica follows its master.
func StartRedisCluster(t testing.TB, o RedisOptions) *RedisCluster {
	t.Helper()
	c, err := NewRedisCluster(t.Context(), t.TempDir(), o)
	require.NoError(t, err)
	for _, n := range c.Nodes {
		n.endWithTest(t)
	}
	return c
}

// NewRedisCluster is StartRedisCluster for tests that share one; Close ends it.
func NewRedisCluster(ctx context.Context, dir string, o RedisOptions) (*RedisCluster, error) {
	c := &RedisCluster{}
	err := onFreshPorts(func() error {
		sub, err := os.MkdirTemp(dir, "try-*")
		if err != nil {
			return fmt.Errorf("make a folder for a Cluster: %w", err)
		}
		if c.Nodes, err = newRedis(sub, o, ClusterNodes); err != nil {
			return err
		}
		if err := c.form(ctx); err != nil {
			return errors.Join(err, c.Close())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Close kills what runs of it.
func (c *RedisCluster) Close() error {
	var errs []error
	for _, n := range c.Nodes {
		if err := n.Kill(); err != nil && !errors.Is(err, errDown) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// form starts the nodes and makes one Cluster of them.
func (c *RedisCluster) form(ctx context.Context) error {
	var g errgroup.Group
	for _, n := range c.Nodes {
		g.Go(func() error { return n.Start(ctx) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	clients := make([]*redis.Client, len(c.Nodes))
	for i, n := range c.Nodes {
		clients[i] = n.admin()
		defer func() { _ = clients[i].Close() }() // of a few questions
	}
	if err := c.meet(ctx, clients); err != nil {
		return err
	}
	for i, client := range clients[ClusterMasters:] {
		id, err := clients[i].Do(ctx, "CLUSTER", "MYID").Text()
		if err != nil {
			return fmt.Errorf("ask for a node's id: %w", err)
		}
		if err := client.ClusterReplicate(ctx, id).Err(); err != nil {
			return fmt.Errorf("make a replica: %w", err)
		}
	}
	return until(ctx, "the Cluster is whole", func(ctx context.Context) error {
		for i, client := range clients {
			if err := whole(ctx, client, i >= ClusterMasters); err != nil {
				return err
			}
		}
		return nil
	})
}

// meet gives the masters their slots and makes all nodes known to each other.
func (c *RedisCluster) meet(ctx context.Context, clients []*redis.Client) error {
	for i, client := range clients {
		if err := client.Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err(); err != nil {
			return fmt.Errorf("set a node's epoch: %w", err)
		}
		if i < ClusterMasters {
			from, to := i*clusterSlots/ClusterMasters, (i+1)*clusterSlots/ClusterMasters-1
			if err := client.ClusterAddSlotsRange(ctx, from, to).Err(); err != nil {
				return fmt.Errorf("give slots %d-%d: %w", from, to, err)
			}
		}
	}
	first, again := c.Nodes[0], time.Time{}
	return until(ctx, "the nodes know each other", func(ctx context.Context) error {
		// A handshake that takes too long on a busy machine is given up: once more.
		if time.Since(again) > 3*time.Second {
			for _, client := range clients[1:] {
				if err := client.Do(ctx, "CLUSTER", "MEET", "127.0.0.1", first.port, first.bus).Err(); err != nil {
					return fmt.Errorf("let the nodes meet: %w", err)
				}
			}
			again = time.Now()
		}
		for _, client := range clients {
			info, err := client.ClusterInfo(ctx).Result()
			if err != nil {
				return fmt.Errorf("ask a node: %w", err)
			}
			if !strings.Contains(info, "cluster_known_nodes:"+strconv.Itoa(ClusterNodes)) {
				return errors.New("a node does not know all")
			}
		}
		return nil
	})
}

// whole is nil when a node sees all slots served, and follows its master if it is
// a replica.
func whole(ctx context.Context, client *redis.Client, replica bool) error {
	info, err := client.ClusterInfo(ctx).Result()
	if err != nil {
		return fmt.Errorf("ask a node: %w", err)
	}
	if !strings.Contains(info, "cluster_state:ok") {
		return errors.New("the state of the Cluster is not ok")
	}
	if !replica {
		return nil
	}
	if info, err = client.Info(ctx, "replication").Result(); err != nil {
		return fmt.Errorf("ask a replica: %w", err)
	}
	if !strings.Contains(info, "master_link_status:up") {
		return errors.New("a replica does not follow yet")
	}
	return nil
}

// MasterOf is the node that serves a key's slot now, by the word of the nodes
// that answer.
func (c *RedisCluster) MasterOf(ctx context.Context, key string) (*Redis, error) {
	var errs []error
	for _, n := range c.Nodes {
		if !n.Running() {
			continue
		}
		addr, err := n.masterOf(ctx, key)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, m := range c.Nodes {
			if m.Addr == addr {
				return m, nil
			}
		}
	}
	return nil, errors.Join(append(errs, fmt.Errorf("nobody serves the slot of %s", key))...)
}

func (r *Redis) masterOf(ctx context.Context, key string) (string, error) {
	client := r.admin()
	defer func() { _ = client.Close() }() // of two questions
	slot, err := client.ClusterKeySlot(ctx, key).Result()
	if err != nil {
		return "", fmt.Errorf("ask for the slot of %s: %w", key, err)
	}
	shards, err := client.ClusterShards(ctx).Result()
	if err != nil {
		return "", fmt.Errorf("ask for the slots: %w", err)
	}
	for _, s := range shards {
		if !slices.ContainsFunc(s.Slots, func(r redis.SlotRange) bool { return r.Start <= slot && slot <= r.End }) {
			continue
		}
		for _, n := range s.Nodes {
			if n.Role == "master" && n.Health == "online" {
				return address(int(max(n.Port, n.TLSPort))), nil
			}
		}
	}
	return "", fmt.Errorf("slot %d is not served", slot)
}
