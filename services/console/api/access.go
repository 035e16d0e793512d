package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/tagwire/tagwire/libs/auth"
)

// right is one thing a role may do.
type right string

// The rights. Personal fields are opened for personal only.
const (
	seeCounts    right = "counts"    // tags, status
	seeCustomers right = "customers" // profiles, members, live events
	seePersonal  right = "personal"
	actCustomers right = "act" // manual tags, notes, consent, links
	seeAlerts    right = "alerts"
	actAlerts    right = "alerts.act"
	seeRules     right = "rules"
	editRules    right = "rules.edit"
	seeDefs      right = "defs"
	editDefs     right = "defs.edit"
	operate      right = "operate" // verify
)

// rightsOf are the rights of the roles. Staff and leaders get theirs when what
// they may see is restricted to their customers.
func rightsOf(role string) []right {
	switch role {
	case roleAdmin:
		return []right{seeCounts, seeCustomers, seePersonal, actCustomers, seeAlerts, actAlerts, seeRules, editRules, seeDefs, editDefs, operate}
	case "marketing":
		return []right{seeCounts, seeRules, editRules}
	case "bi":
		return []right{seeCounts, seeRules}
	}
	return nil
}

const roleAdmin = "admin"

// principal is who asks.
type principal struct {
	Role    string
	Subject string
	Name    string
	StaffID string
}

func (p principal) may(r right) bool { return slices.Contains(rightsOf(p.Role), r) }

// by is who did something, as events and alerts name it.
func (p principal) by() string {
	if p.StaffID != "" {
		return p.StaffID
	}
	return p.Subject
}

type principalKey struct{}

// who is the principal that access let in.
func who(r *http.Request) principal {
	p, _ := r.Context().Value(principalKey{}).(principal)
	return p
}

// admin is whoever has the admin token.
func admin() principal { return principal{Role: roleAdmin, Subject: "admin", Name: "admin"} }

// identify finds out who asks: a bearer token, or a session by cookie.
func (a *API) identify(r *http.Request) (principal, error) {
	if token, ok := bearer(r); ok {
		return a.byToken(r, token)
	}
	s, err := a.sessions.Get(r.Context(), r)
	if errors.Is(err, auth.ErrNoSession) {
		return principal{}, unauthorised()
	}
	if err != nil {
		return principal{}, err
	}
	return principal{Role: s.Role, Subject: s.Subject, Name: s.Name, StaffID: s.StaffID}, nil
}

func bearer(r *http.Request) (string, bool) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "bearer")
}

// byToken checks a token; an address that guesses is slowed down.
func (a *API) byToken(r *http.Request, token string) (principal, error) {
	if auth.EqualTokens(token, a.opt.Config.AdminToken) {
		return admin(), nil
	}
	if ok, after := a.refused.Allow(a.address(r), 1); !ok {
		p := refuse(http.StatusTooManyRequests, "too_many_attempts", "尝试次数过多，请稍后再试", "too many wrong tokens; please wait a moment")
		p.after = 1 + int(after.Seconds())
		return principal{}, p
	}
	return principal{}, unauthorised()
}

func unauthorised() *problem {
	return refuse(http.StatusUnauthorized, "unauthorized", "请先登录，或检查管理令牌是否正确", "log in, or check the admin token")
}

// access lets a request through to those who have the right.
func (a *API) access(need right, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := a.identify(r)
		if err == nil && !p.may(need) {
			err = refuse(http.StatusForbidden, "forbidden", "当前角色没有这项权限", "your role does not include this")
		}
		if err != nil {
			if asProblem(err).Status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Bearer realm="tagwire"`)
			}
			a.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), principalKey{}, p)))
	})
}

// address is the client's, as far as it can be known.
func (a *API) address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if !a.trusted(host) {
		return host
	}
	hops := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
	for _, hop := range slices.Backward(hops) {
		if hop = strings.TrimSpace(hop); hop != "" && !a.trusted(hop) {
			return hop
		}
	}
	return host
}

func (a *API) trusted(host string) bool {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(a.opt.Config.TrustedProxies, func(s string) bool {
		if p, err := netip.ParsePrefix(s); err == nil {
			return p.Contains(addr.Unmap())
		}
		one, err := netip.ParseAddr(s)
		return err == nil && one == addr.Unmap()
	})
}

// sessionAnswer is who is logged in.
type sessionAnswer struct {
	Role string `json:"role"`
	Name string `json:"name"`
}

func (a *API) login(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Token string `json:"token"`
	}
	if err := readJSON(w, r, &in); err != nil {
		return err
	}
	p, err := a.byToken(r, in.Token)
	if err != nil {
		return err
	}
	cookie, err := a.sessions.Create(r.Context(), auth.Session{Subject: p.Subject, Role: p.Role, Name: p.Name})
	if err != nil {
		return err
	}
	http.SetCookie(w, cookie)
	return answer(w, http.StatusOK, sessionAnswer{p.Role, p.Name})
}

func (a *API) session(w http.ResponseWriter, r *http.Request) error {
	p, err := a.identify(r)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, sessionAnswer{p.Role, p.Name})
}

func (a *API) logout(w http.ResponseWriter, r *http.Request) error {
	if err := a.sessions.Revoke(r.Context(), r); err != nil {
		return err
	}
	http.SetCookie(w, a.sessions.Gone())
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// etag is a version as an entity tag.
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// expected reads If-Match; given is false when there is none. "*" expects that
// there is something.
func expected(r *http.Request) (version int64, star, given bool, err error) {
	s := strings.TrimSpace(r.Header.Get("If-Match"))
	if s == "" {
		return 0, false, false, nil
	}
	if s == "*" {
		return 0, true, true, nil
	}
	s = strings.Trim(strings.TrimPrefix(s, "W/"), `"`)
	version, err = strconv.ParseInt(s, 10, 64)
	if err != nil || version < 0 {
		return 0, false, true, badRequest("If-Match 应为版本号", "If-Match is a version number")
	}
	return version, false, true, nil
}
