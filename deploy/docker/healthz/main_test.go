package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The same address is right whether the role serves http or, by tls.cert_file,
// https: images and compose need not know.
func TestAskSpeaksWhatTheRoleServes(t *testing.T) {
	status := http.StatusOK
	role := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte("fine"))
	})
	http1, https := httptest.NewServer(role), httptest.NewTLSServer(role)
	t.Cleanup(http1.Close)
	t.Cleanup(https.Close)
	asPlain := "http://" + strings.TrimPrefix(https.URL, "https://")
	for _, url := range []string{http1.URL, https.URL, asPlain} {
		text, err := ask(url + "/healthz")
		require.NoError(t, err, url)
		require.Equal(t, "fine", text)
	}
	status = http.StatusServiceUnavailable
	for _, url := range []string{http1.URL, https.URL, asPlain} {
		text, err := ask(url + "/readyz")
		require.ErrorContains(t, err, "answers 503", url)
		require.Equal(t, "fine", text, "what is wrong is shown")
	}
	status = http.StatusBadRequest
	_, err := ask(http1.URL)
	require.ErrorContains(t, err, "answers 400")
	http1.Close()
	_, err = ask(http1.URL)
	require.Error(t, err)
}
