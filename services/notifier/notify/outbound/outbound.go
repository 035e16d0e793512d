// Package outbound makes the HTTP client by which alerts leave for addresses
// that people have configured.
//
// It guarantees that a request reaches public addresses only, and the private
// networks that the operator allows: the address is checked when it is dialled,
// so a name that resolves to something else meanwhile gains nothing. There are
// no proxies from the environment and no redirects, and an answer is read to
// 64 KiB at most. The channels robot and webhook call it.
package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"

	"github.com/tagwire/tagwire/services/notifier/notify/message"
)

// MaxAnswer is how much of an answer is read.
const MaxAnswer = 64 << 10

// ErrForbidden is the cause of every refusal to dial.
var ErrForbidden = errors.New("the address is in a private or reserved network; notify.private_targets allows it")

// NewClient makes a client with an overall time-out. Private are addresses and
// networks that may be reached although they are not public.
func NewClient(timeout time.Duration, private []string) (*http.Client, error) {
	allowed, err := prefixes(private)
	if err != nil {
		return nil, err
	}
	guard := ssrf.New(ssrf.WithAnyPort())
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: func(network, address string, c syscall.RawConn) error {
		host, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("dial %s: %w", address, ErrForbidden)
		}
		for _, p := range allowed {
			if p.Contains(host.Addr().Unmap()) {
				return nil
			}
		}
		if err := guard.Safe(network, address, c); err != nil {
			return fmt.Errorf("dial %s: %w", address, ErrForbidden)
		}
		return nil
	}}
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: 2, IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: MaxAnswer,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

func prefixes(texts []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range texts {
		if addr, err := netip.ParseAddr(text); err == nil {
			out = append(out, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("notify.private_targets: %q is neither an address nor a network: %w", text, err)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// Request is one POST of JSON.
type Request struct {
	URL    string
	Body   []byte
	Header map[string]string
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Post sends a request. Its errors never tell the URL: it may hold a key.
func Post(ctx context.Context, client *http.Client, r Request) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, strings.NewReader(string(r.Body)))
	if err != nil || req.URL.Host == "" || req.URL.Scheme != "http" && req.URL.Scheme != "https" || req.URL.User != nil {
		return Answer{}, message.Refused("the address is not an http or https URL")
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "tagwire")
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		return Answer{}, hide(err)
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	body, err := io.ReadAll(io.LimitReader(res.Body, MaxAnswer))
	if err != nil {
		return Answer{}, fmt.Errorf("read the answer: %w", hide(err))
	}
	return Answer{Status: res.StatusCode, Header: res.Header, Body: body}, nil
}

// hide takes the URL out of an error of net/http. A forbidden address stays
// forbidden, so that is final.
func hide(err error) error {
	if errors.Is(err, ErrForbidden) {
		return &message.Failure{Permanent: true, Err: ErrForbidden}
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
