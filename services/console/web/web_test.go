package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const script = "console.log('tagwire')"

func site(t *testing.T) fstest.MapFS {
	t.Helper()
	var small bytes.Buffer
	zip := gzip.NewWriter(&small)
	_, err := zip.Write([]byte(script))
	require.NoError(t, err)
	require.NoError(t, zip.Close())
	return fstest.MapFS{
		"index.html":            {Data: []byte("<html>page</html>")},
		"favicon.svg":           {Data: []byte("<svg/>")},
		".gitkeep":              {Data: nil},
		"assets/app-1a2b.js":    {Data: []byte(script)},
		"assets/app-1a2b.js.gz": {Data: small.Bytes()},
		"assets/app-3c4d.css":   {Data: []byte("body{}")},
	}
}

type ask struct {
	method, path, encoding string
}

func answer(t *testing.T, h http.Handler, a ask) *http.Response {
	t.Helper()
	r := httptest.NewRequest(a.method, a.path, nil)
	r.Header.Set("Accept-Encoding", a.encoding)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return string(b)
}

func TestPageAddressesAnswerWithThePage(t *testing.T) {
	h := handler(site(t))
	for _, p := range []string{"/", "/index.html", "/tags", "/alerts", "/profiles/email%3Aa@b.com", "/definitions/source"} {
		res := answer(t, h, ask{method: http.MethodGet, path: p})
		require.Equal(t, http.StatusOK, res.StatusCode, p)
		require.Equal(t, "no-cache", res.Header.Get("Cache-Control"), p)
		require.Contains(t, res.Header.Get("Content-Type"), "text/html", p)
		require.Equal(t, "<html>page</html>", body(t, res), p)
	}
}

func TestOtherAddressesAreNotFound(t *testing.T) {
	h := handler(site(t))
	for _, p := range []string{
		"/api/v1/nothing", "/v1/trakc", "/assets/old-9.js", "/assets/app-1a2b.js.gz", "/assets/", "/.gitkeep",
		"/dist/index.html", "/tagsx", "/../web.go", "/assets/../../web.go", "/assets/..%2f..%2fweb.go",
	} {
		res := answer(t, h, ask{method: http.MethodGet, path: p})
		require.Equal(t, http.StatusNotFound, res.StatusCode, p)
		require.NotContains(t, res.Header.Get("Cache-Control"), "immutable", p)
	}
}

func TestAssetsAreCachedForEverAndCompressedOnRequest(t *testing.T) {
	h := handler(site(t))
	plain := answer(t, h, ask{method: http.MethodGet, path: "/assets/app-1a2b.js"})
	require.Equal(t, http.StatusOK, plain.StatusCode)
	require.Equal(t, "public, max-age=31536000, immutable", plain.Header.Get("Cache-Control"))
	require.Equal(t, "text/javascript; charset=utf-8", plain.Header.Get("Content-Type"))
	require.Equal(t, "Accept-Encoding", plain.Header.Get("Vary"))
	require.Empty(t, plain.Header.Get("Content-Encoding"))
	require.Equal(t, script, body(t, plain))

	zipped := answer(t, h, ask{method: http.MethodGet, path: "/assets/app-1a2b.js", encoding: "br, gzip;q=0.8"})
	require.Equal(t, "gzip", zipped.Header.Get("Content-Encoding"))
	require.Equal(t, "text/javascript; charset=utf-8", zipped.Header.Get("Content-Type"))
	zip, err := gzip.NewReader(zipped.Body)
	require.NoError(t, err)
	unzipped, err := io.ReadAll(zip)
	require.NoError(t, err)
	require.Equal(t, script, string(unzipped))

	noTwin := answer(t, h, ask{method: http.MethodGet, path: "/assets/app-3c4d.css", encoding: "gzip"})
	require.Empty(t, noTwin.Header.Get("Content-Encoding"))
	require.Equal(t, "body{}", body(t, noTwin))
}

func TestAcceptsGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "br, gzip": true, "gzip;q=0": false, "gzip; q=0.0": false,
		"gzip;q=0.5": true, "br": false, "x-gzip-like": false, "gzip;q=zero": false,
	} {
		require.Equal(t, want, acceptsGzip(header), "%q", header)
	}
}

func TestEveryAnswerCarriesThePolicy(t *testing.T) {
	h := handler(site(t))
	for _, p := range []string{"/", "/assets/app-1a2b.js", "/nowhere"} {
		res := answer(t, h, ask{method: http.MethodGet, path: p})
		policy := res.Header.Get("Content-Security-Policy")
		require.Contains(t, policy, "script-src 'self';", p)
		require.NotContains(t, policy, "unsafe-eval", p)
		require.Contains(t, policy, "frame-ancestors 'none'", p)
		require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"), p)
	}
}

func TestOnlyReadingIsAllowed(t *testing.T) {
	h := handler(site(t))
	res := answer(t, h, ask{method: http.MethodPost, path: "/"})
	require.Equal(t, http.StatusMethodNotAllowed, res.StatusCode)
	require.Equal(t, "GET, HEAD", res.Header.Get("Allow"))

	head := answer(t, h, ask{method: http.MethodHead, path: "/"})
	require.Equal(t, http.StatusOK, head.StatusCode)
	require.Equal(t, "17", head.Header.Get("Content-Length"))
	require.Empty(t, body(t, head))
}

func TestWithoutABuildThePageSaysHowToMakeOne(t *testing.T) {
	h := handler(fstest.MapFS{".gitkeep": {}})
	page := body(t, answer(t, h, ask{method: http.MethodGet, path: "/"}))
	require.Contains(t, page, "npm run build")
	require.Contains(t, page, "网页")
	require.Contains(t, page, "compiled without the console page")
}

// The embedded files, built or not: the page answers, and carries no script of its own that the policy would block.
func TestEmbeddedPage(t *testing.T) {
	res := answer(t, Handler(), ask{method: http.MethodGet, path: "/"})
	require.Equal(t, http.StatusOK, res.StatusCode)
	page := body(t, res)
	require.Equal(t, Built(), !bytes.Equal([]byte(page), unbuilt))
	inline := regexp.MustCompile(`<script(?:\s[^>]*)?>[^<]`)
	require.False(t, inline.MatchString(page), "inline script")
	require.NotRegexp(t, `(?:src|href)="(?:https?:)?//`, page, "a file from another host")
	for _, name := range regexp.MustCompile(`/assets/[^"]+`).FindAllString(page, -1) {
		require.Equal(t, http.StatusOK, answer(t, Handler(), ask{method: http.MethodGet, path: name}).StatusCode, name)
	}
}

func TestPagesAreThoseOfTheRouter(t *testing.T) {
	source, err := os.ReadFile("src/app/routes.ts")
	require.NoError(t, err)
	list := regexp.MustCompile(`PAGES = \[([^\]]+)\]`).FindSubmatch(source)
	require.Len(t, list, 2)
	var names []string
	for _, quoted := range regexp.MustCompile(`'(\w+)'`).FindAllSubmatch(list[1], -1) {
		names = append(names, string(quoted[1]))
	}
	require.Equal(t, names, pages)
}

// Every reason for which an event can be refused has its words on the page.
func TestReasonsHaveNames(t *testing.T) {
	contract, err := os.ReadFile("../../../schemas/reasons.go")
	require.NoError(t, err)
	names, err := os.ReadFile("src/i18n/names.ts")
	require.NoError(t, err)
	reasons := regexp.MustCompile(`Reason = "(\w+)"`).FindAllSubmatch(contract, -1)
	require.NotEmpty(t, reasons)
	for _, r := range reasons {
		require.Regexp(t, `(?m)^  `+string(r[1])+`: \[`, string(names))
	}
}
