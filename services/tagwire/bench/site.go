package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/services/tagwire/app"
)

// site is the deployment that is measured.
type site struct {
	app.Endpoints
	console string // base of the console's API, where it is not HTTP
	dir     string
	pid     int
	client  *http.Client
	stop    func() error
}

const startWait = 90 * time.Second

// start runs `tagwire up` on embedded parts in a folder of its own.
func (b *bench) start(ctx context.Context) (*site, error) {
	s := &site{dir: filepath.Join(b.dir, "up"), client: &http.Client{Transport: &http.Transport{MaxIdleConns: 512, MaxIdleConnsPerHost: 512}}}
	begun := time.Now()
	var ended <-chan error
	var err error
	if b.Profile != "" {
		ended, err = b.inside(ctx, s)
	} else {
		ended, err = b.process(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	path := filepath.Join(s.dir, "endpoints.json")
	for time.Since(begun) < startWait {
		if text, err := os.ReadFile(path); err == nil {
			b.report.Ready = time.Since(begun).Seconds()
			return s, json.Unmarshal(text, &s.Endpoints)
		}
		select {
		case err := <-ended:
			return nil, fmt.Errorf("the deployment has ended: %w", errors.Join(err, b.lastWords()))
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), s.stop())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil, errors.Join(errors.New("the deployment is not ready"), b.lastWords(), s.stop())
}

func (b *bench) logFile() string { return filepath.Join(b.dir, "up.log") }

func (b *bench) lastWords() error {
	text, err := os.ReadFile(b.logFile())
	if err != nil {
		return err
	}
	return errors.New(string(text[max(0, len(text)-2000):]))
}

// process starts this very program again.
func (b *bench) process(ctx context.Context, s *site) (<-chan error, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	out, err := os.Create(b.logFile())
	if err != nil {
		return nil, fmt.Errorf("make the deployment's log: %w", err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), self, "up", "--data", s.dir, "--http", "127.0.0.1:0")
	cmd.Stdout, cmd.Stderr = out, out
	for _, v := range os.Environ() { // only the parts of its own, whatever is configured here
		if !strings.HasPrefix(v, "TAGWIRE_") || strings.HasPrefix(v, "TAGWIRE_ENGINES_DIR=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "TAGWIRE_LOG_LEVEL=warn", "TAGWIRE_LIMITS_RATE_PER_KEY=10000000")
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the deployment: %w", err), out.Close())
	}
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(cmd.Wait(), out.Close()) }()
	s.pid = cmd.Process.Pid
	s.stop = func() error {
		s.client.CloseIdleConnections()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("stop the deployment: %w", err)
		}
		return <-ended
	}
	return ended, nil
}

// inside runs the deployment in this process, so that it can be profiled.
func (b *bench) inside(ctx context.Context, s *site) (<-chan error, error) {
	out, err := os.Create(b.logFile())
	if err != nil {
		return nil, fmt.Errorf("make the deployment's log: %w", err)
	}
	cfg := config.Default()
	cfg.Data, cfg.HTTP, cfg.MasterKey = s.dir, "127.0.0.1:0", b.master
	cfg.Spool.Dir = filepath.Join(s.dir, "spool")
	cfg.Limits.RatePerKey = 10_000_000
	cfg.Give("http")
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() {
		ended <- errors.Join(app.Up(ctx, app.Options{Config: &cfg, Out: out, Log: zap.NewNop()}), out.Close())
	}()
	s.pid = os.Getpid()
	s.stop = func() error {
		s.client.CloseIdleConnections()
		cancel()
		return <-ended
	}
	return ended, nil
}

func (s *site) apiBase() string {
	if s.console != "" {
		return s.console + "/api/v1"
	}
	return s.HTTP + "/api/v1"
}

// api makes a call of the console's API.
func (s *site) api(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.apiBase()+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	req.Header.Set("Authorization", "Bearer "+s.AdminToken)
	if method == http.MethodPut {
		req.Header.Set("Content-Type", "application/yaml")
	}
	res, err := s.client.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, text, errors.Join(err, res.Body.Close())
}

// putRules activates the rules of the benchmark.
func (b *bench) putRules(ctx context.Context, rules string) error {
	code, text, err := b.site.api(ctx, http.MethodPut, "/rules", []byte(rules))
	if err != nil {
		return err
	}
	if code != http.StatusOK {
		return fmt.Errorf("activate the rules of the benchmark: %d %.300s", code, text)
	}
	return nil
}
