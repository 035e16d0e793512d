package partstest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/embedded"
	"github.com/tagwire/tagwire/libs/warehouse"
)

// ClickHouse is a running engine of its own, beside the one that the tests of a
// binary share.
type ClickHouse struct {
	Native, HTTP string
	dir          string

	mu    sync.Mutex
	parts *embedded.Parts // nil: it does not run
	conf  warehouse.Config
}

var _ Node = (*ClickHouse)(nil)

// engineName is what the engine's process is called.
const engineName = "tagwire-clickhouse"

// StartClickHouse runs an engine until the test ends.
func StartClickHouse(t testing.TB) *ClickHouse {
	t.Helper()
	c := &ClickHouse{Native: FreeAddress(t), HTTP: FreeAddress(t), dir: t.TempDir()}
	require.NoError(t, c.Start(t.Context()))
	t.Cleanup(func() {
		if err := c.Stop(); err != nil && !errors.Is(err, errDown) {
			t.Error(err)
		}
	})
	return c
}

// Warehouse is how the product reaches it.
func (c *ClickHouse) Warehouse() warehouse.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conf
}

// Weaken replaces a text of the users' file; the server is killed, and its keeper
// starts it again with that. Start writes the file as it was.
func (c *ClickHouse) Weaken(from, to string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	path := filepath.Join(c.dir, "clickhouse", "users.xml")
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the users of ClickHouse: %w", err)
	}
	if !strings.Contains(string(text), from) {
		return fmt.Errorf("the users of ClickHouse do not say %q", from)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), from, to)), 0o600); err != nil {
		return fmt.Errorf("write the users of ClickHouse: %w", err)
	}
	return c.signal(syscall.SIGKILL)
}

// Start runs it, on the ports it had before.
func (c *ClickHouse) Start(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parts != nil {
		return fmt.Errorf("start ClickHouse: %w", errRuns)
	}
	p, err := embedded.Start(ctx, embedded.Options{
		Dir: c.dir, Log: zap.NewNop(), ClickHouse: true, ClickHouseNativeAddr: c.Native, ClickHouseHTTPAddr: c.HTTP,
	})
	if err != nil {
		return fmt.Errorf("start ClickHouse: %w", err)
	}
	c.parts, c.Native, c.HTTP = p, p.ClickHouseNative, p.ClickHouseHTTP
	c.conf = warehouse.Config{Addrs: []string{c.Native}, User: p.ClickHouseUser, Password: p.ClickHousePassword}
	return nil
}

// Stop ends it in order.
func (c *ClickHouse) Stop() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.close()
}

// Kill ends it at once, and keeps it down.
func (c *ClickHouse) Kill() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.signal(syscall.SIGKILL); err != nil {
		return err
	}
	return c.close()
}

func (c *ClickHouse) close() error {
	if c.parts == nil {
		return fmt.Errorf("end ClickHouse: %w", errDown)
	}
	p := c.parts
	c.parts = nil
	if err := p.Close(context.Background()); err != nil {
		return fmt.Errorf("end ClickHouse: %w", err)
	}
	return nil
}

// Pause freezes it.
func (c *ClickHouse) Pause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.signal(syscall.SIGSTOP)
}

// Resume wakes it.
func (c *ClickHouse) Resume() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.signal(syscall.SIGCONT)
}

// signal finds the engine among our children.
func (c *ClickHouse) signal(sig syscall.Signal) error {
	if c.parts == nil {
		return fmt.Errorf("signal ClickHouse: %w", errDown)
	}
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,args=").Output()
	if err != nil {
		return fmt.Errorf("list processes: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 3 || f[1] != strconv.Itoa(os.Getpid()) {
			continue
		}
		pid, err := strconv.Atoi(f[0])
		if err != nil {
			return fmt.Errorf("list processes: %w", err)
		}
		if !c.isEngine(pid, line) {
			continue
		}
		if err := syscall.Kill(pid, sig); err != nil {
			return fmt.Errorf("signal ClickHouse: %w", err)
		}
		if sig == syscall.SIGSTOP {
			return frozen(pid)
		}
		return nil
	}
	return errors.New("signal ClickHouse: its process was not found")
}

// isEngine knows our engine among our children by its folder, which its
// environment or its arguments name; where neither is to be seen, by its name.
func (c *ClickHouse) isEngine(pid int, args string) bool {
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return strings.Contains(args, c.dir) || strings.Contains(args, engineName)
	}
	return strings.Contains(string(env)+args, c.dir)
}
