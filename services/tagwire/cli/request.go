package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/tagwire/tagwire/services/tagwire/app"
)

// flagsOf adds the flags that say where Tagwire is.
func (p *place) flagsOf(fs *flag.FlagSet) {
	fs.StringVar(&p.data, "data", "", "数据目录 / data folder")
	fs.StringVar(&p.url, "url", "", "地址 / address, such as http://127.0.0.1:8080")
}

// client speaks with the Tagwire of a folder by the certificate that
// endpoints.json names, with an address as the system trusts.
func (p *place) client() *http.Client {
	if p.data == "" {
		return http.DefaultClient
	}
	return folderClient(p.data)
}

func folderClient(dir string) *http.Client {
	return &http.Client{Transport: app.Pinned(func() (string, error) {
		e, _, err := endpoints(dir)
		return e.Certificate, err
	})}
}

// ask sends a request to the API of a running Tagwire and gives the body; the
// caller closes it.
func (p *place) ask(ctx context.Context, method, path string, body any) (*http.Response, error) {
	return p.askWith(ctx, request{method: method, path: path, body: body})
}

// request is one to the API; header is name → value.
type request struct {
	method, path string
	body         any
	header       map[string]string
}

func (p *place) askWith(ctx context.Context, r request) (*http.Response, error) {
	url, token, err := p.api()
	if err != nil {
		return nil, err
	}
	var in io.Reader
	if r.body != nil {
		b, err := json.Marshal(r.body)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, url+"/api/v1"+r.path, in)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	return answer(p.client().Do(req))
}

// answer turns what is no success into an error for people.
func answer(res *http.Response, err error) (*http.Response, error) {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return nil, fmt.Errorf("连不上 Tagwire：它在运行吗？ / Tagwire does not answer; does it run? %w", err)
	}
	if err != nil {
		return nil, err
	}
	if res.StatusCode < 300 {
		return res, nil
	}
	defer func() { _ = res.Body.Close() }() // read below
	b, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	var says struct {
		Detail string `json:"detail"`
		Reason string `json:"reason"`
		Errors []struct {
			File    string `json:"file"`
			Line    int    `json:"line"`
			Column  int    `json:"column"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(b, &says) != nil || says.Detail == "" {
		says.Detail = strings.TrimSpace(string(b))
	}
	var text strings.Builder
	text.WriteString(res.Status + ": " + says.Detail)
	if says.Reason != "" {
		text.WriteString(" (" + says.Reason + ")")
	}
	for _, e := range says.Errors {
		fmt.Fprintf(&text, "\n  %s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
	}
	return nil, errors.New(text.String())
}

// get asks for a JSON answer.
func (p *place) get(ctx context.Context, path string, into any) error {
	res, err := p.ask(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // read whole
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}
