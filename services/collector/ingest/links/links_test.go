package links_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/services/collector/ingest/links"
)

func TestWhoIsAPerson(t *testing.T) {
	for _, c := range []struct {
		method, agent, header, value string
		automatic                    bool
	}{
		{"GET", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 MicroMessenger/8.0.40 NetType/WIFI Language/zh_CN", "", "", false},
		{"GET", "Mozilla/5.0 (Linux; Android 14; CUBOT X70) AppleWebKit/537.36 wxwork/4.1.20 MicroMessenger/7.0.1", "", "", false},
		{"GET", "", "", "", false},
		{"GET", "curl/8.5.0", "", "", false},
		{"GET", "Go-http-client/1.1", "", "", false},
		{"HEAD", "Mozilla/5.0", "", "", true},
		{"GET", "Mozilla/5.0", "Purpose", "prefetch", true},
		{"GET", "Mozilla/5.0", "Sec-Purpose", "prefetch;prerender", true},
		{"GET", "Mozilla/5.0", "X-Moz", "prefetch", true},
		{"GET", "Mozilla/5.0", "X-Purpose", "preview", true},
		{"GET", "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)", "", "", true},
		{"GET", "facebookexternalhit/1.1", "", "", true},
		{"GET", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "", "", true},
		{"GET", "TelegramBot (like TwitterBot)", "", "", true},
		{"GET", "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "", "", true},
	} {
		r := httptest.NewRequest(c.method, "/r/x", http.NoBody)
		r.Header.Set("User-Agent", c.agent)
		if c.header != "" {
			r.Header.Set(c.header, c.value)
		}
		require.Equal(t, c.automatic, links.Automatic(r), "%s %s", c.method, c.agent)
	}
}

func TestAnEventNeedsAVisitor(t *testing.T) {
	l := links.Link{ID: "l", Title: "T"}
	_, why := l.Open(links.Visit{EventID: "1", Received: 1_777_622_400_000})
	require.Equal(t, "no_identity", string(why.Reason))
	e, why := l.Open(links.Visit{EventID: "1", Received: 1_777_622_400_000, Customer: "p123", Anonymous: "a", Agent: "\xffbad"})
	require.Nil(t, why)
	require.Equal(t, "profile_id:p123", e.Primary().String())
	require.Equal(t, "bad", e.Context["user_agent"], "texts are valid UTF-8")
	require.Equal(t, "link", e.Object.Type)
}
