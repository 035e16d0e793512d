package bilisten_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/services/console/bilisten"
)

// However a tool logs in, what goes on is bi and nobody else.
func TestOnlyBIGetsThrough(t *testing.T) {
	seen := make(chan *http.Request, 1)
	clickhouse := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r }))
	t.Cleanup(clickhouse.Close)
	h, err := bilisten.Handler(clickhouse.URL, nil, zap.NewNop())
	require.NoError(t, err)
	ask := func(target string, head ...string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader("SELECT 1"))
		for i := 0; i < len(head); i += 2 {
			r.Header.Set(head[i], head[i+1])
		}
		if user, key, ok := strings.Cut(r.Header.Get("Basic"), ":"); ok {
			r.SetBasicAuth(user, key)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	for name, req := range map[string][]string{
		"basic":     {"/?query=x", "Basic", "bi:pw"},
		"header":    {"/?query=x", "X-ClickHouse-User", "bi", "X-ClickHouse-Key", "pw"},
		"parameter": {"/?query=x&user=bi&password=pw"},
		"and more":  {"/?query=x&user=bi&password=pw", "X-ClickHouse-SSL-Certificate-Auth", "on", "X-ClickHouse-Key", "other"},
	} {
		require.Equal(t, http.StatusOK, ask(req[0], req[1:]...), name)
		r := <-seen
		assert.Equal(t, "bi", r.Header.Get("X-ClickHouse-User"), name)
		assert.Equal(t, "pw", r.Header.Get("X-ClickHouse-Key"), name)
		assert.Equal(t, "query=x", r.URL.RawQuery, name)
		assert.Empty(t, r.Header.Get("Authorization")+r.Header.Get("X-ClickHouse-SSL-Certificate-Auth"), name)
	}
	for name, req := range map[string][]string{
		"nobody":        {"/?query=x"},
		"another":       {"/", "Basic", "tagwire:pw"},
		"another two":   {"/?user=default"},
		"another three": {"/", "X-ClickHouse-User", "default"},
		"two ways":      {"/?user=default", "Basic", "bi:pw"},
		"two users":     {"/?user=bi&user=default"},
		"a token":       {"/?user=bi", "Authorization", "Bearer x"},
	} {
		assert.Equal(t, http.StatusUnauthorized, ask(req[0], req[1:]...), name)
	}
	assert.Equal(t, http.StatusNotFound, ask("/play?user=bi"))
	assert.Empty(t, seen)
	clickhouse.Close()
	assert.Equal(t, http.StatusBadGateway, ask("/?user=bi"))
}
