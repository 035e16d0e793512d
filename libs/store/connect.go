package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Config says where Redis is.
type Config struct {
	Addrs          []string // one: standalone; several: Sentinel or Cluster
	SentinelMaster string
	Cluster        bool
	Database       int // of a standalone server or of Sentinel's master; a Cluster has 0 only
	User, Password string
	// Sentinels log in by themselves; empty: without.
	SentinelUser, SentinelPassword string
	TLS                            *tls.Config
}

// Connect makes a client; it dials on first use. A command without an answer for
// ten seconds is an outage.
func Connect(cfg Config) (redis.UniversalClient, error) {
	o := options(cfg)
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.MaxRetries, o.PoolSize = 3*time.Second, 10*time.Second, 10*time.Second, 2, 64
	return connect(cfg, o)
}

// Probe makes a client that has no patience: for the question whether Redis
// answers at all, by [Reach].
func Probe(cfg Config) (redis.UniversalClient, error) {
	o := options(cfg)
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.MaxRetries, o.PoolSize = time.Second, time.Second, time.Second, -1, 2
	o.DialerRetries, o.ContextTimeoutEnabled = 1, true
	return connect(cfg, o)
}

func options(cfg Config) *redis.UniversalOptions {
	return &redis.UniversalOptions{
		Addrs: cfg.Addrs, MasterName: cfg.SentinelMaster, IsClusterMode: cfg.Cluster, Username: cfg.User, Password: cfg.Password,
		DB: cfg.Database, SentinelUsername: cfg.SentinelUser, SentinelPassword: cfg.SentinelPassword,
		TLSConfig: cfg.TLS, DisableIdentity: true,
	}
}

func connect(cfg Config, o *redis.UniversalOptions) (redis.UniversalClient, error) {
	if len(cfg.Addrs) == 0 {
		return nil, errors.New("store: Config.Addrs is empty")
	}
	if !cfg.Cluster {
		return redis.NewUniversalClient(o), nil
	}
	// A master that is gone cannot say who has taken its slots over, and go-redis
	// asks the others only when its picture is this old: a minute by default.
	c := o.Cluster()
	c.ClusterStateReloadInterval = clusterPicture
	return redis.NewClusterClient(c), nil
}

// clusterPicture is how old the client's picture of a Cluster may be.
const clusterPicture = time.Second

// Reach is nil when Redis answers; of a Cluster each master has to.
func Reach(ctx context.Context, rdb redis.UniversalClient) error {
	if c, ok := rdb.(*redis.ClusterClient); ok {
		return c.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			if err := node.Ping(ctx).Err(); err != nil {
				return fmt.Errorf("reach %s: %w", node.Options().Addr, err)
			}
			return nil
		})
	}
	if err := rdb.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("reach redis: %w", err)
	}
	return nil
}

// Now is Redis' clock, which stream time never passes.
func Now(ctx context.Context, rdb redis.UniversalClient) (time.Time, error) {
	t, err := rdb.Time(ctx).Result()
	if err != nil {
		return time.Time{}, fmt.Errorf("redis time: %w", err)
	}
	return t, nil
}

// Scan calls fn with each key that matches pattern on the node that holds slot
// key near.
func Scan(ctx context.Context, rdb redis.UniversalClient, near, pattern string, fn func(keys []string) error) error {
	var node redis.Cmdable = rdb
	if c, ok := rdb.(*redis.ClusterClient); ok {
		m, err := c.MasterForKey(ctx, near)
		if err != nil {
			return fmt.Errorf("find the node of %s: %w", near, err)
		}
		node = m
	}
	var cursor uint64
	for {
		keys, next, err := node.Scan(ctx, cursor, pattern, 2000).Result()
		if err != nil {
			return fmt.Errorf("scan %s: %w", pattern, err)
		}
		if err := fn(keys); err != nil {
			return err
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// Glob quotes a text for a SCAN pattern.
func Glob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(s)
}
