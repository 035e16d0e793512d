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

// Connect makes a client; it dials on first use.
func Connect(cfg Config) (redis.UniversalClient, error) {
	if len(cfg.Addrs) == 0 {
		return nil, errors.New("store: Config.Addrs is empty")
	}
	o := &redis.UniversalOptions{
		Addrs: cfg.Addrs, MasterName: cfg.SentinelMaster, IsClusterMode: cfg.Cluster, Username: cfg.User, Password: cfg.Password,
		DB: cfg.Database, SentinelUsername: cfg.SentinelUser, SentinelPassword: cfg.SentinelPassword,
		TLSConfig: cfg.TLS, DialTimeout: 3 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second,
		MaxRetries: 2, PoolSize: 64, DisableIdentity: true,
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

// Check refuses a Redis that would lose data by its settings: an eviction
// policy. What is only weaker than advised is a warning.
func Check(ctx context.Context, rdb redis.UniversalClient) (warnings []string, err error) {
	if err := rdb.Ping(ctx).Err(); err != nil {
		return nil, fmt.Errorf("reach redis: %w", err)
	}
	cfg, err := rdb.ConfigGet(ctx, "*").Result()
	if err != nil {
		return []string{"Redis 不允许 CONFIG GET，无法检查持久化设置 / Redis refuses CONFIG GET, its persistence cannot be checked"}, nil
	}
	if p := cfg["maxmemory-policy"]; p != "" && p != "noeviction" {
		return nil, fmt.Errorf("redis maxmemory-policy is %s: profiles would be evicted; set noeviction", p)
	}
	if cfg["appendonly"] != "yes" {
		warnings = append(warnings, "Redis appendonly 未开启：崩溃会丢失状态 / Redis appendonly is off: a crash loses state; set appendonly yes")
	} else if cfg["appendfsync"] != "always" {
		warnings = append(warnings, "Redis appendfsync 不是 always：断电可能丢失最后一秒 / Redis appendfsync is not always: a power cut may lose the last second")
	}
	return warnings, nil
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
