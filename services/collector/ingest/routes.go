package ingest

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
)

func (c *Collector) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/{call}", c.serveSegment)
	mux.HandleFunc("POST /v1/events", c.serveCloudEvents)
	mux.HandleFunc("GET /v1/projects/{key}/settings", c.serveSettings)
	mux.HandleFunc("GET /in/wecom/{source}", c.serveWeComCheck)
	mux.HandleFunc("POST /in/wecom/{source}", c.serveWeCom)
	mux.HandleFunc("POST /in/wecom-archive/{source}", c.serveArchive)
	mux.HandleFunc("POST /in/webhook/{source}", c.serveWebhook)
	mux.HandleFunc("GET /r/{token}", c.serveLink)
	mux.HandleFunc("GET /r/{$}", c.serveNoLink)
	mux.HandleFunc("POST /beacon", c.serveBeacon)
	mux.HandleFunc("OPTIONS /", c.servePreflight)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.metrics.inFlight.Inc()
		defer c.metrics.inFlight.Dec()
		c.allowOrigin(w, r)
		mux.ServeHTTP(w, r)
	})
}

// allowOrigin lets browsers of the configured origins read answers. Credentials
// are never allowed: a write key is public, a cookie is not needed.
func (c *Collector) allowOrigin(w http.ResponseWriter, r *http.Request) {
	origin := r.Header.Get("Origin")
	if origin == "" || !strings.HasPrefix(r.URL.Path, "/v1/") && r.URL.Path != "/beacon" {
		return
	}
	h := w.Header()
	switch {
	case slices.Contains(c.cfg.CORSOrigins, "*"):
		h.Set("Access-Control-Allow-Origin", "*")
	case slices.Contains(c.cfg.CORSOrigins, origin):
		h.Set("Access-Control-Allow-Origin", origin)
		h.Add("Vary", "Origin")
	default:
		return
	}
	h.Set("Access-Control-Expose-Headers", "Retry-After")
}

// servePreflight allows the headers that the page asks for: clients put their
// own there (X-Retry-Count), and without credentials none of them means a right.
func (c *Collector) servePreflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if h.Get("Access-Control-Allow-Origin") != "" {
		h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
		h.Set("Access-Control-Max-Age", "86400")
		allow := "Authorization, Content-Type, Content-Encoding, X-Write-Key, X-Retry-Count"
		if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" && len(asked) < 1000 && headerNames(asked) {
			allow = asked
		}
		h.Set("Access-Control-Allow-Headers", allow)
	}
	w.WriteHeader(http.StatusNoContent)
}

func headerNames(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != ',' && r != ' '
	})
}

// base is the scheme and host by which the client reached us: public_url, else
// what the request says, and through a trusted proxy what that says.
func (c *Collector) base(r *http.Request) (scheme, host string) {
	if u, err := url.Parse(c.cfg.PublicURL); err == nil && u.Host != "" {
		return u.Scheme, u.Host + strings.TrimRight(u.Path, "/")
	}
	scheme, host = "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	if c.trusted(r) {
		if p := r.Header.Get("X-Forwarded-Proto"); p == "http" || p == "https" {
			scheme = p
		}
		if h := r.Header.Get("X-Forwarded-Host"); h != "" && !strings.ContainsAny(h, ", /") {
			host = h
		}
	}
	return scheme, host
}

func (c *Collector) trusted(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(c.cfg.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}

func (c *Collector) now() event.Time { return event.At(c.opt.Clock()) }

func (c *Collector) input(src string, received event.Time) envelope.Input {
	return envelope.Input{Source: src, Received: received, Limits: c.cfg.Limits}
}
