package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// The users of the embedded ClickHouse.
const (
	ClickHouseUser = "tagwire"
	BIUser         = "bi"
)

type clickHouse struct {
	child        *child
	lock         *os.File
	native, http string
	notices      []*Notice
	lifeline     *os.File // while it is open for writing somewhere, the child's last query waits
}

func startClickHouse(ctx context.Context, o Options, s secrets) (*clickHouse, error) {
	engine, err := findClickHouse(o.EnginesDir)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(o.Dir, "clickhouse")
	lock, err := partLock(ctx, dir, "ClickHouse")
	if err != nil {
		return nil, err
	}
	c := &clickHouse{lock: lock}
	fixed := isFixed(o.ClickHouseNativeAddr) || isFixed(o.ClickHouseHTTPAddr)
	if err := onFreshPorts(ctx, fixed, func(ctx context.Context) error { return c.start(ctx, o, engine, s) }); err != nil {
		return nil, errors.Join(err, lock.Close(), c.cutLifeline())
	}
	return c, nil
}

func (c *clickHouse) start(ctx context.Context, o Options, engine clickHouseEngine, s secrets) error {
	native, notice, err := place{part: "ClickHouse", given: o.ClickHouseNativeAddr, standard: DefaultClickHouseNativeAddr}.reserve()
	if err != nil {
		return err
	}
	web, notice2, err := place{part: "ClickHouse HTTP", given: o.ClickHouseHTTPAddr, standard: DefaultClickHouseHTTPAddr}.reserve()
	if err != nil {
		return err
	}
	c.native, c.http, c.notices = native, web, []*Notice{notice, notice2}
	dir := filepath.Join(o.Dir, "clickhouse")
	if err := writeClickHouseConfig(dir, native, web, s); err != nil {
		return folderProblem(o.Dir, err)
	}
	command, err := c.command(dir, engine)
	if err != nil {
		return err
	}
	c.child, err = startChild(ctx, childSpec{
		name: "ClickHouse", log: o.Log, logPath: filepath.Join(dir, "clickhouse.log"), command: command,
		ready: func(ctx context.Context) error { return askClickHouse(ctx, native, web, s.ClickHouse) },
		stop:  func(*os.Process) error { return c.cutLifeline() },
		// The history can wait for a moment; the alerts of the same machine cannot.
		behind: true,
	})
	return err
}

// layLifeline makes the fifo and holds its write end: a query that reads it ends when the last writer is gone, and that
// is this process alone, since Go opens files close-on-exec.
func (c *clickHouse) layLifeline(fifo string) error {
	if c.lifeline != nil {
		return nil
	}
	if err := os.Remove(fifo); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the old fifo: %w", err)
	}
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		return fmt.Errorf("make a fifo: %w", err)
	}
	f, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open the fifo: %w", err)
	}
	c.lifeline = f
	return nil
}

func (c *clickHouse) cutLifeline() error {
	if c.lifeline == nil {
		return nil
	}
	err := c.lifeline.Close()
	c.lifeline = nil
	if err != nil {
		return fmt.Errorf("close the lifeline of ClickHouse: %w", err)
	}
	return nil
}

func (c *clickHouse) close() error {
	c.child.close()
	return errors.Join(c.lock.Close(), c.cutLifeline())
}

// askClickHouse is nil when both ports answer, and ours is the one that does: the password is checked too.
func askClickHouse(ctx context.Context, native, web, password string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+web+"/", strings.NewReader("SELECT 1"))
	if err != nil {
		return fmt.Errorf("ask ClickHouse: %w", err)
	}
	req.Header.Set("X-ClickHouse-User", ClickHouseUser)
	req.Header.Set("X-ClickHouse-Key", password)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy: this is our own child
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("reach ClickHouse: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
	if err != nil {
		return fmt.Errorf("answer of ClickHouse: %w", err)
	}
	if resp.StatusCode != http.StatusOK || strings.TrimSpace(string(body)) != "1" {
		return fmt.Errorf("answer of ClickHouse: %s: %s", resp.Status, strings.TrimSpace(string(body)))
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", native)
	if err != nil {
		return fmt.Errorf("reach ClickHouse: %w", err)
	}
	if err := conn.Close(); err != nil {
		return fmt.Errorf("close a probe: %w", err)
	}
	return nil
}
