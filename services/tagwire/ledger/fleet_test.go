//go:build real

package ledger

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
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/parts/partstest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

const (
	writeKey   = "wk_ledger"
	adminToken = "adm_ledger"
	masterKey  = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

// fleet is every role as processes of their own on real parts.
type fleet struct {
	t       testing.TB
	program string
	env     []string
	roles   []*worker
	kafka   *partstest.Kafka
	redis   *partstest.Redis // nil on a Cluster
	history *partstest.ClickHouse
	parts   []part
	gates   gates
}

// part is a server that can be harmed, with its name.
type part struct {
	name string
	node partstest.Node
}

// shape is what a fleet runs on.
type shape struct {
	brokers int
	gates   gates // before the parts; nil: none
	cluster bool  // six nodes of Redis, of which every write is on two
	zombies int   // harm taggers only: freeze them for longer than their group waits, so often
	roles   []members
	events  int // if no more are asked for
	rate    int // of them, a second
}

// members of a role.
type members struct {
	role string
	n    int
}

// everyRole is who takes part where a shape does not say it.
func everyRole() []members {
	return []members{{"collector", 2}, {"resolver", 2}, {"tagger", 3}, {"archiver", 2}, {"notifier", 2}, {"console", 1}}
}

// fleetShards is how many shards a fleet has.
const fleetShards = 16

func newFleet(t testing.TB, s shape) *fleet {
	t.Helper()
	f := &fleet{t: t, program: filepath.Join(t.TempDir(), "tagwire"), gates: s.gates}
	out, err := exec.Command("go", "build", "-o", f.program, "github.com/tagwire/tagwire/services/tagwire").CombinedOutput()
	require.NoError(t, err, "%s", out)
	f.kafka = partstest.StartKafka(t, partstest.KafkaOptions{Brokers: s.brokers, Front: s.gates.front(t, "Kafka")})
	for _, n := range f.kafka.Nodes {
		f.parts = append(f.parts, part{n.Name, n})
	}
	f.startRedis(s)
	f.history = partstest.StartClickHouse(t)
	f.parts = append(f.parts, part{"ClickHouse", f.history})
	w := f.history.Warehouse()
	f.env = append(f.env,
		"TAGWIRE_KAFKA_BROKERS="+strings.Join(f.kafka.Brokers, ","), "TAGWIRE_CLICKHOUSE_ADDR="+f.reach("ClickHouse", f.history.Native),
		"TAGWIRE_CLICKHOUSE_HTTP="+f.reach("ClickHouse HTTP", f.history.HTTP),
		"TAGWIRE_CLICKHOUSE_USER="+w.User, "TAGWIRE_CLICKHOUSE_PASSWORD="+w.Password, "TAGWIRE_MASTER_KEY="+masterKey,
		"TAGWIRE_WRITE_KEY="+writeKey, "TAGWIRE_ADMIN_TOKEN="+adminToken, fmt.Sprint("TAGWIRE_SHARDS=", fleetShards), "TAGWIRE_LOG_LEVEL=info", "GOMEMLIMIT=400MiB",
	)
	if s.roles == nil {
		s.roles = everyRole()
	}
	for _, m := range s.roles {
		for i := range m.n {
			f.roles = append(f.roles, f.worker(m.role, i))
		}
	}
	for _, w := range f.roles {
		require.NoError(t, w.start())
	}
	for _, w := range f.roles {
		require.Eventually(t, w.ready, 2*time.Minute, 100*time.Millisecond, "%s: %s", w.name, text(w.tail))
	}
	return f
}

// startRedis starts one server, or a Cluster whose fail-over takes nothing back.
func (f *fleet) startRedis(s shape) {
	f.t.Helper()
	if !s.cluster {
		f.redis = partstest.StartRedis(f.t, partstest.RedisOptions{})
		f.parts = append(f.parts, part{"Redis", f.redis})
		f.env = append(f.env, "TAGWIRE_REDIS_ADDR="+f.reach("Redis", f.redis.Addr), "TAGWIRE_REDIS_PASSWORD="+f.redis.Password)
		return
	}
	c := partstest.StartRedisCluster(f.t, partstest.RedisOptions{})
	var addrs []string
	for i, n := range c.Nodes {
		addrs = append(addrs, n.Addr)
		f.parts = append(f.parts, part{fmt.Sprint("Redis node ", i), n})
	}
	f.env = append(f.env, "TAGWIRE_REDIS_ADDR="+strings.Join(addrs, ","), "TAGWIRE_REDIS_CLUSTER=true", "TAGWIRE_REDIS_REPLICAS=1",
		"TAGWIRE_REDIS_PASSWORD="+c.Nodes[0].Password)
}

// reach is the address under which the roles find a part.
func (f *fleet) reach(part, direct string) string {
	f.t.Helper()
	addr, err := f.gates.address(f.t, part, direct)
	require.NoError(f.t, err)
	return addr
}

// text is a message that is made only when it is needed.
type text func() string

func (x text) String() string { return x() }

// worker is one role in a process of its own, on a port that it keeps.
type worker struct {
	name, role, http string
	f                *fleet
	log              string

	mu     sync.Mutex
	cmd    *exec.Cmd
	gone   chan struct{}
	frozen bool
}

func (f *fleet) worker(role string, i int) *worker {
	f.t.Helper()
	w := &worker{name: fmt.Sprintf("%s-%d", role, i), role: role, http: partstest.FreeAddress(f.t), f: f}
	w.log = filepath.Join(f.t.TempDir(), w.name+".log")
	f.t.Cleanup(func() {
		w.resume()
		w.mayNotEndByItself()
		_ = w.end(syscall.SIGTERM) // it may be down
		if f.t.Failed() {
			f.t.Logf("%s said: %s", w.name, w.tail())
		}
	})
	return w
}

func (w *worker) start() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	dir := filepath.Join(filepath.Dir(w.log), "data-"+w.name)
	out, err := os.OpenFile(w.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // the child has its own
	w.cmd = exec.Command(w.f.program, "run", w.role)
	w.cmd.Env = append(append(os.Environ(), w.f.env...), "TAGWIRE_HTTP="+w.http, "TAGWIRE_DATA="+dir, "TAGWIRE_SPOOL_DIR="+filepath.Join(dir, "spool"))
	w.cmd.Stdout, w.cmd.Stderr = out, out
	if err := w.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", w.name, err)
	}
	w.gone = make(chan struct{})
	go func(cmd *exec.Cmd, gone chan struct{}) {
		_ = cmd.Wait() // how it ended is the nemesis' doing
		close(gone)
	}(w.cmd, w.gone)
	return nil
}

// mayNotEndByItself fails the test of a role that nobody had told to end.
func (w *worker) mayNotEndByItself() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cmd == nil {
		return
	}
	select {
	case <-w.gone:
		w.f.t.Errorf("%s ended by itself: %s", w.name, w.cmd.ProcessState)
	default:
	}
}

// end signals it and waits until it is gone; SIGTERM has half a minute.
func (w *worker) end(s syscall.Signal) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cmd == nil {
		return nil
	}
	if err := w.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", w.name, err)
	}
	select {
	case <-w.gone:
	case <-time.After(30 * time.Second):
		_ = w.cmd.Process.Kill()
		<-w.gone
		return fmt.Errorf("%s did not end within 30 s of %s", w.name, s)
	}
	w.cmd = nil
	return nil
}

func (w *worker) freeze() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frozen = true
	return w.cmd.Process.Signal(syscall.SIGSTOP)
}

func (w *worker) resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.frozen && w.cmd != nil {
		_ = w.cmd.Process.Signal(syscall.SIGCONT) // it may be dead
	}
	w.frozen = false
}

func (w *worker) ready() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	code, _, err := call(ctx, http.MethodGet, "http://"+w.http+"/readyz", nil, nil)
	return err == nil && code == http.StatusOK
}

func (w *worker) tail() string {
	b, err := os.ReadFile(w.log)
	if err != nil {
		return err.Error()
	}
	last := b[max(0, len(b)-3000):]
	if i := bytes.LastIndex(b, []byte("\npanic: ")); i >= 0 { // its cause stands before all goroutines
		last = b[i:min(len(b), i+3000)]
	}
	return string(last)
}

// of are the members of a role.
func (f *fleet) of(role string) (out []*worker) {
	for _, w := range f.roles {
		if w.role == role {
			out = append(out, w)
		}
	}
	return out
}

func call(ctx context.Context, method, url string, body io.Reader, head map[string]string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return 0, nil, err
	}
	for k, v := range head {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, b, errors.Join(err, res.Body.Close())
}

// api asks the console as the administrator.
func (f *fleet) api(method, path, kind, body string) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return call(ctx, method, "http://"+f.of("console")[0].http+"/api/v1"+path, strings.NewReader(body),
		map[string]string{"Authorization": "Bearer " + adminToken, "Content-Type": kind})
}

// activate puts rules in force. The leaders of topics that have just been made may
// not be known yet: the console asks to come again.
func (f *fleet) activate(rules string) {
	f.t.Helper()
	var code int
	var said string
	require.Eventually(f.t, func() bool {
		c, b, err := f.api(http.MethodPut, "/rules", "application/yaml", rules)
		if code, said = c, string(b); err != nil {
			said = err.Error()
		}
		return err == nil && c != http.StatusServiceUnavailable
	}, soon, 200*time.Millisecond, "%s", text(func() string { return said }))
	require.Equal(f.t, http.StatusOK, code, "%s", said)
}

// sql asks ClickHouse; one row a line.
func (f *fleet) sql(query string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	w := f.history.Warehouse()
	code, b, err := call(ctx, http.MethodPost, "http://"+f.history.HTTP+"/?database=bi", strings.NewReader(query),
		map[string]string{"X-ClickHouse-User": w.User, "X-ClickHouse-Key": w.Password})
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("clickhouse: %d %.300s", code, b)
	}
	return strings.TrimSpace(string(b)), err
}

// tags are the live counts, and how many customers are known.
func (f *fleet) tags() (counts map[string]int, known int, err error) {
	code, b, err := f.api(http.MethodGet, "/tags", "", "")
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("tags: %d %.300s", code, b)
	}
	var board struct {
		Population struct{ Known int }
		Tags       []struct {
			Tag   string
			Count int
		}
	}
	if err == nil {
		err = json.Unmarshal(b, &board)
	}
	counts = map[string]int{}
	for _, t := range board.Tags {
		if t.Count != 0 { // the model has no line for nobody
			counts[t.Tag] = t.Count
		}
	}
	return counts, board.Population.Known, err
}
