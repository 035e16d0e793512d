//go:build browser

package e2e

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// shot keeps what the page looks like, for people, where TAGWIRE_SHOTS names a folder.
func (b *browser) shot(name string) {
	dir := os.Getenv("TAGWIRE_SHOTS")
	if dir == "" {
		return
	}
	b.eval(`document.getAnimations().forEach(a => a.finish())`)
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600))
}

// disabled says that the dialog cannot be confirmed.
func (b *browser) disabled() string {
	return b.eval(`document.querySelector('.ant-modal .ant-btn-dangerous').disabled`)
}

// TestTheDialogParts: a person parts two customers on the page, in both languages,
// sees what came of it, and is told why when it cannot be.
func TestTheDialogParts(t *testing.T) {
	const other = "unionid:elsewhere"
	f := newFamily(t)
	f.does("page.view", nil, opener, other)
	f.meet()
	b := newBrowser(t)
	b.logIn(f.product, "/profiles/"+url.PathEscape(opener))
	b.shows(".held-tags", "已下单")

	b.click("button", "拆分")
	b.shows(".ant-modal", "拆分不能撤销")
	b.shows(".ant-modal", "请勾选要拆出的身份")
	require.Contains(t, b.text(".ant-modal"), "13800001234", "a hash tells nobody anything")
	require.Equal(t, "true", b.disabled())
	for _, one := range []string{"fang", "li", "13800001234", "elsewhere"} {
		b.click(".ant-modal label", one)
	}
	b.shows(".ant-modal", "至少要留下一个身份")
	require.Equal(t, "true", b.disabled())
	b.shot("all-chosen")
	for _, one := range []string{"fang", "li", "13800001234"} {
		b.click(".ant-modal label", one)
	}
	b.shows(".ant-modal", "拆出 1 个身份，留下 3 个")
	require.Equal(t, "false", b.disabled())

	a := f.api("POST", "/profiles/"+url.PathEscape(opener)+"/unmerge", map[string]any{"identities": []string{other}})
	require.Equal(t, http.StatusOK, a.code, "somebody was quicker: %s", a)
	b.click(".ant-modal button", "确认拆分")
	b.shows(".ant-modal .ant-alert", "该客户没有身份 "+other+"，可能已经拆出，请刷新后再试")
	b.shot("refused")
	require.Len(t, b.complaints(), 1, "the browser logs the 422")
	b.click(".ant-modal button", "取消")
	f.apart(other)

	b.do(chromedp.Navigate(f.at.HTTP + "/profiles/" + url.PathEscape(opener)))
	b.shows(".held-tags", "已下单")
	b.click("button", "拆分")
	b.click(".ant-modal label", "li")
	b.fill(".ant-modal input[maxlength]", "母女共用一部手机")
	b.shot("chosen")
	b.click(".ant-modal button", "确认拆分")
	b.shows(".ant-modal", "已拆分")
	b.shows(".ant-modal", "双方的历史正在恢复")
	b.shot("done")
	b.click(".ant-modal button", "查看新客户")
	b.shows(".profile-side", "li")
	b.shows(".held-tags", "已下单")
	b.shows(".profile-side", "曾是同一份资料，已由人工拆分")
	b.shows("#content", "拆分为独立客户")
	b.shot("new-customer")
	require.NotContains(t, b.text(".held-tags"), "高意向")

	b.click("button", "English")
	b.do(chromedp.Navigate(f.at.HTTP + "/profiles/" + url.PathEscape(opener)))
	b.shows(".held-tags", "高意向")
	require.NotContains(t, b.text(".held-tags"), "已下单")
	b.shows("#content", "母女共用一部手机")
	b.click("button", "Split")
	b.shows(".ant-modal", "This cannot be undone")
	b.shows(".ant-modal", "at least one stays")
	b.click(".ant-modal label", "13800001234")
	b.shows(".ant-modal", "Identities that leave: 1; that stay: 1")
	b.shot("en-chosen")
	b.click(".ant-modal button", "Split them")
	b.shows(".ant-modal", "Open the new customer")
	b.shot("en-done")
	b.click(".ant-modal button", "Stay here")
	b.shows(".held-tags", "高意向")
	b.shows(".profile-side", "until a person split them")
	b.shot("en-customer")
	require.Empty(t, b.complaints())
}
