package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// valkeyConfig: every write is on disk before it is answered, and nothing is ever evicted. A profile is one flat
// hash up to 4 kB a field, which saves 230 bytes each. The password stands in this file and not on the command line, where `ps` would show it.
const valkeyConfig = `bind 127.0.0.1
port %s
requirepass %s
protected-mode yes
dir "%s"
appendonly yes
appendfsync always
no-appendfsync-on-rewrite no
auto-aof-rewrite-min-size 64mb
aof-load-truncated yes
save ""
rdbcompression no
auto-aof-rewrite-percentage 25
maxmemory-policy noeviction
hash-max-listpack-value 4096
maxclients 2000
tcp-keepalive 60
daemonize no
logfile ""
loglevel notice
`

type valkey struct {
	child  *child
	lock   *os.File // inherited by the child, so that the next start can wait until it is gone
	addr   string
	notice *Notice
}

func startValkey(ctx context.Context, o Options, password string) (*valkey, error) {
	program, err := valkeyServer(ctx, o.EnginesDir)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(o.Dir, "redis")
	lock, err := partLock(ctx, dir, "Redis")
	if err != nil {
		return nil, err
	}
	v := &valkey{lock: lock}
	if err := onFreshPorts(ctx, isFixed(o.RedisAddr), func(ctx context.Context) error { return v.start(ctx, o, program, password) }); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return v, nil
}

func (v *valkey) start(ctx context.Context, o Options, program, password string) error {
	addr, notice, err := place{part: "Redis", given: o.RedisAddr, standard: DefaultRedisAddr}.reserve()
	if err != nil {
		return err
	}
	v.addr, v.notice = addr, notice
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("port of Redis: %w", err)
	}
	dir := filepath.Join(o.Dir, "redis")
	config := filepath.Join(dir, "valkey.conf")
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(dir)
	if err := writeFile(config, fmt.Appendf(nil, valkeyConfig, port, password, quoted), 0o600); err != nil {
		return folderProblem(o.Dir, err)
	}
	command, err := valkeyCommand(program, config, v.lock)
	if err != nil {
		return err
	}
	v.child, err = startChild(ctx, childSpec{
		name: "Redis", log: o.Log, logPath: filepath.Join(dir, "valkey.log"), command: command,
		ready: func(ctx context.Context) error { return ping(ctx, addr, password) },
		stop:  terminate,
	})
	return err
}

func valkeyCommand(program, config string, lock *os.File) (func() (*exec.Cmd, error), error) {
	if !diesWithParent {
		return reexec("tagwire-redis", childOrder{Watch: program, Args: []string{config}}, lock)
	}
	return func() (*exec.Cmd, error) {
		cmd := exec.Command(program, config)
		cmd.ExtraFiles = []*os.File{lock}
		return cmd, nil
	}, nil
}

func (v *valkey) close() error {
	v.child.close()
	return v.lock.Close()
}

// ping asks for PONG with the password; while the data is being loaded the answer is LOADING.
func ping(ctx context.Context, addr, password string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("reach Redis: %w", err)
	}
	defer func() { _ = conn.Close() }()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return fmt.Errorf("ask Redis: %w", err)
		}
	}
	if _, err := fmt.Fprintf(conn, "AUTH %s\r\nPING\r\n", password); err != nil {
		return fmt.Errorf("ask Redis: %w", err)
	}
	r := bufio.NewReader(conn)
	for _, want := range []string{"+OK", "+PONG"} {
		line, err := r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("answer of Redis: %w", err)
		}
		if line = strings.TrimSpace(line); line != want {
			return fmt.Errorf("answer of Redis: %s", line)
		}
	}
	return nil
}

// partWait is how long the children of an earlier, killed process are waited for.
const partWait = 15 * time.Second

// partLock makes the part's folder and waits until no child of an earlier process works in it.
func partLock(ctx context.Context, dir, name string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, folderProblem(dir, err)
	}
	lock, err := flock(ctx, filepath.Join(dir, "child.lock"), partWait)
	if errors.Is(err, errHeld) {
		return nil, problem(ErrInUse, nil,
			fmt.Sprintf("上一次运行留下的 %s 进程在 %s 内没有退出，它还占用着 %s。请结束它再启动", name, partWait, dir),
			fmt.Sprintf("A %s process of an earlier run has not ended within %s and still works in %s. End it, then start again", name, partWait, dir))
	}
	if err != nil {
		return nil, folderProblem(dir, err)
	}
	return lock, nil
}
