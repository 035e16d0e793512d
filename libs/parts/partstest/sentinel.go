package partstest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/store"
)

var errNoReplica = errors.New("Sentinel knows no replica that follows")

// SentinelMaster is what the watched master is called.
const SentinelMaster = "tw"

// Sentinel watches a master and its replica; it has a user of its own.
type Sentinel struct {
	*Process
	Addr            string
	User, Password  string
	Master, Replica *Redis
}

// Store is how the product reaches the master by its Sentinel.
func (s *Sentinel) Store() store.Config {
	c := s.Master.Store()
	c.Addrs, c.SentinelMaster, c.SentinelUser, c.SentinelPassword = []string{s.Addr}, SentinelMaster, s.User, s.Password
	return c
}

// StartSentinel runs a master, a replica and one Sentinel until the test ends.
func StartSentinel(t testing.TB) *Sentinel {
	t.Helper()
	s := &Sentinel{User: "watch", Password: rand.Text(), Master: StartRedis(t, RedisOptions{})}
	host, port, err := net.SplitHostPort(s.Master.Addr)
	require.NoError(t, err)
	s.Replica = StartRedis(t, RedisOptions{Settings: []string{"replicaof " + host + " " + port, "masterauth " + s.Master.Password}})
	c := s.Replica.Client()
	require.NoError(t, c.ConfigSet(t.Context(), "requirepass", s.Master.Password).Err(), "either may be the master")
	require.NoError(t, c.Close())
	s.Replica.Password = s.Master.Password
	err = onFreshPorts(func() error { return s.start(t.Context(), t.TempDir()) })
	if s.Process != nil {
		s.endWithTest(t)
	}
	require.NoError(t, err)
	return s
}

func (s *Sentinel) start(ctx context.Context, dir string) error {
	p, err := freePorts(1)
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(s.Master.Addr)
	if err != nil {
		return fmt.Errorf("address of the master: %w", err)
	}
	s.Addr = address(p[0])
	lines := []string{
		"bind 127.0.0.1", fmt.Sprintf("port %d", p[0]), fmt.Sprintf("dir %q", dir), "daemonize no", `logfile ""`,
		"user default off", "user " + s.User + " on >" + s.Password + " ~* &* +@all",
		"sentinel monitor " + SentinelMaster + " " + host + " " + port + " 1",
		"sentinel auth-pass " + SentinelMaster + " " + s.Master.Password,
		"sentinel down-after-milliseconds " + SentinelMaster + " 1000",
		"sentinel failover-timeout " + SentinelMaster + " 5000",
	}
	path := filepath.Join(dir, "sentinel.conf")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the settings of Sentinel: %w", err)
	}
	program := s.Master.options.Program
	s.Process = &Process{
		Name: "Sentinel at " + s.Addr, Log: filepath.Join(dir, "log"),
		command: func() *exec.Cmd { return program.command(path, "--sentinel") }, ready: s.knows,
	}
	return s.Start(ctx)
}

// knows is nil when the Sentinel has found the replica.
func (s *Sentinel) knows(ctx context.Context) error {
	c := redis.NewSentinelClient(&redis.Options{Addr: s.Addr, Username: s.User, Password: s.Password, DialTimeout: time.Second, DisableIdentity: true, MaxRetries: -1})
	defer func() { _ = c.Close() }() // one question
	list, err := c.Replicas(ctx, SentinelMaster).Result()
	if err != nil {
		return fmt.Errorf("ask Sentinel: %w", err)
	}
	if len(list) == 0 || list[0]["master-link-status"] != "ok" {
		return errNoReplica
	}
	return nil
}
