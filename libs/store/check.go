package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tagwire/tagwire/libs/telemetry"
)

// Expect is what the configuration says of Redis.
type Expect struct {
	Replicas  int  // that must have a commit before it counts
	FailsOver bool // Sentinel or Cluster: a replica may become the master
}

const oldestMajor = 7

var redisVersion = regexp.MustCompile(`(?m)^redis_version:(\d+)\.`)

// Check refuses a Redis that would lose data by what it is: too old, or with an
// eviction policy. What is only weaker than demanded is a warning, with what it
// may lose and its cure. Every node of a Cluster is asked, and the replicas of a
// Sentinel's master: any may be the master tomorrow.
func Check(ctx context.Context, rdb redis.UniversalClient, e Expect) ([]telemetry.Words, error) {
	c := &checker{expect: e}
	if cluster, ok := rdb.(*redis.ClusterClient); ok {
		if err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			return c.node(ctx, node, node.Options().Addr)
		}); err != nil {
			return nil, err
		}
		// A replica may be down, or out of our reach, and all goes on without it.
		if err := cluster.ForEachSlave(ctx, func(ctx context.Context, node *redis.Client) error {
			if err := c.node(ctx, node, node.Options().Addr); errors.Is(err, ErrUnfit) {
				return err
			}
			return nil
		}); err != nil {
			return nil, err
		}
	} else if err := c.node(ctx, rdb, ""); err != nil {
		return nil, err
	}
	if one, ok := rdb.(*redis.Client); ok && e.FailsOver {
		if err := c.followers(ctx, one); err != nil {
			return nil, err
		}
	}
	return c.words(), nil
}

// checker gathers the nodes of each kind of weakness.
type checker struct {
	expect Expect

	mu                          sync.Mutex
	closed, off, sometimes, few []string
}

func (c *checker) note(list *[]string, node string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*list = append(*list, node)
}

func (c *checker) node(ctx context.Context, node redis.Cmdable, name string) error {
	where := strings.TrimSpace("Redis " + name)
	if err := node.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("reach %s: %w", where, err)
	}
	if info, err := node.Info(ctx, "server").Result(); err == nil {
		if m := redisVersion.FindStringSubmatch(info); m != nil {
			if major, err := strconv.Atoi(m[1]); err == nil && major < oldestMajor {
				return fmt.Errorf("%s 的版本是 %d，需要 7 或更新的版本 / %s is of version %d, 7 or later is needed: %w", where, major, where, major, ErrUnfit)
			}
		}
	}
	cfg, err := node.ConfigGet(ctx, "*").Result()
	if err != nil {
		c.note(&c.closed, name)
	}
	if p := cfg["maxmemory-policy"]; p != "" && p != "noeviction" {
		return fmt.Errorf("%s 的 maxmemory-policy 是 %s，内存满时会悄悄淘汰客户档案：请设为 noeviction / %s has maxmemory-policy %s, profiles would be evicted silently: set noeviction: %w", where, p, where, p, ErrUnfit)
	}
	switch {
	case err != nil:
	case cfg["appendonly"] != "yes":
		c.note(&c.off, name)
	case cfg["appendfsync"] != "always" && c.expect.Replicas == 0:
		c.note(&c.sometimes, name)
	}
	return c.follow(ctx, node, name)
}

// follower is how a master names one that follows it.
var follower = regexp.MustCompile(`(?m)^slave\d+:ip=([^,]+),port=(\d+),state=online`)

// followers asks the replicas of a master, as far as they can be reached from here.
func (c *checker) followers(ctx context.Context, master *redis.Client) error {
	info, err := master.Info(ctx, "replication").Result()
	if err != nil {
		return nil //nolint:nilerr // without the right to look nothing is said
	}
	for _, m := range follower.FindAllStringSubmatch(info, -1) {
		o := *master.Options()
		o.Addr, o.Dialer = net.JoinHostPort(m[1], m[2]), nil // not Sentinel's way to the master
		o.DialTimeout, o.ReadTimeout, o.MaxRetries, o.DialerRetries, o.PoolSize = time.Second, time.Second, -1, 1, 1
		node := redis.NewClient(&o)
		err := c.node(ctx, node, o.Addr)
		_ = node.Close() // of a few questions
		if errors.Is(err, ErrUnfit) {
			return err
		}
	}
	return nil
}

// follow looks whether a master has as many replicas as are expected.
func (c *checker) follow(ctx context.Context, node redis.Cmdable, name string) error {
	if c.expect.Replicas == 0 {
		return nil
	}
	info, err := node.Info(ctx, "replication").Result()
	if err != nil || !strings.Contains(info, "role:master") {
		return nil //nolint:nilerr // without the right to look nothing is said
	}
	for i := range c.expect.Replicas {
		if !strings.Contains(info, fmt.Sprintf("slave%d:", i)) {
			c.note(&c.few, name)
			break
		}
	}
	return nil
}

// ErrUnfit is the cause of every refusal of a Redis by Check: asking again
// cannot mend it, changing Redis can.
var ErrUnfit = errors.New("this Redis would lose data")

func (c *checker) words() []telemetry.Words {
	var out []telemetry.Words
	say := func(nodes []string, zh, en string) {
		if len(nodes) == 0 {
			return
		}
		slices.Sort(nodes)
		at := strings.TrimSpace("Redis " + strings.Join(nodes, ", "))
		out = append(out, telemetry.Words{Zh: at + "：" + zh, En: at + ": " + en})
	}
	say(c.closed, "不允许 CONFIG GET，无法检查持久化设置。请给用户加上权限 +config|get",
		"refuses CONFIG GET, its persistence cannot be checked. Give the user +config|get")
	say(c.off, "appendonly 未开启，崩溃或断电会丢失上次快照以后的全部状态。请执行 CONFIG SET appendonly yes，并写入配置文件",
		"appendonly is off, a crash or a power cut loses all state since the last snapshot. Run CONFIG SET appendonly yes, and write it to its configuration file")
	say(c.sometimes, "appendfsync 不是 always，断电可能丢失最后一秒的提交。请执行 CONFIG SET appendfsync always 并写入配置文件，或配置副本并设 redis.replicas: 1",
		"appendfsync is not always, a power cut may lose the last second of commits. Run CONFIG SET appendfsync always and write it to its configuration file, or have replicas and set redis.replicas: 1")
	say(c.few, fmt.Sprintf("副本少于 redis.replicas 要求的 %d 个，提交得不到确认，分片会停住。请补上副本，或调低 redis.replicas", c.expect.Replicas),
		fmt.Sprintf("has fewer replicas than redis.replicas demands (%d), commits are not confirmed and shards stand still. Add replicas, or lower redis.replicas", c.expect.Replicas))
	if c.expect.FailsOver && c.expect.Replicas == 0 {
		out = append(out, telemetry.Words{
			Zh: "Redis：redis.replicas 是 0，主从切换会丢失新主库尚未收到的提交。请设置 redis.replicas: 1（或 TAGWIRE_REDIS_REPLICAS=1）",
			En: "Redis: redis.replicas is 0, a fail-over loses the commits that the new master had not received. Set redis.replicas: 1 (or TAGWIRE_REDIS_REPLICAS=1)",
		})
	}
	return out
}
