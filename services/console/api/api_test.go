package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govalues/decimal"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/services/console/api"
	"github.com/tagwire/tagwire/services/console/consoletest"
)

// live is a rig with rules in force and all roles running.
func live(t *testing.T, adjust ...func(*api.Options)) *rig {
	t.Helper()
	g := start(t, adjust...)
	g.Roles()
	r := g.putRules(shopRules)
	require.Equal(t, http.StatusOK, r.Code, r.Text)
	return g
}

// customer sends what makes 王芳 高意向 and waits until it is seen.
func (g *rig) customer() string {
	g.t.Helper()
	e := consoletest.Event("e0", "attribute.set", "u1")
	e.Traits = event.Fields{"name": "王芳", "city": "上海"}
	g.Send(e)
	for i := range 3 {
		open := consoletest.Event(fmt.Sprintf("open%d", i), "link.open", "u1")
		open.Object = &event.Object{Title: "报价单"}
		g.Send(open)
	}
	pay := consoletest.Event("pay", "order.pay", "u1")
	amount := decimal.MustParse("12000.50")
	pay.Amount = &amount
	g.Send(pay)
	var v struct {
		Profile string `json:"profile_id"`
		Tags    []any  `json:"tags"`
	}
	require.Eventually(g.t, func() bool {
		r := g.do("GET", "/profiles/user_id:u1", "")
		return r.Code == http.StatusOK && json.Unmarshal([]byte(r.Text), &v) == nil && len(v.Tags) == 2
	}, 10*time.Second, 20*time.Millisecond)
	return v.Profile
}

func TestProfileShowsTagsMeasuresAndOpensWhatIsSealed(t *testing.T) {
	g := live(t)
	id := g.customer()
	for _, by := range []string{id, "user_id:u1", "profile:" + id} {
		r := g.do("GET", "/profiles/"+by, "")
		require.Equal(t, http.StatusOK, r.Code, r.Text)
		v := r.fields()
		require.Equal(t, id, v["profile_id"])
		require.Equal(t, map[string]any{"name": "王芳", "city": "上海"}, v["traits"])
		require.Equal(t, map[string]any{"近7天打开次数": 3.0, "净消费": "12000.50", "订单数": 1.0}, v["measures"])
		require.Equal(t, []any{"user_id:u1"}, v["identities"])
		require.Equal(t, "新", v["stage"].(map[string]any)["name"])
		require.Equal(t, true, v["known"])
		require.NotEmpty(t, v["as_of"])
		tag := v["tags"].([]any)[0].(map[string]any)
		require.Equal(t, "高意向", tag["tag"])
		require.Equal(t, "意向", tag["group"])
		require.Equal(t, 1.0, tag["rule_version"])
		require.Len(t, tag["evidence"], 3)
	}
	stored := g.Profile(id)
	require.NotContains(t, fmt.Sprint(stored.Traits["name"].Value), "王芳", "the name is sealed where it is kept")
	for _, unknown := range []string{"user_id:nobody", "p0000", "phone:13800000000"} {
		r := g.do("GET", "/profiles/"+unknown, "")
		require.Equal(t, http.StatusNotFound, r.Code, r.Text)
		require.Equal(t, "application/problem+json", r.Header.Get("Content-Type"))
	}
}

func TestPersonalIdentityIsFoundByItsHashHoweverItIsWritten(t *testing.T) {
	g := live(t)
	g.Send(consoletest.Event("e1", "form.submit", "phone:13800001111"))
	require.Eventually(t, func() bool { return g.do("GET", "/profiles/phone:13800001111", "").Code == http.StatusOK }, 10*time.Second, 20*time.Millisecond)
	id := g.do("GET", "/profiles/phone:13800001111", "").fields()["profile_id"]
	for _, form := range []string{"+86%20138-0000-1111", "0086%2013800001111", "138%200000%201111", "１３８００００１１１１", g.Master.Hash("phone", "13800001111")} {
		r := g.do("GET", "/profiles/phone:"+form, "")
		require.Equal(t, http.StatusOK, r.Code, form)
		require.Equal(t, id, r.fields()["profile_id"], form)
	}
}

func TestExplainSaysWhy(t *testing.T) {
	g := live(t)
	id := g.customer()
	v := g.do("GET", "/profiles/"+id+"/explain?tag=高意向", "").fields()
	require.Equal(t, true, v["holds"])
	require.Equal(t, "近7天打开次数 >= 3", v["when"])
	require.Equal(t, map[string]any{"近7天打开次数": 3.0}, v["measures"])
	require.Len(t, v["evidence"], 3)
	require.Equal(t, map[string]any{"condition": true, "lasts": "7d"}, v["reason"])
	require.Contains(t, v["text"].(map[string]any)["zh"], "近7天打开次数 = 3")

	v = g.do("GET", "/profiles/"+id+"/explain?tag=普通", "").fields()
	require.Equal(t, false, v["holds"])
	require.Equal(t, "净消费 > 0", v["when"])
	require.Equal(t, map[string]any{"黄金": true, "普通": true}, v["reason"], "the first that holds is chosen")

	require.Equal(t, http.StatusNotFound, g.do("GET", "/profiles/"+id+"/explain?tag=没有", "").Code)
	require.Equal(t, http.StatusBadRequest, g.do("GET", "/profiles/"+id+"/explain", "").Code)
}

func TestManualTagNoteAndConsentAreAnsweredWhenCommitted(t *testing.T) {
	g := live(t)
	id := g.customer()
	r := g.do("POST", "/profiles/user_id:u1/tags", `{"tag":"VIP","group":"人工"}`)
	require.Equal(t, http.StatusOK, r.Code, r.Text)
	require.True(t, g.Profile(id).Tags["VIP"].Holds(), "the answer comes after the commit")
	require.Contains(t, r.Text, `"tag":"VIP"`)

	r = g.do("DELETE", "/profiles/"+id+"/tags", `{"tag":"黄金"}`)
	require.Equal(t, http.StatusOK, r.Code, r.Text)
	require.False(t, g.Profile(id).Tags["黄金"].Holds())
	r = g.do("DELETE", "/profiles/"+id+"/tags?tag=黄金&release=true", "")
	require.Equal(t, http.StatusOK, r.Code, r.Text)
	require.True(t, g.Profile(id).Tags["黄金"].Holds(), "the rules decide again")

	require.Equal(t, http.StatusOK, g.do("POST", "/profiles/"+id+"/notes", `{"text":"五月前到货"}`).Code)
	r = g.do("POST", "/profiles/"+id+"/consent", `{"profiling":"refused"}`)
	require.Equal(t, http.StatusOK, r.Code, r.Text)
	require.Equal(t, []string{"VIP"}, tagsOf(g, id), "only what a person gave stays")

	for path, body := range map[string]string{"/tags": `{"tag":" "}`, "/notes": `{}`, "/consent": `{"profiling":"maybe"}`} {
		require.Equal(t, http.StatusBadRequest, g.do("POST", "/profiles/"+id+path, body).Code, path)
	}
	require.Equal(t, http.StatusNotFound, g.do("POST", "/profiles/user_id:nobody/tags", `{"tag":"x"}`).Code)
}

func tagsOf(g *rig, id string) []string {
	var names []string
	for name := range g.Profile(id).Tags {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func TestRepeatedDeedIsOneEvent(t *testing.T) {
	g := live(t)
	id := g.customer()
	first := g.do("POST", "/profiles/"+id+"/tags", `{"tag":"VIP"}`, "Idempotency-Key", "k1").fields()
	again := g.do("POST", "/profiles/"+id+"/tags", `{"tag":"VIP"}`, "Idempotency-Key", "k1").fields()
	require.Equal(t, first["event_id"], again["event_id"])
	require.Equal(t, true, again["committed"])
}

func TestDeedIsAcceptedWhileNobodyCommits(t *testing.T) {
	g := start(t, func(o *api.Options) { o.CommitWait = 200 * time.Millisecond })
	away := g.Resolver()
	g.Tagger()
	id := g.customerWithoutRules()
	away() // nobody takes `raw` further
	r := g.do("POST", "/profiles/"+id+"/tags", `{"tag":"VIP"}`)
	require.Equal(t, http.StatusAccepted, r.Code, r.Text)
	require.Equal(t, false, r.fields()["committed"])
}

func (g *rig) customerWithoutRules() string {
	g.t.Helper()
	g.Send(consoletest.Event("e0", "link.open", "u1"))
	var id string
	require.Eventually(g.t, func() bool {
		r := g.do("GET", "/profiles/user_id:u1", "")
		if r.Code == http.StatusOK {
			id, _ = r.fields()["profile_id"].(string)
		}
		return id != ""
	}, 10*time.Second, 20*time.Millisecond)
	return id
}

func TestTagsAreLiveAndStreamed(t *testing.T) {
	g := live(t)
	board := g.listen("/tags/stream")
	first := next(t, board, func(m message) bool { return m.data != "" })
	require.Contains(t, first.data, `"rules_version":1`)
	g.customer()
	anonymous := consoletest.Event("a1", "link.open", "anonymous_id:a")
	g.Send(anonymous)
	m := next(t, board, func(m message) bool {
		return strings.Contains(m.data, `{"tag":"高意向","group":"意向","count":1,"anonymous":0}`) && strings.Contains(m.data, `"population":{"known":1,"anonymous":1}`)
	})
	require.Contains(t, m.data, `{"stage":"新","count":1,"anonymous":0}`)
	require.Contains(t, m.data, `{"stage":"潜在","count":0,"anonymous":1}`)

	var v struct {
		AsOf time.Time `json:"as_of"`
		Tags []struct {
			Tag, Group string
			Count      int
		}
	}
	g.do("GET", "/tags", "").into(&v)
	counts := map[string]int{}
	for _, one := range v.Tags {
		counts[one.Group+"/"+one.Tag] = one.Count
	}
	require.Equal(t, map[string]int{"意向/高意向": 1, "关键词/询价": 0, "等级/黄金": 1, "等级/普通": 0}, counts)
	require.WithinDuration(t, time.Now(), v.AsOf, time.Minute)
	later := next(t, board, func(m message) bool { return !strings.Contains(m.data, v.AsOf.Format("2006-01-02T15:04:05.000Z")) })
	require.NotEmpty(t, later.data, "the time goes on although nothing else moves")
}

func TestEventsShowTheirVerdicts(t *testing.T) {
	g := live(t)
	all := g.listen("/events/stream")
	other := g.listen("/events/stream?source=elsewhere")
	g.customer()
	e := next(t, all, func(m message) bool { return strings.Contains(m.data, `"event_id":"open2"`) })
	var v struct {
		Type, Source, Verdict string
		Profile               string   `json:"profile_id"`
		Applied               []string `json:"tags_applied"`
		Alerts                []string `json:"alerts"`
	}
	require.NoError(t, json.Unmarshal([]byte(e.data), &v))
	require.Equal(t, "accepted", v.Verdict)
	require.Equal(t, []string{"高意向"}, v.Applied)
	require.Len(t, v.Alerts, 1)
	require.NotEmpty(t, v.Profile)

	strange := consoletest.Event("typo", "link.opne", "u1")
	strange.Source = "elsewhere"
	g.Send(strange)
	m := next(t, other, func(message) bool { return true })
	require.Contains(t, m.data, `"did_you_mean":"link.open"`, "only the source asked for comes, and a mistyped name is noticed")
	require.Contains(t, m.data, `"event_id":"typo"`)
}

func TestAlertIsStreamedActedOnAndListed(t *testing.T) {
	g := live(t)
	stream := g.listen("/alerts/stream")
	g.customer()
	m := next(t, stream, func(m message) bool { return strings.Contains(m.data, `"state":"open"`) })
	var a struct {
		ID       string `json:"alert_id"`
		Title    string
		Name     string
		Evidence []any
	}
	require.NoError(t, json.Unmarshal([]byte(m.data), &a))
	require.Equal(t, "王芳 打开 3 次", a.Title)
	require.Equal(t, "王芳", a.Name)
	require.Len(t, a.Evidence, 3)

	path := "/alerts/" + a.ID + "/"
	require.Equal(t, http.StatusOK, g.do("POST", path+"seen", "").Code)
	r := g.do("POST", path+"claim", "")
	require.Equal(t, http.StatusOK, r.Code, r.Text)
	require.Equal(t, "claimed", r.fields()["state"])
	next(t, stream, func(m message) bool { return strings.Contains(m.data, `"state":"claimed"`) })
	require.Equal(t, "snoozed", g.do("POST", path+"snooze", `{"until":"2999-01-01T00:00:00Z"}`).fields()["state"])
	require.Equal(t, http.StatusBadRequest, g.do("POST", path+"snooze", `{"until":"1999-01-01T00:00:00Z"}`).Code)
	handed := g.do("POST", path+"handover", `{"to":"li.na"}`).fields()
	require.Equal(t, "li.na", handed["staff_id"])
	require.Equal(t, "open", handed["state"])
	dismissed := g.do("POST", path+"dismiss", `{"reason":"other","note":"已成交"}`).fields()
	require.Equal(t, "dismissed", dismissed["state"])
	require.Equal(t, "other: 已成交", dismissed["reason"])
	r = g.do("POST", path+"claim", "")
	require.Equal(t, http.StatusConflict, r.Code, r.Text)
	require.Equal(t, "won", g.do("POST", path+"outcome", `{"outcome":"won"}`).fields()["outcome"])

	var list struct {
		Alerts []struct {
			ID string `json:"alert_id"`
		}
	}
	g.do("GET", "/alerts?state=dismissed&limit=10", "").into(&list)
	require.Len(t, list.Alerts, 1)
	require.Equal(t, a.ID, list.Alerts[0].ID)
	g.do("GET", "/alerts?state=open", "").into(&list)
	require.Empty(t, list.Alerts)
	require.Equal(t, http.StatusBadRequest, g.do("GET", "/alerts?state=lost", "").Code)
	require.Equal(t, http.StatusBadRequest, g.do("GET", "/alerts?cursor=x", "").Code)
	require.Equal(t, http.StatusNotFound, g.do("POST", "/alerts/none/claim", "").Code)
	require.Equal(t, http.StatusNotFound, g.do("POST", path+"explode", "").Code)

	again := g.listen("/alerts/stream", "Last-Event-ID", m.id)
	next(t, again, func(m message) bool { return strings.Contains(m.data, `"state":"dismissed"`) })
	lost := g.listen("/alerts/stream", "Last-Event-ID", "not-an-id")
	next(t, lost, func(m message) bool { return m.event == "resync" && m.data == "" })
}
