package partstest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
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

// RedisOptions say what Redis a test wants.
type RedisOptions struct {
	Program  RedisProgram // zero: the first of RedisPrograms
	Secure   bool         // TLS only, and an ACL user with the rights that the product needs; Program has TLS
	Settings []string     // more lines of configuration
}

// Redis is one running server, with an append-only file synced always.
type Redis struct {
	*Process
	Addr           string
	User, Password string
	TLS            *tls.Config
	dir            string
	port, bus      int // bus 0: not of a Cluster
	options        RedisOptions
	cert           *certificate
}

// Rights are those of the ACL user that the product is run with: all keys of the
// product, nothing that administers the server but looking at its settings.
const Rights = "~tw:* &* +@all -@admin -@dangerous +info +config|get +wait"

// Store is how the product reaches it.
func (r *Redis) Store() store.Config {
	return store.Config{Addrs: []string{r.Addr}, User: r.User, Password: r.Password, TLS: r.TLS}
}

// StartRedis runs a standalone server until the test ends.
func StartRedis(t testing.TB, o RedisOptions) *Redis {
	t.Helper()
	var r *Redis
	err := onFreshPorts(func() error {
		list, err := newRedis(t.TempDir(), o, 1)
		if err != nil {
			return err
		}
		r = list[0]
		return r.Start(t.Context())
	})
	if r != nil {
		r.endWithTest(t)
	}
	require.NoError(t, err)
	return r
}

// newRedis sets servers up that share a password; several are nodes of a Cluster.
func newRedis(dir string, o RedisOptions, n int) ([]*Redis, error) {
	if o.Program.path == "" {
		programs, err := RedisPrograms()
		if err != nil {
			return nil, err
		}
		o.Program = programs[0]
	}
	proto := Redis{Password: rand.Text(), options: o}
	if o.Secure {
		if !o.Program.TLS {
			return nil, fmt.Errorf("%s has no TLS", o.Program.Name)
		}
		var err error
		if proto.cert, err = newCertificate(dir); err != nil {
			return nil, err
		}
		proto.User, proto.TLS = "tagwire", proto.cert.Trust
	}
	var out []*Redis
	for i := range n {
		r := proto
		r.dir = filepath.Join(dir, fmt.Sprintf("redis-%d", i+1))
		if err := os.MkdirAll(r.dir, 0o700); err != nil {
			return nil, fmt.Errorf("make a folder for Redis: %w", err)
		}
		p, err := freePorts(2)
		if err != nil {
			return nil, err
		}
		r.port, r.Addr = p[0], address(p[0])
		if n > 1 {
			r.bus = p[1]
		}
		config, err := r.write()
		if err != nil {
			return nil, err
		}
		r.Process = &Process{
			Name: fmt.Sprintf("%s at %s", o.Program.Name, r.Addr), Log: filepath.Join(r.dir, "log"),
			command: func() *exec.Cmd { return o.Program.command(config) }, ready: r.ready,
		}
		out = append(out, &r)
	}
	return out, nil
}

// Copy is the append-only file as it stands now. The server is frozen meanwhile.
func (r *Redis) Copy(to string) error {
	if err := r.Pause(); err != nil {
		return err
	}
	return errors.Join(os.CopyFS(to, os.DirFS(r.files())), r.Resume())
}

// PutBack gives a server that is down the append-only file of a copy.
func (r *Redis) PutBack(from string) error {
	if r.Running() {
		return fmt.Errorf("put a copy back to %s: %w", r.Name, errRuns)
	}
	if err := os.RemoveAll(r.files()); err != nil {
		return fmt.Errorf("remove what %s holds: %w", r.Name, err)
	}
	return os.CopyFS(r.files(), os.DirFS(from))
}

func (r *Redis) files() string { return filepath.Join(r.dir, "appendonlydir") }

// write makes the server's file of settings.
func (r *Redis) write() (string, error) {
	lines := []string{
		"bind 127.0.0.1", fmt.Sprintf("dir %q", r.dir), "appendonly yes", "appendfsync always", `save ""`,
		"maxmemory-policy noeviction", "daemonize no", `logfile ""`, "repl-diskless-sync-delay 0",
	}
	if r.bus != 0 {
		lines = append(lines, "cluster-enabled yes", "cluster-config-file nodes.conf", fmt.Sprintf("cluster-port %d", r.bus), "cluster-node-timeout 1500")
	}
	if r.cert == nil {
		lines = append(lines, fmt.Sprintf("port %d", r.port), "requirepass "+r.Password, "masterauth "+r.Password)
	} else {
		// Replicas log in as an administrator of their own.
		lines = append(lines, "port 0", fmt.Sprintf("tls-port %d", r.port), fmt.Sprintf("tls-cert-file %q", r.cert.Cert), fmt.Sprintf("tls-key-file %q", r.cert.Key),
			fmt.Sprintf("tls-ca-cert-file %q", r.cert.Cert), "tls-auth-clients no", "tls-replication yes", "tls-cluster yes",
			"user default off", "user replica on >"+r.Password+" ~* &* +@all", "masteruser replica", "masterauth "+r.Password,
			"user "+r.User+" on >"+r.Password+" "+Rights)
	}
	lines = append(lines, r.options.Settings...)
	path := filepath.Join(r.dir, "redis.conf")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("write the settings of Redis: %w", err)
	}
	return path, nil
}

// Client is a client to this server alone; the caller closes it.
func (r *Redis) Client() *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: r.Addr, Username: r.User, Password: r.Password, TLSConfig: r.TLS,
		DialTimeout: time.Second, ReadTimeout: 3 * time.Second, DisableIdentity: true, MaxRetries: -1, PoolSize: 1,
	})
}

// admin is Client with all rights.
func (r *Redis) admin() *redis.Client {
	c := r.Client()
	if r.cert != nil {
		_ = c.Close() // not used
		o := *c.Options()
		o.Username = "replica"
		c = redis.NewClient(&o)
	}
	return c
}

// ready is nil when the server answers and has read its data.
func (r *Redis) ready(ctx context.Context) error {
	c := r.Client()
	defer func() { _ = c.Close() }() // one question
	if err := c.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("ask Redis: %w", err)
	}
	return nil
}

// ErrNoTLS says that no server at hand was built with TLS.
var ErrNoTLS = errors.New("no Redis at hand was built with TLS")

// RedisWithTLS is the first of RedisPrograms that was built with TLS.
func RedisWithTLS() (RedisProgram, error) {
	programs, err := RedisPrograms()
	if err != nil {
		return RedisProgram{}, err
	}
	for _, p := range programs {
		if p.TLS {
			return p, nil
		}
	}
	return RedisProgram{}, ErrNoTLS
}
