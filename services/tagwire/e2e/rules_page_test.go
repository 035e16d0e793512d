//go:build browser

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

const spendRules = `groups:
  价值: {color: "#b8860b", order: 1}
  意向: {color: "#d4380d", order: 2}
keywords:
  询价: {words: [价格, 多少钱, 报价], from: customer}
cuts:
  净消费: {date: 2026-01-05, p50: 2000, p80: 9000.5}
measures:
  净消费: {sum: order.pay, of: event.amount, minus: order.refund}
  近7天打开次数: {count: [link.open, file.open], within: 7d}
  订单数: {count: order.pay}
tags:
  高意向:
    group: 意向
    when: 近7天打开次数 >= 3
    lasts: 7d
    alert: {to: owner, severity: high, title: "{{name}} 打开 {{近7天打开次数}} 次", cooldown: 30m}
  询价: {group: 意向, event: chat.message, when: 'keyword("询价")', lasts: 30d}
  高价值: {group: 价值, when: '净消费 >= cut("净消费", "p80")'}
  会员等级:
    group: 价值
    choose:
      - {tag: 黄金, when: '净消费 >= cut("净消费", "p50")'}
      - {tag: 普通, when: 净消费 > 0}
stages:
  - {name: 潜在, start: true}
  - {name: 老客, when: 订单数 >= 2}
`

// looks has the page drawn as wide as a desk's and as a hand's screen, and finds
// nothing that reaches beyond.
func (b *browser) looks(name string) {
	b.t.Helper()
	for _, width := range []int64{1280, 390} {
		b.do(chromedp.EmulateViewport(width, 1500))
		require.Equal(b.t, "", b.eval(`[...document.querySelectorAll('#content *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.kinds, .code, .sr-only')).map(e => e.tagName + '.' + e.className).join(' ')`), "%s at %d px", name, width)
		require.LessOrEqual(b.t, b.eval(`String(document.documentElement.scrollWidth - innerWidth)`), "0", "%s at %d px", name, width)
		b.shot(fmt.Sprintf("%s-%d", name, width))
	}
	b.do(chromedp.EmulateViewport(1280, 900))
}

// spent has five customers spend 100, 200, … and waits until history has all.
func spent(t *testing.T) *family {
	t.Helper()
	f := &family{product: newProduct(t)}
	f.rules(spendRules)
	for n := range 5 {
		f.does("order.pay", map[string]any{"amount": 100 * (n + 1)}, fmt.Sprintf("user_id:spender-%d", n))
	}
	taken := func() string { return f.api("GET", "/rules/cuts?measure=净消费&points=50,80", nil).String() }
	require.Eventually(t, func() bool {
		a := taken()
		return strings.Contains(a, `"customers":5`) && strings.Contains(a, `"value":"300"`) && strings.Contains(a, `"value":"400"`)
	}, historyIn, 200*time.Millisecond, "%s", later(taken))
	return f
}

// TestRulesInSentences: who does not read the rule language reads the rules on the
// page, also as they are being written, and finds where each stands and who it holds.
func TestRulesInSentences(t *testing.T) {
	f := spent(t)
	b := newBrowser(t)
	b.logIn(f.product, "/rules")
	b.click(".kinds label", "逐条说明")
	b.shows("#content", "高意向：近7天打开次数至少 3 次时打上，条件不再成立后保留 7 天")
	require.Equal(t, "价值 4|意向 3|阶段 2|指标 3|词表 1", b.eval(`[...document.querySelectorAll('.said-panel h2')].map(e => e.innerText).join('|')`))
	b.shows("#content", "现有 5 人")
	b.looks("sentences-zh")

	b.fill(".said-tools input", "高价值")
	b.shows(".said", "高价值")
	require.Equal(t, "1", b.eval(`document.querySelectorAll('.said li').length`))
	b.shows(".said", "现有 0 人")
	b.fill(".said-tools input", "没有这个")
	b.shows("#content", "没有符合的规则，换个词试试")
	b.fill(".said-tools input", "普通")
	b.click(".said button", "现有 5 人")
	require.Eventually(t, func() bool { return b.eval(`document.querySelectorAll('.member-list li').length`) == "5" }, hangs, 20*time.Millisecond)
	b.click(".ant-drawer-close", "")

	b.click(".said .link", "rules.yaml:24")
	require.Equal(t, "TEXTAREA", b.eval(`document.activeElement.tagName`))
	require.Equal(t, "      - {tag: 普通, when: 净消费 > 0}", b.eval(`(e => e.value.slice(e.selectionStart).split('\n')[0])(document.activeElement)`))

	b.fill("textarea", strings.Replace(spendRules, "lasts: 30d", "lasts: 12d", 1))
	b.click(".kinds label", "逐条说明")
	require.NotContains(t, b.text("#content"), "12 天")
	b.click(".said-tools label", "编辑器里的")
	b.shows("#content", "12 天")
	b.click(".kinds label", "编辑")
	b.fill("textarea", strings.Replace(spendRules, "lasts: 30d", "lasts: 30x", 1))
	require.Empty(t, b.complaints())
	b.click(".kinds label", "逐条说明")
	b.click(".said-tools label", "编辑器里的")
	b.shows(".problems", "编辑器里的规则还有错误")
	require.Len(t, b.complaints(), 1, "the browser logs the 422")
	b.looks("sentences-refused-zh")
	b.click(".problems button", "第 ")
	require.Contains(t, b.eval(`(e => e.value.slice(0, e.selectionStart).split('\n').pop() + e.value.slice(e.selectionStart).split('\n')[0])(document.activeElement)`), "30x")

	b.fill("textarea", spendRules) // else the browser asks before it leaves
	b.click("button", "English")
	b.do(chromedp.Navigate(f.at.HTTP + "/rules/sentences"))
	b.shows("#content", "高意向: given while 近7天打开次数 is at least 3 times")
	require.Empty(t, b.complaints())
}

// TestCutPointsOnThePage: the page tells what stands and since when, and takes new
// ones that are seen before they are saved; who holds a tag changes by saving only.
func TestCutPointsOnThePage(t *testing.T) {
	f := spent(t)
	b := newBrowser(t)
	b.logIn(f.product, "/rules")
	b.fill("textarea", spendRules+"# 还没写完\n")
	b.click(".kinds label", "分位点")
	b.shows(".said-panel", "取自 2026年1月5日")
	b.shows(".said-panel", "当时的客户数没有记下")
	b.shows(".cut-table", "9,000.5")
	b.shows(".cut-table", "高价值")
	b.shows("#content", "直到在这里重新取并保存")

	b.fill(".cut-form input", "50")
	b.shows(".cut-take", "规则还在用 p80，请一并取它")
	b.fill(".cut-form input", "全部")
	b.shows(".cut-take", "请填 1 到 99 的整数")
	b.fill(".cut-form input", "80，20，50")
	b.click(".cut-form button", "重新取")
	b.shows(".cut-preview", "共 5 位已知客户")
	b.shows(".cut-preview", "9,000.5")
	b.shows(".cut-preview", "400")
	b.shows(".cut-preview", "编辑器里有未保存的修改")
	require.Equal(t, "true", b.eval(`document.querySelector('.cut-preview .ant-btn-primary').disabled`))
	b.looks("cuts-dirty-zh")

	b.click(".kinds label", "编辑")
	b.fill("textarea", spendRules)
	b.click(".kinds label", "分位点")
	b.fill(".cut-form input", "80, 20, 50")
	b.click(".cut-form button", "重新取")
	b.shows(".cut-preview", "共 5 位已知客户")
	b.looks("cuts-preview-zh")
	require.Equal(t, spendRules, string(f.api("GET", "/rules", nil).body), "nothing changes by looking")
	b.click(".cut-preview button", "保存并生效")
	b.shows("#content", "当前版本 2")
	b.shows(".said-panel", "共 5 位已知客户")
	b.shows(".cut-table", "还没有规则用到")
	saved := string(f.api("GET", "/rules", nil).body)
	require.Contains(t, saved, "customers: 5, p20: 100, p50: 300, p80: 400}\n")
	b.looks("cuts-zh")
	b.click(".kinds label", "逐条说明")
	b.fill(".said-tools input", "高价值")
	b.shows(".said", "现有 2 人")

	b.click("button", "English")
	b.shows("#content", "Customers now: 2")
	b.fill(".said-tools input", "")
	b.looks("sentences-en")
	b.click(".kinds label", "Cut points")
	b.shows(".said-panel", "of 5 known customers")
	b.click(".said-panel button", "Take anew")
	b.shows(".cut-preview", "Newly taken, not saved yet")
	b.looks("cuts-preview-en")
	require.Empty(t, b.complaints())

	a := f.api("PUT", "/rules", []byte(saved+"# somebody was quicker\n"), "Content-Type", "application/yaml")
	require.Equal(t, http.StatusOK, a.code, "%s", a)
	b.click(".cut-preview button", "Save and activate")
	b.shows(".cut-take", "Someone changed it just now")
	require.Len(t, b.complaints(), 1, "the browser logs the 409")
}
