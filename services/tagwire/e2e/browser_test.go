//go:build browser

package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// hangs is how long any step in the browser may take before it counts as hung.
const hangs = 20 * time.Second

// browser is a tab of a real Chromium that keeps what its console complains of.
type browser struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex
	problems []string
}

func newBrowser(t testing.TB) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.WindowSize(1360, 900), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "zh-CN"),
		chromedp.Env("LANGUAGE=zh_CN"))
	if os.Geteuid() == 0 { // Chromium refuses its sandbox to root
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancelAll := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancelAll)
	b := &browser{t: t}
	ctx, cancel := chromedp.NewContext(ctx, chromedp.WithListener(func(ev any) {
		switch e := ev.(type) {
		case *runtime.EventExceptionThrown:
			b.complain(fmt.Sprintf("%s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
				var parts []string
				for _, a := range e.Args {
					parts = append(parts, string(a.Value)+a.Description)
				}
				b.complain(string(e.Type) + " " + strings.Join(parts, " "))
			}
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
				b.complain(fmt.Sprintf("%s: %s (%s)", e.Entry.Level, e.Entry.Text, e.Entry.URL))
			}
		}
	}))
	t.Cleanup(cancel)
	b.ctx = ctx
	require.NoError(t, chromedp.Do(ctx), "start Chromium")
	return b
}

func (b *browser) complain(s string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, s)
}

// complaints gives what the console complained of since the last call.
func (b *browser) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.problems
	b.problems = nil
	return out
}

// do runs actions; a step that hangs is named with what the page shows.
func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	for i, a := range actions {
		ctx, cancel := context.WithTimeout(b.ctx, hangs)
		err := chromedp.Do(ctx, a)
		cancel()
		if err != nil {
			require.NoError(b.t, err, "step %d of %d at %s; complaints %q; the page shows:\n%.2000s", i+1, len(actions), b.eval("location.href"), b.complaints(), b.text("body"))
		}
	}
}

// eval gives an expression as text.
func (b *browser) eval(js string) string {
	ctx, cancel := context.WithTimeout(b.ctx, hangs)
	defer cancel()
	s, err := chromedp.Run(ctx, chromedp.Evaluate[string]("String("+js+")"))
	if err != nil {
		return err.Error()
	}
	return s
}

// text is what an element shows; empty when it is not there.
func (b *browser) text(selector string) string {
	return b.eval(fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector))
}

// shows waits until an element shows a text.
func (b *browser) shows(selector, want string) {
	b.t.Helper()
	require.Eventually(b.t, func() bool { return strings.Contains(b.text(selector), want) }, hangs, 5*time.Millisecond,
		"%s shows %s", selector, later(func() string {
			return fmt.Sprintf("%.1500q at %s; %q", b.text(selector), b.eval("location.href"), b.complaints())
		}))
}

// click clicks the first element whose text or label contains a word.
func (b *browser) click(selector, word string) {
	b.t.Helper()
	js := fmt.Sprintf(`(() => { const e = [...document.querySelectorAll(%q)].find(e => (e.innerText + ' ' + (e.ariaLabel ?? '')).includes(%q) && !e.disabled); e?.click(); return !!e })()`, selector, word)
	require.Eventually(b.t, func() bool { return b.eval(js) == "true" }, hangs, 20*time.Millisecond,
		"%s", later(func() string {
			return fmt.Sprintf("no %s with %s; the page shows %.1500q", selector, word, b.text("body"))
		}))
}

// logIn opens a path of the page as people do who have the admin token.
func (b *browser) logIn(p *product, path string) {
	b.t.Helper()
	b.do(
		chromedp.Navigate(p.at.HTTP+path), chromedp.WaitVisible(chromedp.CSS("#token")),
		chromedp.SendKeys(chromedp.CSS("#token"), p.at.AdminToken), chromedp.Click(chromedp.CSS("button[type=submit]")), chromedp.WaitVisible(chromedp.CSS("#content")),
	)
	if b.eval("document.documentElement.lang") == "en" {
		b.click("button", "中文")
	}
}
