package ingest_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest"
)

func TestTrackReachesRawSealed(t *testing.T) {
	g := newRig(t)
	res := g.post("/v1/track", `{"messageId":"m-1","userId":"u1","anonymousId":"a1","event":"Order Completed","timestamp":"2026-05-01T08:00:00.250Z",
		"properties":{"order_id":"o9","revenue":12.30,"total":15,"currency":"cny","staff_id":"zhang","store_id":"s1","channel":"web","text":"谢谢","products":[{"sku":"k1","price":12.3}]},
		"context":{"traits":{"email":"A@b.cn"},"ip":"1.2.3.4"}}`)
	require.Equal(t, 200, res.StatusCode, res.text)
	require.JSONEq(t, `{"accepted":1,"rejected":[]}`, res.text)
	e := g.raw()[0]
	require.Equal(t, "m-1", e.EventID)
	require.Equal(t, "order.pay", e.Type)
	require.Equal(t, "default", e.Source)
	require.Equal(t, "2026-05-01T08:00:00.250Z", e.Time.String())
	require.Equal(t, "user_id:u1", e.Identities[0].String())
	require.Equal(t, "anonymous_id:a1", e.Identities[1].String())
	require.Equal(t, "12.30", e.Amount.String(), "money is not a float")
	require.Equal(t, "CNY", e.Currency)
	require.Equal(t, "order", e.Object.Type)
	require.Equal(t, "o9", e.Object.ID)
	require.Equal(t, []string{"zhang", "s1", "web", "谢谢"}, []string{e.StaffID, e.StoreID, e.Channel, e.Text})
	require.NotContains(t, e.Properties, "text", "a text is personal and stands in one place")
	require.Len(t, e.Properties["products"], 1)
	require.Equal(t, "A@b.cn", e.Traits["email"])
	require.NotContains(t, e.Context, "traits")
	for _, v := range g.topic(schemas.TopicRaw, 2) {
		require.NotContains(t, string(v), "谢谢", "raw is sealed")
	}
}

func TestEveryCallAndItsShortForm(t *testing.T) {
	calls := []struct{ call, short, body, typ string }{
		{"track", "t", `{"userId":"u","event":"看过资料"}`, "看过资料"},
		{"identify", "i", `{"userId":"u","traits":{"city":"上海"}}`, "attribute.set"},
		{"page", "p", `{"anonymousId":"a","name":"Home","properties":{"url":"https://x.cn/","title":"首页"}}`, "page.view"},
		{"screen", "s", `{"anonymousId":"a","name":"Main"}`, "page.view"},
		{"group", "g", `{"userId":"u","groupId":"g1","traits":{"name":"Acme"}}`, "group.join"},
		{"alias", "a", `{"userId":"u","previousId":"old"}`, "identity.alias"},
	}
	g := newRig(t)
	for _, c := range calls {
		require.Equal(t, 200, g.post("/v1/"+c.call, c.body).StatusCode, c.call)
		withKey := strings.Replace(c.body, "{", `{"writeKey":"`+testKey+`",`, 1)
		res := g.send("POST", "/v1/"+c.short, withKey, "Content-Type", "text/plain", "Origin", "https://shop.cn")
		require.Equal(t, 200, res.StatusCode, res.text)
		require.Equal(t, "Retry-After", res.Header.Get("Access-Control-Expose-Headers"))
		require.Equal(t, "*", res.Header.Get("Access-Control-Allow-Origin"))
		require.Empty(t, res.Header.Get("Access-Control-Allow-Credentials"))
	}
	types, ids := map[string]int{}, map[string]int{}
	for _, e := range g.raw() {
		types[e.Type]++
		ids[e.EventID]++
	}
	for _, c := range calls {
		require.GreaterOrEqual(t, types[c.typ], 2, c.typ)
	}
	require.Len(t, ids, len(calls), "the same event without an id has the same id, whichever way it came")
}

func TestBatchAnswersPerEvent(t *testing.T) {
	g := newRig(t)
	long := strings.Repeat("x", 33<<10)
	deep := strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)
	events := []struct{ body, reason string }{
		{`{"type":"track","userId":"u","event":"ok","messageId":"1"}`, ""},
		{`{"type":"track","event":"x","messageId":"2"}`, "no_identity"},
		{`{"type":"track","userId":"u","messageId":"3"}`, "missing_field"},
		{`{"type":"nonsense","userId":"u","messageId":"4"}`, "wrong_type"},
		{`{"userId":"u","messageId":"5"}`, "missing_field"},
		{`{"type":"track","userId":"u","event":"x","messageId":"6","timestamp":"yesterday"}`, "bad_time"},
		{`{"type":"track","userId":"u","event":"x","messageId":"7","timestamp":"1970-01-01T00:00:00Z"}`, "bad_time"},
		{`{"type":"track","userId":"u","event":"x","properties":{"a":"` + long + `"}}`, "too_large"},
		{`{"type":"track","userId":"u","event":"x","messageId":"9","properties":` + deep + `}`, "too_deep"},
		{`{"type":"track","userId":"u","event":"x","messageId":"` + strings.Repeat("é", 101) + `"}`, "bad_event_id"},
		{`{"type":"track","userId":"u","event":"x","messageId":"11","properties":"none"}`, "wrong_type"},
		{`{"type":"track","userId":{"a":1},"event":"x","messageId":"12"}`, "wrong_type"},
		{`{"type":"track","userId":"u","event":"x","messageId":"13","properties":{"amount":"much"}}`, "wrong_type"},
		{`{"type":"track","userId":"u","event":"x","messageId":"14","properties":{"n":1e999}}`, "wrong_type"},
		{`12`, "wrong_type"},
		{`{"type":"track","userId":"u","event":"ok","messageId":"` + strings.Repeat("é", 100) + `"}`, ""},
	}
	var parts []string
	want := map[int]string{}
	for i, e := range events {
		parts = append(parts, e.body)
		if e.reason != "" {
			want[i] = e.reason
		}
	}
	res := g.post("/v1/batch", `{"batch":[`+strings.Join(parts, ",")+`],"sentAt":"`+time.Now().UTC().Format(time.RFC3339Nano)+`"}`)
	require.Equal(t, 200, res.StatusCode, res.text)
	v := res.verdict(t)
	got := map[int]string{}
	for _, r := range v.Rejected {
		got[r.Index] = string(r.Reason)
		require.NotEmpty(t, r.Detail)
	}
	require.Equal(t, want, got)
	require.Equal(t, 2, v.Accepted)
	require.Len(t, g.raw(), 2)
	kept := g.rejectedWhen(len(want))
	var bodies int
	for _, r := range kept {
		require.Equal(t, "collector", r.Stage)
		sealed, err := base64.StdEncoding.DecodeString(r.Body)
		require.NoError(t, err)
		plain, err := g.keys.OpenDay(t.Context(), sealed)
		require.NoError(t, err)
		var k ingest.Kept
		require.NoError(t, json.Unmarshal(plain, &k))
		require.Equal(t, "/v1/batch", k.Call)
		if k.Body == events[1].body {
			bodies++
			require.Equal(t, "2", r.EventID)
		}
	}
	require.Equal(t, 1, bodies, "what was sent can be sent again")
}

func TestWholeRequestRefusals(t *testing.T) {
	g := newRig(t)
	tooMany := `{"batch":[` + strings.Repeat("1,", 2500) + `1]}`
	for _, c := range []struct {
		name, path, body string
		status           int
		reason           string
	}{
		{"not JSON", "/v1/batch", `{"batch":[`, 400, "malformed_json"},
		{"empty", "/v1/track", ``, 400, "malformed_json"},
		{"two values", "/v1/track", `{"userId":"u","event":"x"}{}`, 400, "malformed_json"},
		{"array", "/v1/track", `[]`, 400, "wrong_type"},
		{"no batch", "/v1/batch", `{}`, 400, "missing_field"},
		{"batch of another type", "/v1/batch", `{"batch":{}}`, 400, "wrong_type"},
		{"too many", "/v1/batch", tooMany, 413, "too_many_events"},
		{"large body", "/v1/batch", `{"batch":["` + strings.Repeat("x", 500<<10) + `"]}`, 413, "too_large"},
		{"large event", "/v1/track", `{"userId":"` + strings.Repeat("x", 33<<10) + `"}`, 413, "too_large"},
		{"very deep", "/v1/batch", `{"batch":[` + strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000) + `]}`, 400, "too_deep"},
		{"no identity, alone", "/v1/track", `{"event":"x"}`, 400, "no_identity"},
		{"bad sentAt", "/v1/batch", `{"batch":[],"sentAt":"soon"}`, 400, "bad_time"},
	} {
		res := g.post(c.path, c.body)
		require.Equal(t, c.status, res.StatusCode, "%s: %s", c.name, res.text)
		require.Equal(t, c.reason, res.verdict(t).Reason, c.name)
		require.Equal(t, "application/problem+json", res.Header.Get("Content-Type"), c.name)
	}
	res := g.send("POST", "/v1/track", `{"userId":"u","event":"x"}`, "Authorization", basic("nobody"))
	require.Equal(t, 401, res.StatusCode)
	require.Equal(t, "unknown_write_key", res.verdict(t).Reason)
	require.Empty(t, g.raw())
}

func TestCompressedBodies(t *testing.T) {
	g := newRig(t)
	body := `{"batch":[{"type":"track","userId":"u","event":"x","messageId":"1"}]}`
	pack := map[string]func(io.Writer) io.WriteCloser{
		"gzip":    func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"deflate": func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) },
		"Deflate": func(w io.Writer) io.WriteCloser { f, err := flate.NewWriter(w, 9); require.NoError(t, err); return f },
	}
	for name, f := range pack {
		var b bytes.Buffer
		w := f(&b)
		_, err := w.Write([]byte(body))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		res := g.send("POST", "/v1/batch", b.String(), "Authorization", basic(testKey), "Content-Encoding", name)
		require.Equal(t, 200, res.StatusCode, "%s: %s", name, res.text)
		res = g.send("POST", "/v1/batch", b.String()[:b.Len()/2], "Authorization", basic(testKey), "Content-Encoding", name)
		require.Equal(t, 400, res.StatusCode, "%s cut off: %s", name, res.text)
	}
	require.Equal(t, 400, g.send("POST", "/v1/batch", body, "Authorization", basic(testKey), "Content-Encoding", "br").StatusCode)
}

func TestGzipBombStopsAtTheCap(t *testing.T) {
	g := newRig(t)
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	require.NoError(t, err)
	zeros := bytes.Repeat([]byte(" "), 1<<20)
	for range 400 { // 400 MB in 400 KB: more would exceed the cap before unpacking
		_, err := w.Write(zeros)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.Less(t, b.Len(), 500<<10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	res := g.send("POST", "/v1/batch", b.String(), "Authorization", basic(testKey), "Content-Encoding", "gzip")
	runtime.ReadMemStats(&after)
	require.Equal(t, 413, res.StatusCode)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20), "it stops reading at the cap")
}

func TestWriteKeysAreThoseOfSources(t *testing.T) {
	g := newRig(t)
	g.define("source", "app", map[string]any{"kind": "segment", "write_key": "wk_app_1"})
	require.Equal(t, 200, g.send("POST", "/v1/track", `{"userId":"u","event":"x"}`, "Authorization", basic("wk_app_1")).StatusCode)
	require.Equal(t, 200, g.send("POST", "/v1/track", `{"userId":"u","event":"x","writeKey":"wk_app_1"}`).StatusCode)
	require.Equal(t, 200, g.send("POST", "/v1/track", `{"userId":"u","event":"x"}`, "Authorization", "Bearer wk_app_1").StatusCode)
	for _, e := range g.raw() {
		require.Equal(t, "app", e.Source)
	}
}

func TestSettingsSendTheBrowserBackHere(t *testing.T) {
	g := newRig(t)
	res := g.send("GET", "/v1/projects/"+testKey+"/settings", "", "Origin", "https://shop.cn")
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, "*", res.Header.Get("Access-Control-Allow-Origin"))
	var s struct {
		Integrations map[string]struct{ APIHost, Protocol, APIKey string }
	}
	require.NoError(t, json.Unmarshal([]byte(res.text), &s))
	in := s.Integrations["Segment.io"]
	require.Equal(t, g.web.URL+"/v1", in.Protocol+"://"+in.APIHost)
	require.Equal(t, testKey, in.APIKey)
	require.Equal(t, 404, g.send("GET", "/v1/projects/nobody/settings", "").StatusCode)

	res = g.send("OPTIONS", "/v1/t", "", "Origin", "https://shop.cn", "Access-Control-Request-Method", "POST")
	require.Equal(t, 204, res.StatusCode)
	require.Contains(t, res.Header.Get("Access-Control-Allow-Headers"), "Content-Type")
	res = g.send("OPTIONS", "/v1/t", "", "Origin", "https://shop.cn", "Access-Control-Request-Headers", "authorization,x-retry-count")
	require.Equal(t, "authorization,x-retry-count", res.Header.Get("Access-Control-Allow-Headers"), "as the browser client asks when it repeats")
}

func TestOriginsAreNotReflected(t *testing.T) {
	g := newRig(t, func(c *ingest.Config) { c.CORSOrigins = []string{"https://shop.cn"} })
	require.Empty(t, g.send("OPTIONS", "/v1/t", "", "Origin", "https://evil.cn").Header.Get("Access-Control-Allow-Origin"))
	res := g.send("OPTIONS", "/v1/t", "", "Origin", "https://shop.cn")
	require.Equal(t, "https://shop.cn", res.Header.Get("Access-Control-Allow-Origin"))
	require.Empty(t, res.Header.Get("Access-Control-Allow-Credentials"))
	require.Equal(t, "Origin", res.Header.Get("Vary"))
}

func TestRateLimitIsPerKey(t *testing.T) {
	g := newRig(t, func(c *ingest.Config) { c.RatePerKey = 2 })
	g.define("source", "other", map[string]any{"kind": "segment", "write_key": "wk_other"})
	g.setClock(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))
	for range 4 {
		require.Equal(t, 200, g.post("/v1/track", `{"userId":"u","event":"x"}`).StatusCode)
	}
	res := g.post("/v1/track", `{"userId":"u","event":"x"}`)
	require.Equal(t, http.StatusTooManyRequests, res.StatusCode)
	require.Equal(t, "1", res.Header.Get("Retry-After"))
	require.Equal(t, 200, g.send("POST", "/v1/track", `{"userId":"u","event":"x"}`, "Authorization", basic("wk_other")).StatusCode)
}

func TestImportIsBackfill(t *testing.T) {
	g := newRig(t)
	body := `{"batch":[{"type":"track","userId":"u","event":"Order Completed","timestamp":"1997-01-01T00:00:00Z","properties":{"total":"11.77"}}]}`
	require.Equal(t, 200, g.post("/v1/import", body).StatusCode)
	require.Equal(t, 200, g.post("/v1/batch", strings.Replace(body, `"event"`, `"context":{"backfill":true},"event"`, 1)).StatusCode)
	for _, e := range g.raw() {
		require.True(t, e.Backfill)
		require.Equal(t, "11.77", e.Amount.String())
		require.Equal(t, "1997-01-01T00:00:00.000Z", e.Time.String())
	}
}

func TestManyEventsKeepACustomersOrder(t *testing.T) {
	g := newRig(t)
	var parts []string
	for i := range 1000 {
		parts = append(parts, fmt.Sprintf(`{"type":"track","userId":"u%d","event":"x","messageId":"%d"}`, i%7, i))
	}
	res := g.post("/v1/batch", `{"batch":[`+strings.Join(parts, ",")+`]}`)
	require.Equal(t, 1000, res.verdict(t).Accepted)
	last := map[string]int{}
	for _, e := range g.rawWhen(1000) {
		var n int
		_, err := fmt.Sscan(e.EventID, &n)
		require.NoError(t, err)
		who := e.Identities[0].String()
		require.Greater(t, n+1, last[who])
		last[who] = n + 1
	}
	require.Len(t, last, 7)
}
