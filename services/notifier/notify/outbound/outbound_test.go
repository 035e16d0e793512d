package outbound_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/services/notifier/notify/message"
	"github.com/tagwire/tagwire/services/notifier/notify/outbound"
)

func TestPrivateAddressesAreRefusedWhenDialled(t *testing.T) {
	reached := 0
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
	defer srv.Close()
	client, err := outbound.NewClient(5*time.Second, nil)
	require.NoError(t, err)
	port := srv.URL[strings.LastIndex(srv.URL, ":"):]
	for _, u := range []string{
		srv.URL, "http://localhost" + port, "http://[::1]" + port, "http://[::ffff:127.0.0.1]" + port,
		"http://10.0.0.1/", "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data", "http://100.64.0.1/", "http://[fd00::1]/", "http://0.0.0.0" + port,
	} {
		_, err := outbound.Post(t.Context(), client, outbound.Request{URL: u})
		require.ErrorIs(t, err, outbound.ErrForbidden, u)
		require.True(t, message.AsFailure(err).Permanent, u)
	}
	require.Zero(t, reached)

	client, err = outbound.NewClient(5*time.Second, []string{"127.0.0.1", "10.0.0.0/8"})
	require.NoError(t, err)
	answer, err := outbound.Post(t.Context(), client, outbound.Request{URL: srv.URL})
	require.NoError(t, err)
	require.Equal(t, 200, answer.Status)
	require.Equal(t, 1, reached)
	_, err = outbound.NewClient(time.Second, []string{"somewhere"})
	require.Error(t, err)
}

func TestNeitherRedirectsNorEndlessAnswers(t *testing.T) {
	inner := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "/inner", http.StatusTemporaryRedirect)
		case "/inner":
			inner++
		default:
			for range 1000 {
				if _, err := w.Write(make([]byte, 1<<10)); err != nil {
					return
				}
			}
		}
	}))
	defer srv.Close()
	client, err := outbound.NewClient(5*time.Second, []string{"127.0.0.0/8"})
	require.NoError(t, err)
	answer, err := outbound.Post(t.Context(), client, outbound.Request{URL: srv.URL + "/redirect"})
	require.NoError(t, err)
	require.Equal(t, http.StatusTemporaryRedirect, answer.Status)
	require.Zero(t, inner)
	answer, err = outbound.Post(t.Context(), client, outbound.Request{URL: srv.URL + "/long"})
	require.NoError(t, err)
	require.Len(t, answer.Body, outbound.MaxAnswer)
}

func TestErrorsDoNotTellTheAddress(t *testing.T) {
	client, err := outbound.NewClient(time.Second, []string{"127.0.0.0/8"})
	require.NoError(t, err)
	for _, u := range []string{
		"http://127.0.0.1:1/send?key=SECRET", "ftp://example.com/SECRET", "http://user:SECRET@example.com/", "://SECRET", "SECRET", "",
	} {
		_, err := outbound.Post(t.Context(), client, outbound.Request{URL: u})
		require.Error(t, err, u)
		require.NotContains(t, err.Error(), "SECRET")
	}
}
