package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// track sends one event and gives the answer.
func (p *product) track(id string) answer {
	p.t.Helper()
	a, err := p.tryTrack(id)
	require.NoError(p.t, err)
	return a
}

func (p *product) tryTrack(id string) (answer, error) {
	body := fmt.Sprintf(`{"messageId":%q,"userId":%q,"event":"page.view"}`, id, "u-"+id)
	return p.try("POST", "/v1/track", []byte(body), "Content-Type", "application/json", "Authorization", p.basic())
}

func (p *product) basic() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(p.at.WriteKey+":"))
}

// noTrace requires that a text is for people.
func noTrace(t testing.TB, text string) {
	t.Helper()
	for _, sign := range []string{"goroutine ", "panic:", ".go:", "runtime error"} {
		require.NotContains(t, text, sign)
	}
}

// fails runs the product where it cannot run: it ends at once, says why in words,
// and has another exit code than 0.
func (p *product) fails(args ...string) string {
	p.t.Helper()
	cmd := p.command(args...)
	out, err := cmd.CombinedOutput()
	require.Error(p.t, err, "%s", out)
	require.Positive(p.t, cmd.ProcessState.ExitCode(), "%s", out)
	noTrace(p.t, string(out))
	return string(out)
}

func TestBusyPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	p := &product{t: t, dir: t.TempDir()}
	busy := l.Addr().String()
	require.Contains(t, p.fails("up", "--data", p.dir, "--http", busy), busy)
	for _, v := range []string{"TAGWIRE_EMBEDDED_KAFKA", "TAGWIRE_EMBEDDED_REDIS", "TAGWIRE_EMBEDDED_CLICKHOUSE"} {
		p.env = []string{v + "=" + busy}
		require.Contains(t, p.fails("up", "--data", p.dir, "--http", "127.0.0.1:0"), busy, v)
	}
	require.NoFileExists(t, filepath.Join(p.dir, "endpoints.json"))
	p.env = nil
	p.start() // the folder is as good as new
	require.Equal(t, 200, p.track("after").code)
}

func TestDataFolders(t *testing.T) {
	p := newProduct(t)
	require.Equal(t, 200, p.track("before").code)
	text := p.fails("up", "--data", p.dir, "--http", "127.0.0.1:0")
	require.Contains(t, text, strconv.Itoa(p.cmd.Process.Pid), "who holds it")
	require.Contains(t, text, p.dir)
	require.Equal(t, 200, p.track("after").code, "the first one is not disturbed")
	p.inHistoryOnce([]string{"before", "after"})

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, dir := range []string{filepath.Join(file, "data"), "/proc/tagwire-data"} { // nobody can write there, not even root
		require.Contains(t, p.fails("up", "--data", dir, "--http", "127.0.0.1:0"), dir)
	}
}

func deep(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }

func zipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(b)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// TestBadRequests: each is answered for what it is; the good ones between them
// are all kept.
func TestBadRequests(t *testing.T) {
	p := newProduct(t)
	p.define("source", "shop1", map[string]any{"kind": "wecom", "corp_id": "wx5823bf96d3bd56c7", "token": "QDG6eK", "encoding_aes_key": "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"})
	p.define("source", "form1", map[string]any{"kind": "webhook", "secret": "form-tool-secret-1"})
	key := p.basic()
	forged := "/in/wecom/shop1?timestamp=1409659813&nonce=1372623149&msg_signature=477715d11cdb4164915debcba66cb864d751f3e7"
	cases := []struct {
		name, path, auth, body string
		zip                    bool
		code                   int
	}{
		{name: "unknown write key", path: "/v1/track", auth: "Basic " + base64.StdEncoding.EncodeToString([]byte("wk_nobody:")), body: `{"userId":"u","event":"x"}`, code: 401},
		{name: "no write key", path: "/v1/track", body: `{"userId":"u","event":"x"}`, code: 401},
		{name: "forged callback", path: forged, body: `<xml><Encrypt><![CDATA[RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo]]></Encrypt></xml>`, code: 401},
		{name: "callback without XML", path: forged, body: "hello", code: 400},
		{name: "unsigned form", path: "/in/webhook/form1", body: `{"type":"form.submit","identities":["phone:13812345678"]}`, code: 401},
		{name: "malformed", path: "/v1/batch", auth: key, body: `{"batch":[`, code: 400},
		{name: "no JSON at all", path: "/v1/batch", auth: key, body: "\x00\xff\xfe", code: 400},
		{name: "a list instead of an object", path: "/v1/batch", auth: key, body: `[1,2]`, code: 400},
		{name: "deep", path: "/v1/track", auth: key, body: `{"userId":"u","event":"x","properties":` + deep(2_000) + `}`, code: 400},
		{name: "huge", path: "/v1/batch", auth: key, body: `{"batch":["` + strings.Repeat("x", 4<<20) + `"]}`, code: 413},
		{name: "gzip bomb", path: "/v1/batch", auth: key, body: `{"batch":["` + strings.Repeat("0", 200<<20) + `"]}`, zip: true, code: 413},
		{name: "unknown source", path: "/in/webhook/nobody", body: `{}`, code: 404},
	}
	var good []string
	for i, c := range cases {
		body := []byte(c.body)
		head := []string{"Content-Type", "application/json"}
		if c.zip {
			body, head = zipped(t, body), append(head, "Content-Encoding", "gzip")
		}
		if c.auth != "" {
			head = append(head, "Authorization", c.auth)
		}
		a, err := p.try("POST", c.path, body, head...)
		if err == nil || c.code != http.StatusRequestEntityTooLarge { // it may close while the rest is still being sent
			require.NoError(t, err, c.name)
			require.Equal(t, c.code, a.code, "%s: %s", c.name, a)
			noTrace(t, string(a.body))
		}
		id := fmt.Sprintf("good-%d", i)
		require.Equal(t, 200, p.track(id).code, "after %s", c.name)
		good = append(good, id)
	}
	mixed := `{"batch":[{"type":"track","messageId":"good-mixed","userId":"u","event":"x"},{"type":"track","messageId":"bad-type","userId":7.5,"event":{}},"no object",` +
		`{"type":"track","messageId":"bad-nobody","event":"x"},{"type":"dance","messageId":"bad-call","userId":"u"},{"type":"track","messageId":"bad-deep","userId":"u","event":"x","properties":` + deep(40) + `}]}`
	a := p.send("POST", "/v1/batch", []byte(mixed), "Content-Type", "application/json", "Authorization", key)
	require.Equal(t, 200, a.code, "%s", a)
	var verdict struct {
		Accepted int
		Rejected []struct {
			Index          int
			Reason, Detail string
		}
	}
	require.NoError(t, json.Unmarshal(a.body, &verdict))
	require.Equal(t, 1, verdict.Accepted, "%s", a)
	require.Len(t, verdict.Rejected, 5, "%s", a)
	for i, r := range verdict.Rejected {
		require.Equal(t, i+1, r.Index)
		require.NotEmpty(t, r.Reason)
		require.NotEmpty(t, r.Detail)
	}
	p.inHistoryOnce(append(good, "good-mixed"))
	noTrace(t, p.out.String())
}

// TestWrongRules: nothing of a wrong rule set takes effect, and it says where.
func TestWrongRules(t *testing.T) {
	p := newProduct(t)
	p.rules("measures:\n  看过: {count: page.view}\ntags:\n  来过:\n    when: 看过 >= 1\n")
	before := p.api("GET", "/rules", nil)
	for _, c := range []struct {
		yaml string
		line int
	}{
		{"tags:\n  来过:\n    when: 看过 >= \n", 3},
		{"tags:\n  来过:\n    when： 看过 >= 1\n", 3},
		{"measures:\n  看过: {count: page.view, within: 7x}\n", 2},
		{"tags:\n  a:\n    when: tag(\"b\")\n  b:\n    when: tag(\"a\")\n", 0},
		{"tags: [\n", 0},
	} {
		a := p.api("PUT", "/rules", []byte(c.yaml), "Content-Type", "application/yaml", "If-Match", before.header.Get("ETag"))
		require.Equal(t, 422, a.code, "%s: %s", c.yaml, a)
		var problem struct {
			Errors []struct {
				File, Message string
				Line, Column  int
			}
		}
		require.NoError(t, json.Unmarshal(a.body, &problem))
		require.NotEmpty(t, problem.Errors, "%s", a)
		for _, e := range problem.Errors {
			require.NotEmpty(t, e.Message, "%s", a)
			require.Positive(t, e.Line, "%s", a)
			require.Positive(t, e.Column, "%s", a)
		}
		if c.line > 0 {
			require.Equal(t, c.line, problem.Errors[0].Line, "%s", a)
		}
		noTrace(t, string(a.body))
	}
	require.Equal(t, string(before.body), string(p.api("GET", "/rules", nil).body))
	require.Equal(t, 200, p.track("judged").code)
	require.Eventually(t, func() bool {
		return strings.Contains(string(p.api("GET", "/profiles/user_id:u-judged", nil).body), `"来过"`)
	}, readyIn, 20*time.Millisecond)
	p.inHistoryOnce([]string{"judged"})
}
