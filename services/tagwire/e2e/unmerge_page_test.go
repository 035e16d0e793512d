//go:build browser

package e2e

import (
	"os"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

func (b *browser) shot(name string) {
	dir := os.Getenv("SHOTS")
	if dir == "" {
		return
	}
	ctx := b.ctx
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(dir+"/"+name+".png", png, 0o644))
}

func TestLook(t *testing.T) {
	f := newFamily(t)
	f.meet()
	b := newBrowser(t)
	b.logIn(f.product, "/profiles/"+opener)
	b.shows(".held-tags", "高意向")
	b.shot("1-profile")
	b.click("button", "拆分")
	b.shows(".ant-modal", "拆分客户")
	b.do(chromedp.Sleep(600 * 1e6))
	b.shot("2-dialog")
	b.click(".ant-modal label", "openid")
	b.do(chromedp.Sleep(300 * 1e6))
	b.shot("3-chosen")
}
