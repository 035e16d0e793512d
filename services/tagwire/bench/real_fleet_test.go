//go:build real && soak

package bench

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/parts/partstest"
	"github.com/tagwire/tagwire/services/tagwire/app"
)

const (
	realShards = 8
	writeKey   = "wk_bench"
	adminToken = "adm_bench"
	masterKey  = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

// realBench is a bench whose deployment is one process a role on real parts.
type realBench struct {
	bench
	workers        map[string]*worker
	shares         []share
	conf           *config.Config
	versionOfKafka string
	perEvent       float64 // records in history that an event makes
	recorded       int     // CPU profiles made
}

// worker is one role in a process of its own.
type worker struct {
	role, http, dir string
	env             []string
	cmd             *exec.Cmd
	gone            chan struct{}
}

func roleNames() []string {
	return []string{"collector", "resolver", "tagger", "archiver", "notifier", "console"}
}

func newRealBench(t *testing.T, o Options) *realBench {
	t.Helper()
	r := &realBench{bench: bench{Options: o, dir: t.TempDir(), master: masterKey, report: newReport(o)}, workers: map[string]*worker{}}
	kafka := partstest.StartKafka(t, partstest.KafkaOptions{})
	memory := partstest.StartRedis(t, partstest.RedisOptions{})
	history := partstest.StartClickHouse(t)
	w := history.Warehouse()
	env := []string{
		"TAGWIRE_KAFKA_BROKERS=" + strings.Join(kafka.Brokers, ","), "TAGWIRE_REDIS_ADDR=" + memory.Addr, "TAGWIRE_REDIS_PASSWORD=" + memory.Password,
		"TAGWIRE_CLICKHOUSE_ADDR=" + history.Native, "TAGWIRE_CLICKHOUSE_HTTP=" + history.HTTP,
		"TAGWIRE_CLICKHOUSE_USER=" + w.User, "TAGWIRE_CLICKHOUSE_PASSWORD=" + w.Password, "TAGWIRE_MASTER_KEY=" + masterKey,
		"TAGWIRE_WRITE_KEY=" + writeKey, "TAGWIRE_ADMIN_TOKEN=" + adminToken, fmt.Sprintf("TAGWIRE_SHARDS=%d", realShards),
		"TAGWIRE_LOG_LEVEL=warn", "TAGWIRE_LIMITS_RATE_PER_KEY=10000000",
	}
	for _, v := range os.Environ() { // whatever is configured here is not what is measured
		if !strings.HasPrefix(v, "TAGWIRE_") {
			env = append(env, v)
		}
	}
	for _, role := range roleNames() {
		r.workers[role] = &worker{role: role, http: partstest.FreeAddress(t), dir: filepath.Join(r.dir, role), env: env}
	}
	t.Cleanup(func() { require.NoError(t, r.stopAll()) })
	cfg := config.Default()
	cfg.Data, cfg.MasterKey, cfg.WriteKey, cfg.Shards = r.dir, masterKey, writeKey, realShards
	cfg.Spool.Dir = filepath.Join(r.dir, "spool")
	cfg.Kafka.Brokers, cfg.Redis.Addr, cfg.Redis.Password = kafka.Brokers, memory.Addr, config.Secret(memory.Password)
	cfg.ClickHouse.Addr, cfg.ClickHouse.User, cfg.ClickHouse.Password = history.Native, w.User, config.Secret(w.Password)
	r.conf = &cfg
	r.versionOfKafka = partstest.KafkaVersion()
	r.site = &site{
		Endpoints: app.Endpoints{HTTP: "http://" + r.workers["collector"].http, WriteKey: writeKey, AdminToken: adminToken},
		console:   "http://" + r.workers["console"].http, dir: r.dir, pid: os.Getpid(),
		client: &http.Client{Transport: &http.Transport{MaxIdleConns: 512, MaxIdleConnsPerHost: 512}},
	}
	return r
}

// prepare starts all roles and activates the rules.
func (r *realBench) prepare(ctx context.Context) error {
	r.say("启动 / starting the roles")
	for _, role := range roleNames() {
		if err := r.workers[role].start(ctx); err != nil {
			return err
		}
	}
	for _, role := range roleNames() {
		if err := r.workers[role].ready(ctx, r.site.client); err != nil {
			return err
		}
	}
	var err error
	if r.parts, err = parts.Open(ctx, r.conf, zap.NewNop()); err != nil {
		return err
	}
	rules := hundredRules()
	if *only == "tagger" {
		rules = taggerRules()
	}
	if err := r.putRules(ctx, rules); err != nil {
		return err
	}
	r.report.Versions["apache kafka"] = r.versionOfKafka
	if info, err := buildinfo.ReadFile(*program); err == nil {
		r.libraries(info)
	}
	return r.versions(ctx)
}

func (w *worker) start(_ context.Context) error {
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(w.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // the child has its own
	w.cmd = exec.Command(*program, "run", w.role)
	w.cmd.Env = append(w.env, "TAGWIRE_HTTP="+w.http, "TAGWIRE_DATA="+w.dir, "TAGWIRE_SPOOL_DIR="+filepath.Join(w.dir, "spool"))
	w.cmd.Stdout, w.cmd.Stderr = out, out
	if err := w.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", w.role, err)
	}
	w.gone = make(chan struct{})
	go func(cmd *exec.Cmd, gone chan struct{}) {
		_ = cmd.Wait() // how it ended is in its log
		close(gone)
	}(w.cmd, w.gone)
	return nil
}

func (w *worker) ready(ctx context.Context, c *http.Client) error {
	for begun := time.Now(); time.Since(begun) < startWait; {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.http+"/readyz", nil)
		if err != nil {
			return err
		}
		if res, err := c.Do(req); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s is not ready", w.role)
}

func (w *worker) stop() error {
	if w.cmd == nil {
		return nil
	}
	cmd := w.cmd
	w.cmd = nil
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", w.role, err)
	}
	select {
	case <-w.gone:
		return nil
	case <-time.After(30 * time.Second):
		_ = cmd.Process.Kill()
		return fmt.Errorf("%s did not end within 30 s", w.role)
	}
}

func (w *worker) log() string { return filepath.Join(w.dir, "log") }

func (r *realBench) stopAll() error {
	r.site.client.CloseIdleConnections()
	var errs []error
	for _, role := range roleNames() {
		errs = append(errs, r.workers[role].stop())
	}
	return errors.Join(errs...)
}

// lastWordsOfAll are the ends of the roles' logs.
func (r *realBench) lastWordsOfAll() string {
	var b strings.Builder
	for _, role := range roleNames() {
		if text, err := os.ReadFile(r.workers[role].log()); err == nil {
			fmt.Fprintf(&b, "\n%s: %s", role, text[max(0, len(text)-1500):])
		}
	}
	return b.String()
}
