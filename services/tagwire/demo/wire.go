package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/auth"
	"github.com/tagwire/tagwire/services/collector/ingest/wecom"
)

// wire speaks the real protocols to a collector.
type wire struct {
	base    string
	client  *http.Client
	crypt   *wecom.Crypt
	links   *auth.Links
	archive string // secret
	forms   string // secret
	keys    map[string]string
	world   *world
}

// refused is an answer that sending again does not mend.
type refused struct {
	status int
	body   string
}

func (r *refused) Error() string { return fmt.Sprintf("refused with %d: %.300s", r.status, r.body) }

// busy is an answer to send again after a while.
type busy struct{ after time.Duration }

func (b *busy) Error() string { return "the collector asks to wait " + b.after.String() }

const attempt = 10 * time.Second

func newClient(by http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     by,
		Timeout:       attempt,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// do sends one request and gives its answer. The request outlives ctx, so that
// stopping the demo leaves nothing in doubt.
func (w *wire) do(ctx context.Context, req *http.Request) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attempt)
	defer cancel()
	res, err := w.client.Do(req.WithContext(ctx))
	if err != nil {
		return nil, nil, fmt.Errorf("send to %s: %w", req.URL.Path, err)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return nil, nil, fmt.Errorf("read the answer of %s: %w", req.URL.Path, err)
	}
	switch {
	case res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500:
		after, err := strconv.Atoi(res.Header.Get("Retry-After"))
		if err != nil {
			after = 1
		}
		return res, body, &busy{time.Duration(min(after, 30)) * time.Second}
	case res.StatusCode >= 400:
		return res, body, &refused{res.StatusCode, string(body)}
	}
	return res, body, nil
}

func (w *wire) post(ctx context.Context, path string, body []byte, head map[string]string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	for k, v := range head {
		req.Header.Set(k, v)
	}
	_, answer, err := w.do(ctx, req)
	return answer, err
}

// judged reads the verdict in an answer: what was not accepted was refused.
func judged(answer []byte, want int) error {
	var v struct {
		Accepted int               `json:"accepted"`
		Rejected []json.RawMessage `json:"rejected"`
	}
	if err := json.Unmarshal(answer, &v); err != nil {
		return fmt.Errorf("read the verdict: %w", err)
	}
	if len(v.Rejected) > 0 || v.Accepted < want {
		return &refused{http.StatusOK, string(answer)}
	}
	return nil
}

// callback sends an event as WeCom does: encrypted, signed, with nothing else to
// say who sends it.
func (w *wire) callback(ctx context.Context, a *act, xml string) error {
	r := rand.New(rand.NewPCG(uint64(a.At), uint64(a.Customer))) //nolint:gosec // the random part of a simulation
	var salt [16]byte
	for i := range salt {
		salt[i] = byte(r.Uint32())
	}
	text := w.crypt.Encrypt(salt, []byte(xml))
	stamp, nonce := strconv.FormatInt(int64(a.At)/1000, 10), strconv.FormatUint(r.Uint64(), 36)
	body := "<xml><ToUserName><![CDATA[" + corp + "]]></ToUserName><AgentID><![CDATA[1000002]]></AgentID><Encrypt><![CDATA[" + text + "]]></Encrypt></xml>"
	query := "?msg_signature=" + w.crypt.Sign(stamp, nonce, text) + "&timestamp=" + stamp + "&nonce=" + nonce
	_, err := w.post(ctx, "/in/wecom/"+srcWeCom+query, []byte(body), map[string]string{"Content-Type": "text/xml"})
	return err
}

// archived sends lines of the conversation archive, as the side-car does that
// has decrypted them.
func (w *wire) archived(ctx context.Context, lines ...any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, l := range lines {
		if err := enc.Encode(l); err != nil {
			return fmt.Errorf("encode an archive line: %w", err)
		}
	}
	answer, err := w.post(ctx, "/in/wecom-archive/"+srcArchive, b.Bytes(), map[string]string{"Authorization": "Bearer " + w.archive})
	if err != nil {
		return err
	}
	return judged(answer, len(lines))
}

// webhook sends a form as a survey tool does that signs.
func (w *wire) webhook(ctx context.Context, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode a form: %w", err)
	}
	_, err = w.post(ctx, "/in/webhook/"+srcForms, b, map[string]string{auth.SignatureHeader: auth.Sign(w.forms, b, time.Now())})
	return err
}

// segment makes a call of the tracking API.
func (w *wire) segment(ctx context.Context, source, call string, body map[string]any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode a call: %w", err)
	}
	answer, err := w.post(ctx, "/v1/"+call, b, map[string]string{"X-Write-Key": w.keys[source]})
	if err != nil {
		return err
	}
	batch, _ := body["batch"].([]any)
	return judged(answer, max(1, len(batch)))
}

const wechat = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.60 Language/zh_CN"

// visit opens a tracked link as the customer's phone does, without following it.
func (w *wire) visit(ctx context.Context, a *act, customer string) error {
	token, err := w.links.SignLink(auth.Link{ID: a.Thing, Customer: customer})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.base+"/r/"+token, nil)
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	req.Header.Set("User-Agent", wechat)
	res, _, err := w.do(ctx, req)
	if err != nil {
		return err
	}
	if to := res.Header.Get("Location"); res.StatusCode != http.StatusFound || !strings.HasPrefix(to, "https://shop.example.com/") {
		return &refused{res.StatusCode, "the link leads to " + to}
	}
	return nil
}
