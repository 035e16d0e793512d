//go:build browser

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// fill puts a text where a person would type it, and lets the page know.
func (b *browser) fill(selector, text string) {
	b.t.Helper()
	b.do(chromedp.WaitVisible(chromedp.CSS(selector)))
	b.do(chromedp.Focus(chromedp.CSS(selector)))
	b.eval(`(() => { const e = document.querySelector(` + quote(selector) + `); e.select(); document.execCommand('delete') })()`)
	b.eval(`document.execCommand('insertText', false, ` + quote(text) + `)`)
	require.Equal(b.t, text, b.eval("document.querySelector("+quote(selector)+").value"))
}

// lookAt chooses the past moment as of which a customer is shown.
func (b *browser) lookAt(moment string) {
	b.t.Helper()
	b.eval(`(() => {
		const e = document.querySelector('.moment input')
		Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(e, ` + quote(moment) + `)
		e.dispatchEvent(new Event('input', {bubbles: true}))
	})()`)
}

// quote makes a JavaScript string, which a JSON string is.
func quote(s string) string {
	b, _ := json.Marshal(s) // a string always can be
	return string(b)
}

// open goes to a page of the console by its menu.
func (b *browser) open(name, shows string) {
	b.t.Helper()
	b.click("nav a", name)
	b.shows("#content h1", shows)
}

// showsWhatJoinedNobody has three people come with one phone, and looks for what
// that was in the timeline of the first. History follows, so it is read again.
func (b *browser) showsWhatJoinedNobody(p *product) {
	b.t.Helper()
	for n := range 3 {
		body := fmt.Sprintf(`{"userId":"together-%d","event":"visit","identities":["phone:13800001111"]}`, n)
		a := p.send("POST", "/v1/track", []byte(body), "Content-Type", "application/json", "Authorization", p.basic())
		require.Equal(b.t, 200, a.code, "%s", a)
	}
	b.do(chromedp.Navigate(p.at.HTTP + "/profiles/user_id:together-0"))
	b.shows(".conflicts", "不再用来合并")
	b.click(".panel label", "身份")
	require.Eventually(b.t, func() bool {
		b.click("button", "重新载入")
		seen := b.text("#content")
		return strings.Contains(seen, "与太多人一起出现过，不再用来合并：") && strings.Contains(seen, "没有与另一位客户合并")
	}, hangs, 200*time.Millisecond, "%s", later(func() string { return b.text("#content") }))
	require.Equal(b.t, "0", b.eval("document.querySelectorAll('.tl:not(.tl-identity)').length"))
	require.NotContains(b.t, b.text(".timeline"), "13800001111", "history has its mark only")
}

// TestPages walks all pages with the real API behind them; the console of the
// browser must stay quiet but for what the API refuses on purpose.
func TestPages(t *testing.T) {
	s := newStory(t)
	b := newBrowser(t)
	b.logIn(s.product, "/events")
	b.shows("#content h1", "实时事件")
	b.shows("#content", "实时")
	s.added()
	b.shows(".event-table", "shop1")
	s.joins()
	for range 3 {
		s.opens()
	}
	s.asks("多少钱")
	s.fillsIn()
	b.shows(".event-table", "form1")
	b.shows(".event-table", "高意向")

	b.open("概览", "概览")
	b.shows("#content", "高意向")
	b.open("标签看板", "标签")
	b.shows("#content", "高意向")
	b.click(".tag-name", "高意向")
	b.shows(".member-list", "李小姐")
	b.click(".member-list a", "李小姐")
	b.shows(".held-tags", "高意向")

	b.open("客户", "客户")
	b.fill("form[role=search] input", "wecom."+corp+":"+customer)
	b.click("form[role=search] button", "查")
	b.shows(".held-tags", "渠道:ch_7")
	b.shows("#content", "填表次数")
	b.shows("#content", "采购需求")
	b.click(".held-tags button", "高意向")
	b.shows(".why", "近7天打开次数 >= 3")
	b.shows(".why", "秋季报价单")
	b.shows(".why .condition-tree", "近7天打开次数 = 3")
	require.Empty(t, b.complaints())
	b.click(".ant-drawer-close", "")
	b.lookAt("2020-01-01T08:00")
	b.shows("#content", "这一刻还没有这位客户的记录")
	require.Len(t, b.complaints(), 1, "the browser logs the 404")
	b.click(".moment button", "回到现在")
	b.shows(".held-tags", "高意向")
	b.showsWhatJoinedNobody(s.product)

	b.do(chromedp.Navigate(s.at.HTTP + "/rules"))
	b.shows("#content h1", "规则")
	b.do(chromedp.WaitVisible(chromedp.CSS("textarea")))
	require.Equal(t, storyRules, b.eval("document.querySelector('textarea').value"))
	b.fill("textarea", strings.Replace(storyRules, "lasts: 7d", "lasts： 7d", 1))
	b.click("button", "检查并生效")
	b.shows(".problems", "第 ")
	require.Len(t, b.complaints(), 1, "the browser logs the 422")
	b.fill("textarea", strings.Replace(storyRules, "先问用途和预算", "先问用途", 1))
	b.click("button", "检查并生效")
	b.shows("#content", "当前版本 2")
	require.Contains(t, string(s.api("GET", "/rules", nil).body), "先问用途，再发")

	b.open("定义", "定义")
	b.shows(".def-table", "shop1")
	require.NotContains(t, b.text(".def-table"), aesKey, "a secret")
	b.click(".kinds label", "渠道")
	b.shows(".def-table", "西湖店活码")
	b.click(".def-table .link", "ch_7")
	b.fill(".def-form textarea", `{"name": "西湖店新活码", "store_id": "st_xihu"}`)
	b.click(".def-form button", "保存")
	b.shows(".def-table", "西湖店新活码")

	b.open("提醒", "提醒")
	b.shows("article.alert-card h2", storyTitle)
	b.click("article.alert-card button", "不相关")
	b.click(".ant-modal button.ant-btn-primary", "")
	b.shows("#content", "没有待处理的提醒")
	require.Empty(t, b.complaints())
	b.click("button", "English")
	b.shows("h1", "Alerts")
}
