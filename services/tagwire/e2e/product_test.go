package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// readyIn and stopIn are far beyond what a start and a stop take: they find what
// hangs.
const (
	readyIn = 60 * time.Second
	stopIn  = 25 * time.Second
)

// product is the real binary, running `tagwire up` on a data folder.
type product struct {
	t   testing.TB
	dir string   // the data folder
	env []string // beside that of the test
	at  endpoints

	out  *output
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	code int           // valid then
}

// endpoints is what DIR/endpoints.json says.
type endpoints struct {
	HTTP             string `json:"http"`
	Kafka            string `json:"kafka"`
	Redis            string `json:"redis"`
	RedisPassword    string `json:"redis_password"`
	ClickHouseHTTP   string `json:"clickhouse_http"`
	ClickHouseNative string `json:"clickhouse_native"`
	WriteKey         string `json:"write_key"`
	AdminToken       string `json:"admin_token"`
	BIPassword       string `json:"bi_password"`
}

// program is the binary, built once for all tests of the package, or the one that
// TAGWIRE_E2E_PROGRAM names.
var program = sync.OnceValues(func() (string, error) {
	if given := os.Getenv("TAGWIRE_E2E_PROGRAM"); given != "" {
		return given, nil
	}
	path := filepath.Join(scratch, "tagwire")
	out, err := exec.Command("go", "build", "-o", path, "github.com/tagwire/tagwire/services/tagwire").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build tagwire: %w: %s", err, out)
	}
	return path, nil
})

var scratch string // the test binary's folder

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "tagwire-e2e-")
	if err == nil {
		scratch = dir
		m.Run() // its result is kept for the exit code
		err = os.RemoveAll(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// newProduct starts a product on an empty folder and stops it when the test
// ends.
func newProduct(t testing.TB, env ...string) *product {
	t.Helper()
	p := &product{t: t, dir: t.TempDir(), env: env}
	p.start()
	return p
}

// command is a call of the binary in the environment of this product, without
// the settings of whoever runs the test.
func (p *product) command(args ...string) *exec.Cmd {
	p.t.Helper()
	bin, err := program()
	require.NoError(p.t, err)
	cmd := exec.Command(bin, args...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "TAGWIRE_") || strings.HasPrefix(v, "TAGWIRE_ENGINES_DIR=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, p.env...)
	return cmd
}

// start runs `tagwire up` and returns when it is ready.
func (p *product) start(args ...string) {
	p.t.Helper()
	p.launch(args...)
	path := filepath.Join(p.dir, "endpoints.json")
	require.Eventually(p.t, func() bool {
		select {
		case <-p.done:
			return true
		default:
		}
		b, err := os.ReadFile(path)
		return err == nil && json.Unmarshal(b, &p.at) == nil
	}, readyIn, 20*time.Millisecond, "not ready:\n%s", p.out)
	select {
	case <-p.done:
		require.Fail(p.t, "it ended while starting", "exit code %d\n%s", p.code, p.out)
	default:
	}
}

// launch starts the process and does not wait. Endpoints of the last run are
// removed by the product itself before anything else; here too, so that they are
// never mistaken for new ones.
func (p *product) launch(args ...string) {
	p.t.Helper()
	if err := os.Remove(filepath.Join(p.dir, "endpoints.json")); !errors.Is(err, os.ErrNotExist) {
		require.NoError(p.t, err)
	}
	p.cmd = p.command(append([]string{"up", "--data", p.dir, "--http", "127.0.0.1:0"}, args...)...)
	p.out = &output{}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.WaitDelay = stopIn
	require.NoError(p.t, p.cmd.Start())
	done := make(chan struct{})
	cmd := p.cmd
	p.done = done
	go func() {
		defer close(done)
		_ = cmd.Wait() // its exit code is what counts
		p.code = cmd.ProcessState.ExitCode()
	}()
	p.t.Cleanup(func() {
		if cmd == p.cmd {
			p.stop()
		}
		if p.t.Failed() {
			p.t.Logf("what the product said:\n%s", p.out.tail())
		}
	})
}

// stop ends it as an operator does, and requires that it ends in time.
func (p *product) stop() {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	if !p.ended(stopIn) {
		p.kill()
		require.Fail(p.t, "it did not end after SIGTERM", "%s", p.out.tail())
	}
}

// kill is kill -9 of the process; its parts die with it.
func (p *product) kill() {
	p.t.Helper()
	_ = p.cmd.Process.Kill() // it may have ended already
	require.True(p.t, p.ended(stopIn), "it outlived kill -9")
}

// restart starts it again on the same folder.
func (p *product) restart(args ...string) {
	p.t.Helper()
	require.True(p.t, p.ended(stopIn), "stop or kill it first")
	p.start(args...)
}

func (p *product) ended(within time.Duration) bool {
	select {
	case <-p.done:
		return true
	case <-time.After(within):
		return false
	}
}

// send makes a request to the product; head are pairs of names and values.
func (p *product) send(method, path string, body []byte, head ...string) answer {
	p.t.Helper()
	a, err := p.try(method, path, body, head...)
	require.NoError(p.t, err)
	return a
}

// answer is a response, read.
type answer struct {
	code   int
	header http.Header
	body   []byte
}

func (a answer) String() string { return fmt.Sprintf("%d %.600s", a.code, a.body) }

func (p *product) try(method, path string, body []byte, head ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, p.at.HTTP+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(head); i += 2 {
		req.Header.Set(head[i], head[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req) // redirects are not followed
	if err != nil {
		return answer{}, err
	}
	b, err := io.ReadAll(res.Body)
	return answer{code: res.StatusCode, header: res.Header, body: b}, errors.Join(err, res.Body.Close())
}

// api calls the console's API with the admin token; a value that is no []byte is
// sent as JSON.
func (p *product) api(method, path string, value any, head ...string) answer {
	p.t.Helper()
	body, ok := value.([]byte)
	if !ok && value != nil {
		var err error
		body, err = json.Marshal(value)
		require.NoError(p.t, err)
		head = append([]string{"Content-Type", "application/json"}, head...)
	}
	return p.send(method, "/api/v1"+path, body, append(head, "Authorization", "Bearer "+p.at.AdminToken)...)
}

// define creates a definition.
func (p *product) define(kind, id string, body any) {
	p.t.Helper()
	a := p.api("PUT", "/defs/"+kind+"/"+id, body)
	require.Equal(p.t, http.StatusCreated, a.code, "%s %s: %s", kind, id, a)
}

// rules activates a rule set for an empty history.
func (p *product) rules(yaml string) {
	p.t.Helper()
	a := p.api("PUT", "/rules", []byte(yaml), "Content-Type", "application/yaml")
	require.Equal(p.t, http.StatusOK, a.code, "%s", a)
}

// bi asks ClickHouse over HTTP as the user of BI tools does; one row a line.
func (p *product) bi(query string) string {
	p.t.Helper()
	s, err := p.tryBI(query)
	require.NoError(p.t, err)
	return s
}

func (p *product) tryBI(query string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.at.ClickHouseHTTP+"/?"+url.Values{"database": {"bi"}}.Encode(), strings.NewReader(query))
	if err != nil {
		return "", err
	}
	req.Header.Set("X-ClickHouse-User", "bi")
	req.Header.Set("X-ClickHouse-Key", p.at.BIPassword)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("clickhouse: %d %.500s", res.StatusCode, b)
	}
	return strings.TrimSpace(string(b)), nil
}

// output keeps what the process prints.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func (o *output) tail() string {
	s := o.String()
	return s[max(0, len(s)-8000):]
}

func TestReadyAndStoppedAndBack(t *testing.T) {
	p := newProduct(t)
	a := p.send("GET", "/", nil)
	require.Equal(t, 200, a.code)
	require.Contains(t, string(a.body), "<html")
	require.Equal(t, 200, p.send("GET", "/readyz", nil).code)
	key := p.at.WriteKey
	p.stop()
	require.Zero(t, p.code, "%s", p.out)
	require.NoFileExists(t, filepath.Join(p.dir, "endpoints.json"))
	p.restart()
	require.Equal(t, key, p.at.WriteKey)
	p.kill()
	p.restart()
	require.Equal(t, key, p.at.WriteKey)
}
