// Package bilisten offers ClickHouse's HTTP interface to BI tools on an address
// of its own (bi_listen).
//
// It guarantees: whatever comes in goes on as the user bi, with the password
// that was given; other users, other ways to log in and other paths are refused
// here. What bi may read, and for how long, is ClickHouse's to decide.
//
// It does not end TLS towards other names than its own certificate's, keep
// answers or count. The console runs it.
package bilisten

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/telemetry"
)

// user is the only one who gets through.
const user = "bi"

// Run serves bi_listen until ctx ends.
func Run(ctx context.Context, cfg *config.Config, log *zap.Logger) error {
	served, err := cfg.TLS.Config()
	if err != nil {
		return err
	}
	way := cfg.ClickHouse.TLS
	way.Enabled = true // what it is used for is said by the scheme
	there, err := way.Config()
	if err != nil {
		return err
	}
	h, err := Handler(cfg.ClickHouse.HTTPURL(), there, log)
	if err != nil {
		return err
	}
	return telemetry.Serve(ctx, telemetry.ServeOptions{Addr: cfg.BIListen, Handler: h, TLS: served, Log: log})
}

// Handler passes requests on to the ClickHouse at target.
func Handler(target string, way *tls.Config, log *zap.Logger) (http.Handler, error) {
	to, err := url.Parse(target)
	if err != nil || to.Host == "" {
		return nil, fmt.Errorf("bi_listen leads to clickhouse.http, which is %q: %w", target, errors.Join(errNoTarget, err))
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: &http.Transport{
			TLSClientConfig: way, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, ResponseHeaderTimeout: 3 * time.Minute,
		},
		FlushInterval: -1, // long answers come as they are made
		ErrorLog:      zap.NewStdLog(log),
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			log.Warn("ClickHouse does not answer a BI tool", zap.Error(err))
			http.Error(w, "ClickHouse 没有答复，请稍后再试 / ClickHouse does not answer; try again later", http.StatusBadGateway)
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" && r.URL.Path != "/ping" && r.URL.Path != "" {
			http.Error(w, "这里只接受查询 / only queries are taken here", http.StatusNotFound)
			return
		}
		password, err := credentials(r)
		if err != nil {
			w.Header().Set("WWW-Authenticate", `Basic realm="tagwire bi"`)
			http.Error(w, "请以用户 bi 登录 / log in as the user bi: "+err.Error(), http.StatusUnauthorized)
			return
		}
		r.Header.Set("X-ClickHouse-User", user)
		r.Header.Set("X-ClickHouse-Key", password)
		proxy.ServeHTTP(w, r)
	}), nil
}

var (
	errNoTarget = errors.New("not an address")
	errUser     = errors.New("这里只有 bi 能登录 / only bi may come in here")
	errTwice    = errors.New("用户名给了不止一次 / the user is given in more than one way")
	errNone     = errors.New("没有给用户名 / no user is given")
)

// credentials takes what ClickHouse takes (basic auth, headers, parameters) out
// of a request and gives the password, when it is one of bi.
func credentials(r *http.Request) (password string, err error) {
	var users []string
	if name, key, ok := r.BasicAuth(); ok {
		users, password = append(users, name), key
	} else if r.Header.Get("Authorization") != "" {
		return "", errUser
	}
	if name := r.Header.Get("X-ClickHouse-User"); name != "" {
		users, password = append(users, name), r.Header.Get("X-ClickHouse-Key")
	}
	query := r.URL.Query()
	if query.Has("user") {
		users, password = append(users, query.Get("user")), query.Get("password")
	}
	switch {
	case len(users) == 0 && r.URL.Path == "/ping":
	case len(users) == 0:
		return "", errNone
	case len(users) > 1 || len(query["user"]) > 1:
		return "", errTwice
	case users[0] != user:
		return "", errUser
	}
	passed := []string{"X-Clickhouse-Format", "X-Clickhouse-Database", "X-Clickhouse-Quota"}
	query.Del("user")
	query.Del("password")
	r.URL.RawQuery = query.Encode()
	for name := range r.Header {
		if name == "Authorization" || strings.HasPrefix(name, "X-Clickhouse-") && !slices.Contains(passed, name) {
			r.Header.Del(name)
		}
	}
	return password, nil
}
