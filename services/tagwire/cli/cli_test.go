package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/services/console/recount"
	"github.com/tagwire/tagwire/services/tagwire/importer"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// screen is what a command prints, readable while it runs.
type screen struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// run runs a command line and gives its exit code and output.
func run(args ...string) (code int, out, errs string) {
	var o, e screen
	code = Main(args, Streams{In: strings.NewReader(""), Out: &o, Err: &e})
	return code, o.String(), e.String()
}

// start runs everything in a folder of the test until it is over.
func start(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	var out, logs screen
	done := make(chan error, 1)
	go func() {
		done <- up(ctx, Streams{Out: &out, Err: &logs}, []string{"--data", dir, "--http", "127.0.0.1:0"})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	require.Eventually(t, func() bool {
		select {
		case err := <-done:
			done <- err
			t.Fatal("up ended: ", err, logs.String())
		default:
		}
		_, _, err := endpoints(dir)
		return err == nil
	}, 90*time.Second, 50*time.Millisecond)
	return dir
}

// TestRunning goes through every command against a Tagwire that runs.
func TestRunning(t *testing.T) {
	dir := start(t)
	activate(t, dir)
	importSample(t, dir)
	t.Run("verify", func(t *testing.T) {
		code, out, errs := run("verify", "--data", dir)
		require.Zero(t, code, errs)
		require.Contains(t, out, "一致 / no drift: 2357 ")
		code, out, _ = run("verify", "--json", "--data", dir)
		require.Zero(t, code)
		var rep recount.Report
		require.NoError(t, json.Unmarshal([]byte(out), &rep))
		require.EqualValues(t, 2357, rep.Checked)
	})
	t.Run("rules lint", func(t *testing.T) {
		rules, _ := ruleFolder(t, plainRules)
		code, out, errs := run("rules", "lint", rules, "--data", dir)
		require.Equal(t, 1, code, errs)
		require.Contains(t, out, "「常打开」近 30 天没有打上过")
	})
	t.Run("send and tail", func(t *testing.T) { sendAndTail(t, dir) })
	t.Run("defs", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "defs")
		code, _, errs := run("defs", "export", folder, "--data", dir)
		require.Zero(t, code, errs)
		b, err := os.ReadFile(filepath.Join(folder, "rules", "rules.yaml"))
		require.NoError(t, err)
		require.Contains(t, string(b), "净消费")
		require.NoError(t, os.MkdirAll(filepath.Join(folder, "store"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(folder, "store", "s1.yaml"), []byte("name: 一店\n"), 0o600))
		code, out, errs := run("defs", "import", folder, "--data", dir)
		require.Zero(t, code, out+errs)
		require.Contains(t, out, "store/s1")
		code, out, errs = run("defs", "import", folder, "--dry-run", "--json", "--data", dir)
		require.Zero(t, code, errs)
		require.Contains(t, out, `"unchanged"`)
	})
	t.Run("defs that need history", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "defs")
		code, _, errs := run("defs", "export", folder, "--data", dir)
		require.Zero(t, code, errs)
		more := "measures: {打开: {count: link.open, within: 7d}}\ntags: {常打开: {when: 打开 >= 3}}\n"
		require.NoError(t, os.WriteFile(filepath.Join(folder, "rules", "more.yaml"), []byte(more), 0o600))
		code, out, errs := run("defs", "import", folder, "--data", dir)
		require.Equal(t, 1, code, out)
		require.Contains(t, out, "not written")
		require.NotContains(t, out, "invalid: written")
		require.Contains(t, errs, "history")
		code, out, errs = run("defs", "import", folder, "--data", dir, "--history", "none")
		require.Zero(t, code, out+errs)
		require.Contains(t, out, "1 updated")
		code, _, errs = run("defs", "import", folder, "--data", dir, "--history", "all")
		require.Equal(t, 1, code)
		require.Contains(t, errs, "can only be none")
	})
	t.Run("doctor", func(t *testing.T) {
		code, out, errs := run("doctor", "--json", "--data", dir)
		var rep struct {
			Findings []finding `json:"findings"`
		}
		require.NoError(t, json.Unmarshal([]byte(out), &rep), out+errs)
		names := map[string]string{}
		for _, f := range rep.Findings {
			names[f.Name] = f.Level
			require.NotEqual(t, levelError, f.Level, f.En)
			require.NotEmpty(t, f.Zh)
		}
		for _, want := range []string{"config", "disk", "spool", "archiver", "tagger", "kafka", "redis", "clock", "clickhouse"} {
			require.Contains(t, names, want)
		}
		require.Contains(t, []int{0, 2}, code, "warnings only, such as a page that is not built")
	})
}

func activate(t *testing.T, dir string) {
	t.Helper()
	p := place{data: dir}
	files, _, err := ReadRules("../../../deploy/examples/cdnow/rules")
	require.NoError(t, err)
	res, err := p.ask(t.Context(), http.MethodPut, "/rules", map[string]any{"files": files})
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
}

// importSample brings the sample of the real data in, twice, and compares with
// what was counted from the file by other means.
func importSample(t *testing.T, dir string) {
	t.Helper()
	m := filepath.Join(t.TempDir(), "map.yaml")
	require.NoError(t, os.WriteFile(m, []byte(`name: sample
format: whitespace
columns: [master_id, customer_id, date, number_of_cds, dollar_value]
type: order.pay
time: {column: date, format: YYYYMMDD}
identities: ["user_id:{{customer_id}}"]
amount: $.dollar_value
`), 0o600))
	b, err := os.ReadFile("../importer/testdata/CDNOW_sample.txt")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "sample.txt")
	require.NoError(t, os.WriteFile(file, append(b, " 1 2 3\r\n"...), 0o600))
	for _, want := range [][2]int64{{6919, 0}, {0, 6919}} {
		code, out, errs := run("import", file, "--map", m, "--data", dir, "--json")
		require.Equal(t, 2, code, errs)
		var res importer.Result
		require.NoError(t, json.Unmarshal([]byte(out), &res), out)
		require.Equal(t, []int64{6920, want[0], want[1], 1}, []int64{res.Rows, res.Sent, res.Had, res.Rejected})
		rejected, err := os.ReadFile(res.Rejects)
		require.NoError(t, err)
		require.Contains(t, string(rejected), `"reason":"malformed_json"`)
		require.Eventually(t, func() bool { return counts(t, dir) == "消费满100 615, 消费满500 76, 订单满10 111" }, 60*time.Second, 100*time.Millisecond)
	}
}

func counts(t *testing.T, dir string) string {
	p := place{data: dir}
	var v struct {
		Tags []struct {
			Tag   string `json:"tag"`
			Count int    `json:"count"`
		} `json:"tags"`
	}
	require.NoError(t, p.get(t.Context(), "/tags", &v))
	var out []string
	for _, want := range []string{"消费满100", "消费满500", "订单满10"} {
		for _, tag := range v.Tags {
			if tag.Tag == want {
				out = append(out, fmt.Sprintf("%s %d", tag.Tag, tag.Count))
			}
		}
	}
	return strings.Join(out, ", ")
}

func sendAndTail(t *testing.T, dir string) {
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs screen
	done := make(chan error, 1)
	go func() { done <- runTail(ctx, Streams{Out: &out, Err: &errs}, []string{"--data", dir}) }()
	require.Eventually(t, func() bool { return strings.Contains(errs.String(), "live events") }, 30*time.Second, 20*time.Millisecond)
	code, said, why := run("send", "order.pay", "--data", dir, "--user", "from-the-shell", "--amount", "120.5", "--prop", "n=1", "--trait", "city=杭州", "--json")
	require.Zero(t, code, why)
	require.Contains(t, said, `"accepted":1`)
	code, _, why = run("send", "--type", "order.payy", "--data", dir, "--identity", "user_id:from-the-shell")
	require.Zero(t, code, why)
	code, _, why = run("send", "order.pay", "--data", dir, "--user", "u", "--amount", "much")
	require.Equal(t, 1, code)
	require.Contains(t, why, "wrong_type")
	for _, want := range []string{"✓ order.pay ", "+消费满100", "did you mean order.pay?", "✗ ", "wrong_type: amount"} {
		require.Eventually(t, func() bool { return strings.Contains(out.String(), want) }, 30*time.Second, 20*time.Millisecond, "%s: %s", want, out.String())
	}
	cancel()
	require.NoError(t, <-done)
}

func TestWithoutATagwire(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{
		{"verify", "--data", dir}, {"tail", "--data", dir}, {"send", "a.b", "--user", "u", "--data", dir}, {"defs", "export", dir, "--data", dir},
	} {
		code, _, errs := run(args...)
		require.Equal(t, 1, code)
		require.Contains(t, errs, "start `tagwire up`", args)
	}
	code, out, _ := run("doctor", "--data", dir)
	require.Equal(t, 1, code)
	require.Contains(t, out, "does not run")
	code, _, errs := run("verify", "--url", "http://127.0.0.1:1", "--token", "x")
	require.Equal(t, 1, code)
	require.Contains(t, errs, "does it run?")
}

// With an address the token may come from the variable, as in the containers.
func TestAdminTokenComesFromTheVariable(t *testing.T) {
	seen := make(chan string, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("Authorization")
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(srv.Close)
	for _, command := range []string{"verify", "tail"} {
		code, _, errs := run(command, "--url", srv.URL)
		require.Equal(t, 1, code)
		require.Contains(t, errs, "TAGWIRE_ADMIN_TOKEN", command)
	}
	t.Setenv("TAGWIRE_ADMIN_TOKEN", "from-the-variable")
	for _, command := range []string{"verify", "tail"} {
		code, _, _ := run(command, "--url", srv.URL)
		require.Equal(t, 1, code)
		require.Equal(t, "Bearer from-the-variable", <-seen, command)
		_, _, _ = run(command, "--url", srv.URL, "--token", "given")
		require.Equal(t, "Bearer given", <-seen, "a flag outranks it")
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{
		{"import"}, {"import", "x"}, {"send"}, {"send", "--type", "a"}, {"send", "a", "b"}, {"tail", "x"}, {"verify", "x"}, {"doctor", "x"}, {"rules", "test"}, {"defs"}, {"defs", "export"},
	} {
		code, _, errs := run(args...)
		require.Equal(t, 1, code, args)
		require.Contains(t, errs, "usage", args)
	}
	code, _, errs := run("impotr")
	require.Equal(t, 2, code)
	require.Contains(t, errs, "there is no command")
	code, out, _ := run("help")
	require.Zero(t, code)
	for name := range commands() {
		require.Contains(t, out, "  "+name)
	}
}

func TestRulesTestCommand(t *testing.T) {
	code, out, errs := run("rules", "test", "../../../deploy/examples/cdnow/rules")
	require.Zero(t, code, errs)
	require.Contains(t, out, "通过 passed 1, 失败 failed 0")
	dir := t.TempDir()
	put := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	put("rules.yaml", "measures: {n: {count: a.b}}\ntags: {t: {when: n >= 2}}\n")
	code, _, errs = run("rules", "test", dir)
	require.Equal(t, 1, code)
	require.Contains(t, errs, "there is no *_test.yaml")
	put("r_test.yaml", "- test: two make it\n  events:\n    - {type: a.b, times: 2}\n  expect:\n    - {has: t, measures: {n: 3}}\n")
	code, out, _ = run("rules", "test", dir)
	require.Equal(t, 1, code)
	require.Equal(t, strings.Join([]string{
		"✗ two make it", "  " + dir + "/r_test.yaml:5:8: 2026-01-01 00:00:00 measures n", "      期望 expected  3", "      实际 got       2", "通过 passed 0, 失败 failed 1", "",
	}, "\n"), out)
	code, out, _ = run("rules", "test", "--json", dir)
	require.Equal(t, 1, code)
	require.Contains(t, out, `"ok":false,"passed":0,"failed":1`)
	put("r_test.yaml", "- tset: x\n")
	code, _, errs = run("rules", "test", dir)
	require.Equal(t, 1, code)
	require.Contains(t, errs, "r_test.yaml:1:3")
}

func TestTailLine(t *testing.T) {
	e := tailed{
		Type: "link.opne", Time: event.At(time.Date(2026, 3, 5, 8, 0, 0, 0, time.Local)), Source: "web", Profile: "p1", Verdict: "accepted",
		Applied: []string{"高意向"}, Removed: []string{"沉睡"}, Stage: "活跃", Alerts: []string{"a"}, DidYouMean: "link.open",
	}
	require.Equal(t, "08:00:00.000 ✓ link.opne          web p1 +高意向 -沉睡 → 活跃 ⚑ 1 条提醒 alerts  是不是 did you mean link.open?\n", e.line())
}

func TestReadStream(t *testing.T) {
	var got []string
	err := readStream(strings.NewReader("retry: 1000\n\n: heartbeat\n\nid: 1\ndata: {\"a\":1}\n\ndata: x\ndata:y\n\nevent: resync\n\n"), func(b []byte) error {
		got = append(got, string(b))
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{`{"a":1}`, "x\ny"}, got)
}

func TestVerifyPrintsDrift(t *testing.T) {
	n := int64(3)
	var b strings.Builder
	require.NoError(t, printVerify(&b, recount.Report{Drift: 3, Checked: 9, Counts: 4, Busy: []int{2}, NoHistory: "away", NoPlaces: "moving", Differences: []recount.Difference{
		{Tag: "高意向", Live: 5, Redis: 4, ClickHouse: &n}, {Live: 1, Redis: 1}, {Tag: "高意向", Dimension: "store", Value: "s1", Live: 2},
	}}))
	for _, want := range []string{"✗ 高意向: 实时 live 5, Redis 4, ClickHouse 3", "all profiles: 实时 live 1, Redis 1, ClickHouse —", "drift 3", "[2]", "ClickHouse: away", "高意向 store=s1: 实时 live 2", "cities not compared with ClickHouse: moving"} {
		require.Contains(t, b.String(), want)
	}
}

func TestDoctorsExitCode(t *testing.T) {
	for level, code := range map[string]int{levelOK: 0, levelWarn: 2, levelError: 1} {
		d := &doctor{}
		d.add(level, "x", "甲", "a")
		err := d.report(&bytes.Buffer{}, false)
		if code == 0 {
			require.NoError(t, err)
			continue
		}
		require.Equal(t, exitCode(code), err)
	}
}
