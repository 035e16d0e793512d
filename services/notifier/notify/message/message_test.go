package message_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/services/notifier/notify/message"
	"github.com/tagwire/tagwire/services/notifier/notify/robot"
)

var update = flag.Bool("update", false, "write the golden files anew")

// box opens tokens of the form ⟦p|text⟧ by showing the text.
type box struct{ err error }

func (b box) OpenText(_ context.Context, s string) (string, error) {
	if b.err != nil {
		return "", b.err
	}
	in := strings.TrimSuffix(strings.TrimPrefix(s, "⟦"), "⟧")
	profile, text, ok := strings.Cut(in, "|")
	switch {
	case !ok || profile != "p1":
		return s, nil // no token
	case text == "gone":
		return seal.Erased, nil
	}
	return text, nil
}

var noon = event.At(time.Date(2026, 11, 22, 2, 30, 0, 0, time.UTC))

func sample() *inbox.Alert {
	return &inbox.Alert{
		AlertID: "4f9a01bc77aa", Number: "4F9A01BC", Profile: "p1", Rule: "高意向", RuleVersion: 3, Tag: "高意向", Severity: "high",
		Title: "⟦p1|张三丰⟧ 近7天打开资料 3 次，主动聊天 2 次", Advice: "先问用途和预算，再发对应报价单", StaffID: "zhang", RaisedAt: noon,
		Evidence: []event.Evidence{
			{EventID: "e0", Type: "contact.add", Time: noon.Add(-49 * time.Hour)},
			{EventID: "e1", Type: "link.open", Time: noon.Add(-3 * time.Minute), ObjectTitle: "2026 冬季报价单"},
			{EventID: "e2", Type: "chat.message", Time: noon, Matched: []string{"多少钱", "报价"}},
			{EventID: "e3", Type: "own.type", Time: noon},
		},
	}
}

func build(t *testing.T, a *inbox.Alert, lang message.Language, to ...message.Recipient) *message.Message {
	t.Helper()
	b := message.Builder{Keys: box{}, PublicURL: "https://scrm.example.com", Language: lang}
	m, err := b.Build(t.Context(), "d1", a, to)
	require.NoError(t, err)
	return m
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "run with -update when the text is meant to change")
}

func content(t *testing.T, m *message.Message) string {
	t.Helper()
	body, ok := robot.Payload(m).(map[string]any)
	require.True(t, ok)
	md, ok := body["markdown"].(map[string]string)
	require.True(t, ok, "markdown")
	return md["content"]
}

func TestTexts(t *testing.T) {
	zhang := message.Recipient{ID: "zhang", Name: "张经理", WeComUserID: "ZhangJL"}
	golden(t, "robot.zh.md", content(t, build(t, sample(), message.Chinese, zhang)))
	golden(t, "robot.en.md", content(t, build(t, sample(), message.English, zhang)))
	golden(t, "mail.zh.txt", build(t, sample(), message.Chinese, zhang).Text(0))
	golden(t, "mail.en.txt", build(t, sample(), message.English, zhang).Text(0))
	nobody := sample()
	nobody.Severity, nobody.StaffID, nobody.Advice, nobody.Evidence = "low", "", "", nil
	golden(t, "robot-nobody.zh.md", content(t, build(t, nobody, message.Chinese)))
	many := sample()
	for len(many.Evidence) < 12 {
		many.Evidence = append(many.Evidence, event.Evidence{Type: "page.view", Time: noon, ObjectTitle: "冬季新品"})
	}
	golden(t, "mail-many.zh.txt", build(t, many, message.Chinese).Text(0))
}

func TestNamesAreMasked(t *testing.T) {
	f := func(title, want string) {
		t.Helper()
		a := sample()
		a.Title, a.Advice = title, title
		m := build(t, a, message.Chinese)
		require.Equal(t, want, m.Title)
		require.Equal(t, want, m.Alert.Advice)
	}
	f("⟦p1|张三丰⟧ 来了", "张** 来了")
	f("⟦p1|Alice⟧ and ⟦p1|Bob⟧", "A** and B**")
	f("⟦p1|gone⟧ 来了", "** 来了")
	f("⟦p1| ⟧", "**")
	f("没有名字", "没有名字")
	f("⟦not a token⟧ ⟦", "⟦not a token⟧ ⟦")
	f("⟦ ⟦p1|张三⟧", "⟦ 张**")

	b := message.Builder{Keys: box{err: errors.New("no keys")}}
	_, err := b.Build(t.Context(), "d", sample(), nil)
	require.Error(t, err, "better late than in clear")
}

func TestMeasuresKeepNothingSealed(t *testing.T) {
	token := "⟦p1|" + strings.Repeat("A", 60) + "⟧"
	a := sample()
	a.Measures = map[string]string{"最近城市": token}
	a.Evidence[0].ObjectTitle = token
	m := build(t, a, message.Chinese)
	require.Equal(t, "**", m.Alert.Measures["最近城市"])
	require.Equal(t, "**", m.Alert.Evidence[0].ObjectTitle)
	require.Equal(t, token, a.Measures["最近城市"], "the inbox's own alert stays as it is")
	require.Equal(t, token, a.Evidence[0].ObjectTitle)
}

func TestWhatCustomersWriteFormsNoMarkup(t *testing.T) {
	a := sample()
	a.Title = "⟦p1|<@all>⟧ 打开 <@all> [点我](http://evil.example)"
	a.Evidence = []event.Evidence{{Type: "link.open", Time: noon, ObjectTitle: "</font><@all>\n# 标题\n[x](y) \u202e"}}
	got := content(t, build(t, a, message.Chinese))
	require.NotContains(t, got, "<@all>")
	require.NotContains(t, got, "](http://evil")
	require.NotContains(t, got, "\n# ")
	require.NotContains(t, got, "\u202e")
	require.Equal(t, 1, strings.Count(got, "</font>"))
}

// Whatever an alert holds, a message fits, is whole characters, and ends with
// link and number.
func TestMessagesFit(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringN(0, -1, 6000)
		a := sample()
		a.Title = text.Draw(rt, "title")
		a.Advice = text.Draw(rt, "advice")
		for i := range a.Evidence {
			a.Evidence[i].ObjectTitle = text.Draw(rt, "object")
		}
		var to []message.Recipient
		for range rapid.IntRange(0, 300).Draw(rt, "people") {
			to = append(to, message.Recipient{ID: "someone-with-a-long-id", WeComUserID: "SomeoneWithALongID"})
		}
		md := content(t, build(t, a, message.Chinese, to...))
		plain := build(t, a, message.Chinese, to...).Text(2048)
		for _, got := range []string{md, plain} {
			require.True(rt, utf8.ValidString(got))
			require.Contains(rt, got, "https://scrm.example.com/#/alerts/4f9a01bc77aa")
			require.Contains(rt, got, "编号 4F9A01BC")
		}
		require.LessOrEqual(rt, len(md), 4096)
		require.LessOrEqual(rt, len(plain), 2048)
	})
}
