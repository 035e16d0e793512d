// Package web serves the console's page: the built files of this folder, embedded in the binary.
//
// Who calls it: services/console mounts Handler on "/" behind its API. It guarantees that a page address answers
// with the page, that a mistyped API path or asset stays a 404, that hashed files may be cached for ever and the
// page itself never is, and that the browser is told to load nothing from elsewhere. It knows nobody's role:
// the files hold no data, and the page asks the API for everything it shows.
//
// Without a build (npm ci && npm run build) it serves one plain page that says how to make one.
package web

import (
	"embed"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

//go:embed all:dist
var built embed.FS

//go:embed unbuilt.html
var unbuilt []byte

// The style policy allows inline styles because antd writes its own at run time; scripts come from files only.
const contentPolicy = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
	"img-src 'self' data:; connect-src 'self'; font-src 'self'; object-src 'none'; base-uri 'none'; " +
	"form-action 'self'; frame-ancestors 'none'"

const indexName = "index.html"

// pages are the first segments of the page's own addresses; src/app/routes.ts holds the same list.
var pages = []string{"overview", "tags", "alerts", "events", "profiles", "rules", "definitions"}

// Handler serves the embedded page.
func Handler() http.Handler {
	files, err := fs.Sub(built, "dist")
	if err != nil {
		// fs.Sub fails only for an invalid name, and this one is a constant.
		panic(err) //nolint:forbidigo // see above: it cannot happen
	}
	return handler(files)
}

// Built tells whether the binary carries a built page, for doctor.
func Built() bool {
	_, err := fs.Stat(built, "dist/"+indexName)
	return err == nil
}

func handler(files fs.FS) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
		switch {
		case strings.HasPrefix(name, "assets/") || name == "favicon.svg":
			serveAsset(w, r, asset{files: files, name: name})
		case isPage(name):
			servePage(w, r, files)
		default:
			http.NotFound(w, r)
		}
	})
}

func secure(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=()")
}

func isPage(name string) bool {
	if name == "" || name == indexName {
		return true
	}
	first, _, _ := strings.Cut(name, "/")
	return slices.Contains(pages, first)
}

func servePage(w http.ResponseWriter, r *http.Request, files fs.FS) {
	body, err := fs.ReadFile(files, indexName)
	if err != nil {
		body = unbuilt
	}
	w.Header().Set("Cache-Control", "no-cache")
	write(w, r, content{kind: "text/html; charset=utf-8", body: body})
}

type asset struct {
	files fs.FS
	name  string
}

func serveAsset(w http.ResponseWriter, r *http.Request, a asset) {
	// The compressed twin is served under the plain name only.
	body, err := fs.ReadFile(a.files, a.name)
	if err != nil || strings.HasSuffix(a.name, ".gz") {
		w.Header().Set("Cache-Control", "no-store")
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(a.name, "assets/") {
		// The name holds a hash of the content, so it never changes.
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if small, err := fs.ReadFile(a.files, a.name+".gz"); err == nil && acceptsGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body = small
	}
	write(w, r, content{kind: kindOf(a.name), body: body})
}

type content struct {
	kind string
	body []byte
}

func write(w http.ResponseWriter, r *http.Request, c content) {
	w.Header().Set("Content-Type", c.kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(c.body)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		// A failed write means that the client has gone; there is nobody left to tell.
		_, _ = w.Write(c.body)
	}
}

// kindOf does not ask the machine's table of types first: some answer text/plain for .js, which nosniff would refuse.
func kindOf(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		if kind := mime.TypeByExtension(ext); kind != "" {
			return kind
		}
		return "application/octet-stream"
	}
}

// acceptsGzip reads an Accept-Encoding header; "gzip;q=0" is a refusal.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		weight, ok := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(params), " ", ""), "q=")
		if !ok {
			return true
		}
		q, err := strconv.ParseFloat(weight, 64)
		return err == nil && q > 0
	}
	return false
}
