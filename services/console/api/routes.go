package api

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/services/console/web"
)

// handle is a handler that leaves errors to be answered in one place.
type handle func(w http.ResponseWriter, r *http.Request) error

// route is one entry of the API.
type route struct {
	method, path string
	need         right // empty: everybody
	serve        handle
}

// table is every route of the API; openapi.json describes each, which a test
// checks.
func (a *API) table() []route {
	return []route{
		{"POST", "/session", "", a.login},
		{"GET", "/session", "", a.session},
		{"DELETE", "/session", "", a.logout},
		{"GET", "/profiles/{id}", seeCustomers, a.profile},
		{"GET", "/profiles/{id}/timeline", seeCustomers, a.timeline},
		{"GET", "/profiles/{id}/at", seeCustomers, a.at},
		{"GET", "/profiles/{id}/explain", seeCustomers, a.explain},
		{"POST", "/profiles/{id}/tags", actCustomers, a.addTag},
		{"DELETE", "/profiles/{id}/tags", actCustomers, a.removeTag},
		{"POST", "/profiles/{id}/notes", actCustomers, a.addNote},
		{"POST", "/profiles/{id}/consent", actCustomers, a.setConsent},
		{"POST", "/profiles/{id}/unmerge", operate, a.unmerge},
		{"GET", "/tags", seeCounts, a.tags},
		{"GET", "/tags/stream", seeCounts, a.tagStream},
		{"GET", "/tags/{tag}/members", seeCustomers, a.members},
		{"GET", "/tags/{tag}/changes", seeCustomers, a.tagChanges},
		{"GET", "/alerts", seeAlerts, a.alerts},
		{"GET", "/alerts/stream", seeAlerts, a.alertStream},
		{"GET", "/alerts/{id}", seeAlerts, a.alert},
		{"POST", "/alerts/{id}/{verb}", actAlerts, a.alertAction},
		{"GET", "/rules", seeRules, a.rules},
		{"PUT", "/rules", editRules, a.putRules},
		{"GET", "/rules/explain", seeRules, a.saidRules},
		{"POST", "/rules/explain", seeRules, a.sayRules},
		{"GET", "/rules/cuts", seeRules, a.cutRules},
		{"PUT", "/rules/cuts", editRules, a.putCuts},
		{"GET", "/rules/lint", seeRules, a.lintRules},
		{"GET", "/defs/{kind}", seeDefs, a.listDefs},
		{"GET", "/defs/{kind}/{id}", seeDefs, a.getDef},
		{"PUT", "/defs/{kind}/{id}", editDefs, a.putDef},
		{"DELETE", "/defs/{kind}/{id}", editDefs, a.deleteDef},
		{"POST", "/links", actCustomers, a.link},
		{"GET", "/events/stream", seeCustomers, a.eventStream},
		{"GET", "/verify", operate, a.verify},
		{"GET", "/status", seeCounts, a.status},
	}
}

// prefix is in front of every path of the table.
const prefix = "/api/v1"

func (a *API) routes() http.Handler {
	mux := http.NewServeMux()
	for _, rt := range a.table() {
		h := a.answering(rt)
		if rt.need != "" {
			h = a.access(rt.need, h)
		}
		mux.Handle(rt.method+" "+prefix+rt.path, a.metrics.measure(rt.method, prefix+rt.path, h))
	}
	mux.HandleFunc("GET /openapi.json", serveDescription)
	mux.Handle("/api/", a.answering(route{serve: a.unknown(mux)}))
	mux.Handle("/", web.Handler())
	return a.protect(mux)
}

// answering turns a handle into a handler.
func (a *API) answering(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := rt.serve(w, r); err != nil {
			a.fail(w, r, err)
		}
	})
}

// unknown answers paths that are not in the table, and methods that a path does
// not have.
func (a *API) unknown(mux *http.ServeMux) handle {
	return func(w http.ResponseWriter, r *http.Request) error {
		var allowed []string
		for _, m := range []string{"GET", "POST", "PUT", "DELETE"} {
			probe := r.Clone(r.Context())
			probe.Method = m
			if _, pattern := mux.Handler(probe); strings.HasPrefix(pattern, m+" ") {
				allowed = append(allowed, m)
			}
		}
		if len(allowed) == 0 {
			return notFound("没有这个接口，接口清单见 /openapi.json", "there is no such path; /openapi.json lists all")
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		return refuse(http.StatusMethodNotAllowed, "method_not_allowed", "该接口不支持此方法", "this path does not have this method")
	}
}

// protect sets what every answer of the API carries, and refuses what another
// site makes a browser send with the session's cookie. A token is not sent by
// itself, so requests that carry one are not asked where they come from.
func (a *API) protect(next http.Handler) http.Handler {
	origins := http.NewCrossOriginProtection()
	if u, err := url.Parse(a.opt.Config.PublicURL); err == nil && u.Host != "" {
		// A proxy in front may ask us by another name than the page was asked by.
		if err := origins.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			a.opt.Log.Warn("public_url is not an origin", zap.Error(err))
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/api/") {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if _, token := bearer(r); !token {
			if err := origins.Check(r); err != nil {
				refuse(http.StatusForbidden, "cross_origin", "请求来自其他网站，已拒绝", "the request comes from another site and is refused").write(w)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// errGone ends a stream whose reader has left.
var errGone = errors.New("the reader has left")

// Routes are the paths of the API by method, sorted.
func (a *API) Routes() map[string][]string {
	out := map[string][]string{}
	for _, rt := range a.table() {
		out[rt.method] = append(out[rt.method], prefix+rt.path)
	}
	for _, paths := range out {
		slices.Sort(paths)
	}
	return out
}
