package api_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/services/console/api"
	"github.com/tagwire/tagwire/services/console/consoletest"
)

func TestRulesAreActiveInEveryShardWhenPutAnswers(t *testing.T) {
	g := start(t)
	require.Equal(t, http.StatusNotFound, g.do("GET", "/rules", "").Code)
	g.Roles()
	r := g.putRules(shopRules)
	require.Equal(t, http.StatusOK, r.Code, r.Text)
	require.Equal(t, 1.0, r.fields()["version"])
	for s := range consoletest.Shards {
		pos, err := g.Shard(s).Read(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 1, pos.Rules)
	}
	got := g.do("GET", "/rules", "")
	require.Equal(t, shopRules, got.Text)
	require.Equal(t, `"1"`, got.Header.Get("ETag"))
	require.Contains(t, got.Header.Get("Content-Type"), "application/yaml")

	same := g.putRules(shopRules)
	require.Equal(t, http.StatusOK, same.Code, same.Text)
	require.Equal(t, true, same.fields()["unchanged"])
	require.Len(t, g.Defs.Versions(defs.KindRules, defs.RulesID), 1)
}

func TestRulesOfSeveralFilesComeBackAsTheyWere(t *testing.T) {
	g := start(t)
	g.Roles()
	r := g.do("PUT", "/rules", `{"files":{"a.yaml":"measures:\n  单数: {count: order.pay}\n","b/tags.yaml":"tags:\n  买家: {when: 单数 >= 1}"}}`)
	require.Equal(t, http.StatusOK, r.Code, r.Text)
	text := g.do("GET", "/rules", "").Text
	require.Contains(t, text, "--- # file: a.yaml\n")
	back := g.putRules(text)
	require.Equal(t, http.StatusOK, back.Code, back.Text)
	var v struct {
		Version int
		Active  bool
		Files   map[string]string
	}
	g.do("GET", "/rules", "", "Accept", "application/json").into(&v)
	require.True(t, v.Active)
	require.Equal(t, "measures:\n  单数: {count: order.pay}\n", v.Files["a.yaml"])
	require.Equal(t, "tags:\n  买家: {when: 单数 >= 1}\n", v.Files["b/tags.yaml"])
	require.Equal(t, http.StatusOK, g.do("GET", "/rules?version=1", "").Code)
	require.Equal(t, http.StatusNotFound, g.do("GET", "/rules?version=9", "").Code)
}

func TestWrongRulesAreRefusedWithTheirPlacesAndNothingIsSaved(t *testing.T) {
	g := start(t)
	g.Roles()
	r := g.putRules("measures:\n  近 7 天: {count: x}\ntags:\n  a: {when: 没有 >= 1}\n")
	require.Equal(t, http.StatusUnprocessableEntity, r.Code, r.Text)
	var p struct {
		Code   string
		Errors []struct {
			File         string
			Line, Column int
			Message      string
		}
	}
	r.into(&p)
	require.Equal(t, "rules_invalid", p.Code)
	require.Len(t, p.Errors, 2)
	require.Equal(t, "rules.yaml", p.Errors[0].File)
	require.Equal(t, 2, p.Errors[0].Line)
	require.Equal(t, 4, p.Errors[1].Line)
	require.Empty(t, g.Defs.Versions(defs.KindRules, defs.RulesID))

	require.Equal(t, http.StatusUnsupportedMediaType, g.do("PUT", "/rules", "x: 1", "Content-Type", "image/png").Code)
	require.Equal(t, http.StatusRequestEntityTooLarge, g.putRules(strings.Repeat("# long\n", 200_000)).Code)
	require.Equal(t, http.StatusUnprocessableEntity, g.do("PUT", "/rules", `{"files":{"../x.yaml":"zone: UTC"}}`).Code)
	require.Equal(t, http.StatusBadRequest, g.do("PUT", "/rules?history=all", `{"files":{}}`).Code)
}

func TestWhatNeedsHistoryIsRefusedUnlessItMayBeginEmpty(t *testing.T) {
	g := live(t)
	id := g.customer()
	more := strings.Replace(shopRules, "tags:\n", "  近3天打开: {count: link.open, within: 3d}\ntags:\n", 1)
	r := g.putRules(more)
	require.Equal(t, http.StatusUnprocessableEntity, r.Code, r.Text)
	v := r.fields()
	require.Equal(t, "needs_history", v["code"])
	require.Equal(t, []any{"近3天打开"}, v["needs"])
	require.Equal(t, 7.0, v["errors"].([]any)[0].(map[string]any)["line"])
	require.Len(t, g.Defs.Versions(defs.KindRules, defs.RulesID), 1)

	r = g.do("PUT", "/rules?history=none", more, "Content-Type", "application/yaml")
	require.Equal(t, http.StatusOK, r.Code, r.Text)
	require.Equal(t, []any{"近3天打开"}, r.fields()["warming"])
	p := g.do("GET", "/profiles/"+id, "").fields()
	require.Equal(t, 0.0, p["measures"].(map[string]any)["近3天打开"])
	require.Equal(t, "近3天打开", p["warming"].([]any)[0].(map[string]any)["measure"])

	fresh := consoletest.Event("n1", "link.open", "u2")
	g.Send(fresh)
	require.Eventually(t, func() bool { return g.do("GET", "/profiles/user_id:u2", "").Code == http.StatusOK }, 10*time.Second, 20*time.Millisecond)
	require.Empty(t, g.do("GET", "/profiles/user_id:u2", "").fields()["warming"], "who came later lacks nothing")

	// What keeps the same facts needs no history; what was warming goes on.
	third := strings.Replace(more, "近7天打开次数 >= 3", "近7天打开次数 >= 4", 1)
	r = g.putRules(third)
	require.Equal(t, http.StatusOK, r.Code, r.Text)
	require.Equal(t, []any{"近3天打开"}, r.fields()["warming"])
}

func TestTwoRuleSetsAtOnceAndStaleVersions(t *testing.T) {
	g := start(t, func(o *api.Options) { o.ActivateWait = 3 * time.Second })
	g.Tagger() // no resolver: the first stays under way
	var first answer
	var wait sync.WaitGroup
	wait.Go(func() { first = g.putRules(shopRules) })
	require.Eventually(t, func() bool { return len(g.Defs.Versions(defs.KindRules, defs.RulesID)) == 1 }, 10*time.Second, 10*time.Millisecond)
	second := g.putRules("measures:\n  单数: {count: order.pay}\n")
	require.Equal(t, http.StatusConflict, second.Code, second.Text)
	require.Equal(t, "activating", second.fields()["code"])
	wait.Wait()
	require.Equal(t, http.StatusAccepted, first.Code, first.Text)
	require.Equal(t, true, first.fields()["activating"])

	g.Resolver() // what was left half done is completed
	require.Eventually(t, func() bool { return g.do("GET", "/tags", "").fields()["rules_version"] == 1.0 }, 10*time.Second, 20*time.Millisecond)
	stale := g.putRules("measures:\n  单数: {count: order.pay}\n", "If-Match", `"7"`)
	require.Equal(t, http.StatusConflict, stale.Code, stale.Text)
	require.Equal(t, "conflict", stale.fields()["code"])
	r := g.putRules("measures:\n  单数: {count: order.pay}\n", "If-Match", "1")
	require.Equal(t, http.StatusOK, r.Code, r.Text)
}
