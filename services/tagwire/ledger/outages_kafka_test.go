//go:build real

package ledger

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/auth"
)

// spools: without Kafka senders that come again are told to, forms and links that
// do not are kept.
func (o *trial) spools() {
	o.t.Helper()
	client := &http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ask := func(method, url string, body []byte, head map[string]string) *http.Response {
		ctx, cancel := context.WithTimeout(o.t.Context(), 30*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
		require.NoError(o.t, err)
		for k, v := range head {
			req.Header.Set(k, v)
		}
		res, err := client.Do(req)
		require.NoError(o.t, err)
		require.NoError(o.t, res.Body.Close())
		return res
	}
	for _, w := range o.of("collector") {
		at := "http://" + w.http
		// It may be accepted nevertheless, once Kafka is back: it is numbered and comes again.
		res := ask(http.MethodPost, at+"/v1/track", []byte(`{"type":"track","userId":"u0","event":"page.view","messageId":"n0000000"}`), map[string]string{
			"Content-Type": "application/json", "Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(writeKey+":")),
		})
		require.Equal(o.t, http.StatusServiceUnavailable, res.StatusCode, "%s without Kafka", w.name)
		require.NotEmpty(o.t, res.Header.Get("Retry-After"))
		for range 5 {
			body := o.form()
			res := ask(http.MethodPost, at+"/in/webhook/form1", body, map[string]string{
				"Content-Type": "application/json", auth.SignatureHeader: auth.Sign(formSecret, body, time.Now()),
			})
			require.Equal(o.t, http.StatusOK, res.StatusCode, "a form at %s without Kafka", w.name)
			res = ask(http.MethodGet, at+o.link, nil, map[string]string{"User-Agent": "Mozilla/5.0 (iPhone) MicroMessenger/8.0"})
			require.Equal(o.t, http.StatusFound, res.StatusCode)
			o.opened++
		}
	}
}

// form is a purchase that a form sends once, and never again.
func (o *trial) form() []byte {
	c := o.rnd.IntN(len(o.m.orders))
	o.m.orders[c]++
	o.m.spend[c] += 7
	o.m.forms++
	return fmt.Appendf(nil, `{"event_id":"f%07d","type":"order.pay","user_id":"u%d","amount":"7","currency":"CNY"}`, o.m.forms, c)
}
