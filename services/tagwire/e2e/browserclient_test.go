//go:build browser && clients

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

const shopPage = `<!doctype html><html lang="zh"><meta charset="utf-8"><link rel="icon" href="data:,"><title>商品页</title>
<script src="/umd/index.js"></script>
<script>
  const analytics = AnalyticsNext.AnalyticsBrowser.load({ writeKey: %[1]q, cdnURL: %[2]q })
  const sent = async () => {
    const events = [
      await analytics.page('商品', '跑鞋', { product_id: 's101' }),
      await analytics.track('Product Added', { product_id: 's101', name: '跑鞋', price: 599 }),
      await analytics.identify('browser-user', { city: '杭州' }),
      await analytics.track('Order Completed', { order_id: 'o1', total: 599, currency: 'CNY' }),
    ].map((context) => ({ id: context.event.messageId, type: context.event.type, failed: context.failedDelivery() ?? null }))
    window.done = JSON.stringify({ events, anonymous: (await analytics.user()).anonymousId() })
  }
  sent().catch((error) => { window.done = JSON.stringify({ error: String(error) }) })
</script>`

func TestSegmentClientOfBrowsers(t *testing.T) {
	p := newProduct(t)
	umd := http.FileServer(http.Dir(filepath.Join(clientsDir(t), "npm", "node_modules", "@segment", "analytics-next", "dist", "umd")))
	mux := http.NewServeMux()
	mux.Handle("GET /umd/", http.StripPrefix("/umd", umd))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, shopPage, p.at.WriteKey, p.at.HTTP) // the browser would tell
	})
	shop := httptest.NewServer(mux)
	t.Cleanup(shop.Close)

	b := newBrowser(t)
	b.do(chromedp.Navigate(shop.URL))
	require.Eventually(t, func() bool { return b.eval("window.done !== undefined") == "true" }, hangs, 50*time.Millisecond, "%s", later(func() string { return fmt.Sprint(b.complaints()) }))
	var done struct {
		Error  string
		Events []struct {
			ID, Type string
			Failed   any
		}
		Anonymous string
	}
	require.NoError(t, json.Unmarshal([]byte(b.eval("window.done")), &done))
	require.Empty(t, done.Error)
	require.Len(t, done.Events, 4)
	var ids []string
	for _, e := range done.Events {
		require.Nil(t, e.Failed, "%+v", e)
		ids = append(ids, e.ID)
	}
	p.inHistoryOnce(ids)
	require.Empty(t, b.complaints(), "another origin, no complaint of the browser")
	require.Equal(t, "attribute.set\t1\ncart.add\t1\norder.pay\t1\npage.view\t1", p.bi("SELECT type, count() FROM events GROUP BY type ORDER BY type"))
	require.Equal(t, "1", p.bi("SELECT uniqExact(profile_id) FROM events"), "who looked and who bought is one customer")
	a := p.api("GET", "/profiles/user_id:browser-user", nil)
	require.Equal(t, 200, a.code, "%s", a)
	require.Contains(t, string(a.body), done.Anonymous)
	require.Contains(t, string(a.body), "杭州")
}
