package ingest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/auth"
	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/services/collector/ingest"
)

func (g *rig) token(l auth.Link) string {
	g.t.Helper()
	s, err := g.c.Links().SignLink(l)
	require.NoError(g.t, err)
	return s
}

func priceList(g *rig) {
	g.define("link", "price", map[string]any{
		"url": "https://shop.cn/price?a=1", "title": "报价单", "type": "file", "channel": "moment", "staff_id": "zhang", "tags": []string{"看过报价"}, "points": 5,
	})
	g.define("link", "page", map[string]any{"url": "https://shop.cn/", "title": "首页"})
}

func TestLinkOpens(t *testing.T) {
	g := newRig(t)
	priceList(g)
	g.define("channel", "moment", map[string]any{"store_id": "s1", "tags": []string{"朋友圈"}})
	token := g.token(auth.Link{ID: "price", Customer: "wecom.ww1:wmA"})
	res := g.send("GET", "/r/"+token, "", "User-Agent", "Mozilla/5.0 (iPhone) MicroMessenger/8.0")
	require.Equal(t, 302, res.StatusCode)
	require.Equal(t, "https://shop.cn/price?a=1", res.Header.Get("Location"))
	require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
	require.Contains(t, res.Header.Get("X-Robots-Tag"), "noindex")
	require.NotEmpty(t, res.Header.Get("Referrer-Policy"))
	require.Empty(t, res.Header.Get("Set-Cookie"), "the link names the customer")
	e := g.rawWhen(1)[0]
	require.Equal(t, "file.open", e.Type)
	require.Equal(t, "wecom.ww1:wmA", e.Primary().String())
	require.Equal(t, event.Object{Type: "file", ID: "price", Title: "报价单"}, *e.Object)
	require.Equal(t, []string{"zhang", "moment", "s1", "link"}, []string{e.StaffID, e.Channel, e.StoreID, e.Source})
	require.Equal(t, []string{"看过报价", "朋友圈"}, e.Tags)
	require.EqualValues(t, 5, e.Properties["points"])
	g.send("GET", "/r/"+token, "")
	got := g.rawWhen(2)
	require.NotEqual(t, got[0].EventID, got[1].EventID, "every open is an event")
}

func TestVisitorsWithoutANameGetACookie(t *testing.T) {
	g := newRig(t)
	priceList(g)
	path := "/r/" + g.token(auth.Link{ID: "page"})
	first := g.send("GET", path, "")
	cookies := first.Cookies()
	require.Len(t, cookies, 1)
	require.True(t, cookies[0].HttpOnly)
	require.Equal(t, http.SameSiteLaxMode, cookies[0].SameSite)
	g.rawWhen(1)
	again := g.send("GET", path, "", "Cookie", "tw_aid="+cookies[0].Value)
	require.Empty(t, again.Cookies())
	g.rawWhen(2)
	g.send("GET", path, "", "Cookie", "ajs_anonymous_id=from-segment")
	ids := map[string]int{}
	for _, e := range g.rawWhen(3) {
		require.Equal(t, "link.open", e.Type)
		ids[e.Primary().String()]++
	}
	require.Equal(t, map[string]int{"anonymous_id:" + cookies[0].Value: 2, "anonymous_id:from-segment": 1}, ids)
}

func TestNobodyOpenedIt(t *testing.T) {
	g := newRig(t)
	priceList(g)
	path := "/r/" + g.token(auth.Link{ID: "price", Customer: "user_id:u"})
	require.Equal(t, 302, g.send("HEAD", path, "").StatusCode)
	require.Equal(t, 302, g.send("GET", path, "", "Sec-Purpose", "prefetch;prerender").StatusCode)
	require.Equal(t, 302, g.send("GET", path, "", "User-Agent", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)").StatusCode)
	for _, e := range g.rawWhen(3) {
		require.Equal(t, "link.prefetch", e.Type)
		require.Equal(t, true, e.Properties["bot"])
		require.Empty(t, e.Tags)
	}
}

func TestFallbackOfLinksIsConfigured(t *testing.T) {
	for variable, want := range map[string]string{"TAGWIRE_LINK_FALLBACK=https://shop.cn/sorry?from=tagwire": "https://shop.cn/sorry?from=tagwire", "TAGWIRE_HTTP=127.0.0.1:1": ""} {
		c, _, err := config.Load(config.Options{Env: []string{variable}})
		require.NoError(t, err)
		got, err := ingest.FromConfig(c)
		require.NoError(t, err)
		require.Equal(t, want, got.LinkFallback)
	}
}

func TestUnknownAndExpiredLinksAreNoErrors(t *testing.T) {
	g := newRig(t, func(c *ingest.Config) { c.LinkFallback = "https://shop.cn/sorry" })
	priceList(g)
	g.define("link", "old", map[string]any{"url": "https://shop.cn/old", "expires_at": "2020-01-01T00:00:00Z"})
	good := g.token(auth.Link{ID: "price"})
	for name, token := range map[string]string{
		"garbage": "garbage", "changed": good[:len(good)-2] + "AA", "cut": good[:len(good)/2], "not defined": g.token(auth.Link{ID: "nothing"}),
		"expired token":      g.token(auth.Link{ID: "price", Customer: "user_id:u", Expires: event.At(time.Now().Add(-time.Hour))}),
		"expired definition": g.token(auth.Link{ID: "old", Customer: "user_id:u"}),
	} {
		res := g.send("GET", "/r/"+token, "")
		require.Equal(t, 302, res.StatusCode, name)
		require.Equal(t, "https://shop.cn/sorry", res.Header.Get("Location"), name)
	}
	for _, e := range g.rawWhen(2) {
		require.Equal(t, "link.expired", e.Type)
	}
	own := newRig(t)
	require.Equal(t, "/r/", own.send("GET", "/r/garbage", "").Header.Get("Location"))
	page := own.send("GET", "/r/", "")
	require.Equal(t, 200, page.StatusCode)
	require.Contains(t, page.text, "这个链接已失效")
	require.Contains(t, page.text, "no longer available")
}

func TestLinksRedirectWhateverTheStateOfTheRest(t *testing.T) {
	t.Parallel() // it waits for time-outs
	g := newRig(t)
	priceList(g)
	path := "/r/" + g.token(auth.Link{ID: "price", Customer: "user_id:u"})
	g.send("GET", path, "") // the day's key is at hand
	g.rawWhen(1)
	release := g.breakProduce(hang)
	g.redis.Close()
	for range 20 {
		res := g.send("GET", path, "")
		require.Equal(t, 302, res.StatusCode)
		require.Equal(t, "https://shop.cn/price?a=1", res.Header.Get("Location"))
	}
	release()
	require.Eventually(t, func() bool {
		ids := map[string]bool{}
		for _, e := range g.raw() {
			ids[e.EventID] = true
		}
		return len(ids) == 21
	}, 30*time.Second, 50*time.Millisecond, "every open arrives")
}

func TestBeacon(t *testing.T) {
	g := newRig(t)
	priceList(g)
	token := g.token(auth.Link{ID: "price", Customer: "user_id:u"})
	body := `{"token":"` + token + `","id":"view-1","seconds":12.5}`
	for range 2 {
		res := g.send("POST", "/beacon", body, "Content-Type", "text/plain", "Origin", "https://shop.cn")
		require.Equal(t, 204, res.StatusCode, res.text)
	}
	got := g.rawWhen(2)
	require.Equal(t, got[0].EventID, got[1].EventID, "the same reading")
	require.Equal(t, "link.read", got[0].Type)
	require.EqualValues(t, 12.5, got[0].Properties["seconds"])
	for _, bad := range []string{`{}`, `x`, strings.Replace(body, "12.5", "-1", 1), strings.Replace(body, token, "abc", 1)} {
		res := g.send("POST", "/beacon", bad)
		require.GreaterOrEqual(t, res.StatusCode, 400, bad)
		require.Less(t, res.StatusCode, 500, bad)
	}
}
