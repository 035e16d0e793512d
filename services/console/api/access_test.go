package api_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/auth"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/services/console/api"
)

func TestNothingIsShownWithoutLogin(t *testing.T) {
	g := start(t)
	for method, paths := range g.described() {
		for _, path := range paths {
			path = regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, "x")
			if strings.HasSuffix(path, "/session") {
				continue
			}
			r := g.raw(method, path, "")
			require.Equal(t, http.StatusUnauthorized, r.Code, "%s %s", method, path)
			require.Equal(t, "application/problem+json", r.Header.Get("Content-Type"))
			require.Equal(t, "no-store", r.Header.Get("Cache-Control"))
			require.Equal(t, "nosniff", r.Header.Get("X-Content-Type-Options"))
			require.NotEmpty(t, r.Header.Get("Content-Security-Policy"))
		}
	}
	require.Equal(t, http.StatusUnauthorized, g.raw("GET", "/api/v1/tags", "", "Authorization", "Bearer wrong").Code)
	require.Equal(t, http.StatusUnauthorized, g.raw("GET", "/api/v1/tags", "", "Authorization", "Bearer").Code)
	page := g.raw("GET", "/", "")
	require.Equal(t, http.StatusOK, page.Code)
	require.Contains(t, page.Header.Get("Content-Type"), "text/html")
}

func TestWithoutATokenConfiguredNobodyGetsIn(t *testing.T) {
	g := start(t, func(o *api.Options) { o.Config.AdminToken = "" })
	require.Equal(t, http.StatusUnauthorized, g.raw("GET", "/api/v1/tags", "", "Authorization", "Bearer ").Code)
	require.Equal(t, http.StatusUnauthorized, g.raw("POST", "/api/v1/session", `{"token":""}`).Code)
}

func TestSessionByCookie(t *testing.T) {
	g := start(t)
	require.Equal(t, http.StatusUnauthorized, g.raw("POST", "/api/v1/session", `{"token":"wrong"}`).Code)
	r := g.raw("POST", "/api/v1/session", `{"token":"`+token+`"}`)
	require.Equal(t, http.StatusOK, r.Code, r.Text)
	set := r.Header.Get("Set-Cookie")
	require.Contains(t, set, "HttpOnly")
	cookie, _, _ := strings.Cut(set, ";")
	require.Equal(t, "admin", g.raw("GET", "/api/v1/session", "", "Cookie", cookie).fields()["role"])
	require.Equal(t, http.StatusOK, g.raw("GET", "/api/v1/tags", "", "Cookie", cookie).Code)

	// Another site makes the browser send the cookie along.
	r = g.raw("PUT", "/api/v1/defs/store/s1", `{"name":"x"}`, "Cookie", cookie, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")
	require.Equal(t, http.StatusForbidden, r.Code, r.Text)
	r = g.raw("PUT", "/api/v1/defs/store/s1", `{"name":"x"}`, "Cookie", cookie, "Sec-Fetch-Site", "same-origin")
	require.Equal(t, http.StatusCreated, r.Code, r.Text)

	require.Equal(t, http.StatusNoContent, g.raw("DELETE", "/api/v1/session", "", "Cookie", cookie).Code)
	require.Equal(t, http.StatusUnauthorized, g.raw("GET", "/api/v1/tags", "", "Cookie", cookie).Code)
}

func TestRolesAreLimited(t *testing.T) {
	g := start(t)
	sessions, err := auth.NewSessions(auth.SessionOptions{Redis: g.Redis})
	require.NoError(t, err)
	for role, want := range map[string]map[string]int{
		"marketing": {"/tags": 200, "/rules": 404, "/alerts": 403, "/profiles/x": 403, "/defs/source": 403},
		"staff":     {"/tags": 403, "/alerts": 403},
	} {
		c, err := sessions.Create(t.Context(), auth.Session{Subject: role, Role: role})
		require.NoError(t, err)
		for path, code := range want {
			require.Equal(t, code, g.raw("GET", "/api/v1"+path, "", "Cookie", c.Name+"="+c.Value).Code, "%s %s", role, path)
		}
	}
}

func TestGuessingTokensIsSlowedDown(t *testing.T) {
	g := start(t)
	codes := map[int]int{}
	for range 40 {
		codes[g.raw("POST", "/api/v1/session", `{"token":"guess"}`).Code]++
	}
	require.Positive(t, codes[http.StatusUnauthorized])
	require.Positive(t, codes[http.StatusTooManyRequests])
	require.Equal(t, http.StatusOK, g.do("GET", "/tags", "").Code, "who has the token is not kept out")
}

func TestUnknownPathsAndMethods(t *testing.T) {
	g := start(t)
	r := g.do("GET", "/nothing", "")
	require.Equal(t, http.StatusNotFound, r.Code)
	require.Equal(t, "application/problem+json", r.Header.Get("Content-Type"))
	r = g.do("POST", "/rules", "")
	require.Equal(t, http.StatusMethodNotAllowed, r.Code)
	require.Equal(t, "GET, PUT", r.Header.Get("Allow"))
}

// described are the paths of the description by method.
func (g *rig) described() map[string][]string {
	g.t.Helper()
	var d struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			Summary     string
			Description string
			Responses   map[string]any
		}
	}
	r := g.raw("GET", "/openapi.json", "")
	require.Equal(g.t, http.StatusOK, r.Code)
	require.NoError(g.t, json.Unmarshal([]byte(r.Text), &d))
	require.Equal(g.t, "3.1.0", d.OpenAPI)
	out := map[string][]string{}
	for path, ops := range d.Paths {
		for method, op := range ops {
			require.NotEmpty(g.t, op.Summary, path)
			require.NotEmpty(g.t, op.Description, path)
			require.NotEmpty(g.t, op.Responses, path)
			out[strings.ToUpper(method)] = append(out[strings.ToUpper(method)], path)
		}
	}
	return out
}

func TestDescriptionIsThatOfTheRoutes(t *testing.T) {
	g := start(t)
	described := g.described()
	for method := range described {
		slices.Sort(described[method])
	}
	require.Equal(t, g.api.Routes(), described)
}

func TestDescriptionPointsAtWhatItHas(t *testing.T) {
	g := start(t)
	text := g.raw("GET", "/openapi.json", "").Text
	var d struct {
		Components struct{ Schemas map[string]any }
	}
	require.NoError(t, json.Unmarshal([]byte(text), &d))
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`"#/components/schemas/(\w+)"`).FindAllStringSubmatch(text, -1) {
		used[m[1]] = true
		require.Contains(t, d.Components.Schemas, m[1])
	}
	for name := range d.Components.Schemas {
		require.True(t, used[name], "%s is described and used nowhere", name)
	}
}

func TestDefinitionsKeepSecretsAndVersions(t *testing.T) {
	g := start(t)
	const path = "/defs/source/shop1"
	r := g.do("PUT", path, `{"kind":"webhook","secret":"hush","name":"a"}`)
	require.Equal(t, http.StatusCreated, r.Code, r.Text)
	require.Equal(t, http.StatusConflict, g.do("PUT", path, `{"kind":"webhook","secret":"other"}`).Code)
	require.Equal(t, http.StatusConflict, g.do("PUT", path, `{"kind":"webhook","secret":"other"}`, "If-Match", "9").Code)
	shown := g.do("GET", path, "")
	require.NotContains(t, shown.Text, "hush")
	require.Equal(t, `"1"`, shown.Header.Get("ETag"))
	r = g.do("PUT", path, `{"kind":"webhook","secret":"********","name":"b"}`, "If-Match", `"1"`)
	require.Equal(t, http.StatusOK, r.Code, r.Text)
	require.Equal(t, 2.0, r.fields()["version"])
	d, ok := g.Defs.Get("source", "shop1")
	require.True(t, ok)
	require.Contains(t, string(d.Body), "hush", "the mask keeps what stands")
	require.NotContains(t, g.do("GET", "/defs/source", "").Text, "hush")
	require.Equal(t, http.StatusOK, g.do("PUT", path, `{"kind":"webhook","secret":"x"}`, "If-Match", "*").Code)

	r = g.do("PUT", "/defs/source/bad", `{"kind":"webhook","surprise":1}`)
	require.Equal(t, http.StatusUnprocessableEntity, r.Code, r.Text)
	require.Contains(t, r.Text, "surprise")
	require.Equal(t, http.StatusNotFound, g.do("GET", "/defs/nothing", "").Code)
	require.Equal(t, http.StatusNotFound, g.do("GET", "/defs/source/none", "").Code)
	require.Equal(t, http.StatusConflict, g.do("PUT", "/defs/rules/main", `{"files":{"rules.yaml":"zone: UTC"}}`).Code)
	require.Equal(t, http.StatusConflict, g.do("DELETE", "/defs/rules/main", "").Code)
	require.Equal(t, http.StatusConflict, g.do("DELETE", path, "", "If-Match", "1").Code)
	require.Equal(t, http.StatusNoContent, g.do("DELETE", path, "", "If-Match", "3").Code)
	require.Equal(t, http.StatusNotFound, g.do("DELETE", path, "").Code)
}

func TestLinksAreSignedForTheCollector(t *testing.T) {
	g := start(t, func(o *api.Options) { o.Config.PublicURL = "https://go.example.com/" })
	g.Define("link", "l1", map[string]any{"url": "https://example.com/a", "staff_id": "li.na"})
	r := g.do("POST", "/links", `{"link":"l1","customer":"user_id:u1","expires":"2999-01-01T00:00:00Z"}`)
	require.Equal(t, http.StatusOK, r.Code, r.Text)
	v := r.fields()
	require.Equal(t, "https://go.example.com/r/"+v["token"].(string), v["url"])
	secret, err := g.Master.Derive("links")
	require.NoError(t, err)
	links, err := auth.NewLinks(auth.LinkKey{ID: 1, Secret: secret})
	require.NoError(t, err)
	link, err := links.VerifyLink(v["token"].(string), event.Time(0).Std())
	require.NoError(t, err)
	require.Equal(t, auth.Link{ID: "l1", Customer: "user_id:u1", Expires: link.Expires}, link)
	require.Equal(t, "2999-01-01T00:00:00.000Z", link.Expires.String())

	require.Equal(t, http.StatusNotFound, g.do("POST", "/links", `{"link":"none"}`).Code)
	require.Equal(t, http.StatusBadRequest, g.do("POST", "/links", `{"link":"l1","staff":"somebody"}`).Code)
	require.Equal(t, http.StatusBadRequest, g.do("POST", "/links", `{"link":"l1","expires":"1999-01-01T00:00:00Z"}`).Code)
	require.Equal(t, http.StatusNotFound, g.do("POST", "/links", `{"link":"l1","customer":"phone:13800001111"}`).Code, "a number stands for its customer, who is not there")
	require.Equal(t, http.StatusBadRequest, g.do("POST", "/links", `[1]`).Code)
}

func TestStatusTellsOfThePartsAndRules(t *testing.T) {
	g := live(t)
	v := g.do("GET", "/status", "").fields()
	parts := v["parts"].(map[string]any)
	require.Equal(t, true, parts["kafka"].(map[string]any)["ok"])
	require.Equal(t, true, parts["redis"].(map[string]any)["ok"])
	require.Equal(t, 1.0, v["rules"].(map[string]any)["version"])
	require.NotEmpty(t, v["streams"].(map[string]any)["as_of"])
}
