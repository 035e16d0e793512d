package webhook_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/auth"
	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/services/notifier/notify/message"
	"github.com/tagwire/tagwire/services/notifier/notify/webhook"
)

type plain struct{}

func (plain) OpenText(_ context.Context, s string) (string, error) { return s, nil }

func TestAnAlertIsPostedSigned(t *testing.T) {
	var status int
	var retry, body string
	var header http.Header
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		body, header = string(b), r.Header
		w.Header().Set("Retry-After", retry)
		w.WriteHeader(status)
	}))
	defer srv.Close()
	now := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
	hook := webhook.Webhook{Client: srv.Client(), Now: func() time.Time { return now }}
	b := message.Builder{Keys: plain{}, PublicURL: "https://x.example"}
	m, err := b.Build(t.Context(), "d1", &inbox.Alert{AlertID: "a1", Title: "询价", State: inbox.Open}, []message.Recipient{{ID: "zhang", Mobile: "13800001111"}})
	require.NoError(t, err)
	to := message.Address{URL: srv.URL, Secret: "s"}

	status = 204
	require.NoError(t, hook.Send(t.Context(), to, m))
	require.NoError(t, auth.VerifySignature("s", header.Get(auth.SignatureHeader), []byte(body), now))
	require.Equal(t, "d1", header.Get(webhook.DeliveryHeader))
	var got webhook.Body
	require.NoError(t, json.Unmarshal([]byte(body), &got))
	require.Equal(t, []string{"zhang"}, got.Recipients)
	require.Equal(t, "https://x.example/#/alerts/a1", got.Link)
	require.NotContains(t, body, "13800001111")

	to.Secret = ""
	require.NoError(t, hook.Send(t.Context(), to, m))
	require.Empty(t, header.Get(auth.SignatureHeader), "no secret, no signature")

	f := func(code int, permanent bool, after time.Duration) {
		t.Helper()
		status = code
		failure := message.AsFailure(hook.Send(t.Context(), to, m))
		require.Error(t, failure.Err)
		require.Equal(t, permanent, failure.Permanent, code)
		require.Equal(t, after, failure.RetryAfter, code)
	}
	retry = "30"
	f(429, false, 30*time.Second)
	f(503, false, 30*time.Second)
	retry = "999999"
	f(503, false, time.Hour)
	retry = "tomorrow"
	f(503, false, 0)
	f(500, false, 0)
	f(408, false, 0)
	f(400, true, 0)
	f(404, true, 0)
	f(302, true, 0)
}
