package ingest_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/auth"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/services/collector/ingest/wecom"
)

const (
	corpToken = "QDG6eK"
	corpKey   = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
	corpID    = "wx5823bf96d3bd56c7"
)

func shop(g *rig) {
	g.define("source", "shop1", map[string]any{"kind": "wecom", "corp_id": corpID, "token": corpToken, "encoding_aes_key": corpKey, "default_channel": "walkin"})
	g.define("channel", "ch_7", map[string]any{"name": "门店A", "store_id": "s1", "tags": []string{"渠道A"}, "campaign": "五一"})
	g.define("store", "s1", map[string]any{"name": "A店", "tags": []string{"华东"}})
}

// callback sends an inner XML as WeCom does.
func (g *rig) callback(inner string) response {
	g.t.Helper()
	c, err := wecom.NewCrypt(corpToken, corpKey, corpID)
	require.NoError(g.t, err)
	text := c.Encrypt([16]byte{9}, []byte(inner))
	q := url.Values{"timestamp": {"1409659813"}, "nonce": {"n1"}, "msg_signature": {c.Sign("1409659813", "n1", text)}, "corp": {"an extra parameter"}}
	return g.send("POST", "/in/wecom/shop1?"+q.Encode(), "<xml><ToUserName><![CDATA["+corpID+"]]></ToUserName><AgentID><![CDATA[218]]></AgentID><Encrypt><![CDATA["+text+"]]></Encrypt></xml>")
}

func added(state string) string {
	return `<xml><ToUserName>` + corpID + `</ToUserName><FromUserName>sys</FromUserName><CreateTime>1403610513</CreateTime><MsgType>event</MsgType><Event>change_external_contact</Event><ChangeType>add_external_contact</ChangeType><UserID>zhangsan</UserID><ExternalUserID>wmA</ExternalUserID><State>` + state + `</State></xml>`
}

func TestWeComChecksTheURL(t *testing.T) {
	g := newRig(t)
	shop(g)
	q := "msg_signature=5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3&timestamp=1409659589&nonce=263014780&echostr=" +
		url.QueryEscape("P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==")
	res := g.send("GET", "/in/wecom/shop1?"+q, "")
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, "1616140317555161061", res.text, "no quotes, no newline")
	require.Equal(t, 401, g.send("GET", "/in/wecom/shop1?"+strings.Replace(q, "5c45", "5c46", 1), "").StatusCode)
	require.Equal(t, 404, g.send("GET", "/in/wecom/nobody?"+q, "").StatusCode)
}

func TestWeComContactOfAChannel(t *testing.T) {
	g := newRig(t)
	shop(g)
	for _, state := range []string{"ch_7", "", "nobody_knows"} {
		res := g.callback(added(state))
		require.Equal(t, 200, res.StatusCode, res.text)
		require.Empty(t, res.text)
	}
	got := g.rawWhen(3)
	require.Equal(t, "contact.add", got[0].Type)
	require.Equal(t, "wecom."+corpID+":wmA", got[0].Primary().String())
	require.Equal(t, []string{"shop1", "zhangsan", "ch_7", "s1"}, []string{got[0].Source, got[0].StaffID, got[0].Channel, got[0].StoreID})
	require.Equal(t, []string{"渠道A", "华东"}, got[0].Tags)
	require.Equal(t, "五一", got[0].Properties["campaign"])
	require.Equal(t, "walkin", got[1].Channel)
	require.Empty(t, got[2].Channel, "an unknown State is no channel")
	require.Equal(t, "nobody_knows", got[2].Properties["state"])
	require.Equal(t, 200, g.callback(added("ch_7")).StatusCode)
	again := g.rawWhen(4)
	require.Equal(t, again[0].EventID, again[3].EventID, "sent again it is the same event")
}

func TestWeComGroupMembersWhoAreStaffByDefinition(t *testing.T) {
	g := newRig(t)
	shop(g)
	g.define("staff", "wolf", map[string]any{"name": "沃夫"})
	res := g.callback(`<xml><CreateTime>1403610513</CreateTime><Event>change_external_chat</Event><ChangeType>update</ChangeType><ChatId>wr1</ChatId><UpdateDetail>add_member</UpdateDetail><MemChangeList><Item>wolf</Item><Item>wmB</Item></MemChangeList></xml>`)
	require.Equal(t, 200, res.StatusCode)
	e := g.rawWhen(1)[0]
	require.Equal(t, "group.join", e.Type)
	require.Equal(t, "wecom."+corpID+":wmB", e.Primary().String())
}

func TestForgedCallbacksAreRefused(t *testing.T) {
	g := newRig(t)
	shop(g)
	post := func(query, body string) int { return g.send("POST", "/in/wecom/shop1?"+query, body).StatusCode }
	require.Equal(t, 401, post("msg_signature=00&timestamp=1&nonce=2", "<xml><Encrypt>AAAA</Encrypt></xml>"))
	require.Equal(t, 400, post("", "not xml"))
	require.Equal(t, 400, post("", "<xml></xml>"))
	require.Equal(t, 413, post("", "<xml>"+strings.Repeat(" ", 2<<20)+"</xml>"))
	c, err := wecom.NewCrypt(corpToken, corpKey, "ww_another_corp")
	require.NoError(t, err)
	text := c.Encrypt([16]byte{9}, []byte(added("")))
	require.Equal(t, 400, post("msg_signature="+c.Sign("1", "2", text)+"&timestamp=1&nonce=2", "<xml><Encrypt>"+text+"</Encrypt></xml>"))
	require.Equal(t, 200, g.callback("signed, but no XML").StatusCode, "sent again it would be no better")
	reasons := map[string]int{}
	for _, r := range g.rejectedWhen(6) {
		reasons[r.Reason]++
	}
	require.Equal(t, map[string]int{"bad_signature": 1, "malformed_json": 3, "too_large": 1, "undecryptable": 1}, reasons)
	require.Empty(t, g.raw())
}

func TestArchiveLines(t *testing.T) {
	g := newRig(t)
	g.define("source", "talk", map[string]any{"kind": "wecom-archive", "corp_id": "ww1", "secret": "side-car-secret"})
	lines, err := os.ReadFile("archive/testdata/messages.jsonl")
	require.NoError(t, err)
	require.Equal(t, 401, g.send("POST", "/in/wecom-archive/talk", string(lines)).StatusCode)
	require.Equal(t, 401, g.send("POST", "/in/wecom-archive/talk", string(lines), "Authorization", "Bearer wrong").StatusCode)
	res := g.send("POST", "/in/wecom-archive/talk", string(lines), "Authorization", "Bearer side-car-secret")
	require.Equal(t, 200, res.StatusCode, res.text)
	v := res.verdict(t)
	require.Positive(t, v.Accepted)
	require.Positive(t, v.Ignored)
	require.Len(t, v.Rejected, 1)
	g.rawWhen(v.Accepted)
	signed := g.send("POST", "/in/wecom-archive/talk", "[]", auth.SignatureHeader, auth.Sign("side-car-secret", []byte("[]"), time.Now()))
	require.Equal(t, 200, signed.StatusCode)
	require.JSONEq(t, `{"accepted":0,"rejected":[],"ignored":0}`, signed.text)
}

func TestWebhookWithAMapping(t *testing.T) {
	g := newRig(t)
	g.define("form", "visit", map[string]any{
		"name": "到店登记", "tags": []string{"已登记"}, "activity": "开业",
		"fields": []any{
			map[string]any{"name": "tel", "type": "phone", "trait": "phone"}, map[string]any{"name": "like", "trait": "interest"}, "remark",
		},
	})
	g.define("source", "form", map[string]any{
		"kind": "webhook", "secret": "s3cret-s3cret", "default_channel": "ch_web",
		"mapping": map[string]any{
			"form": "$.form.id", "event_id": "$.entry.no", "time": "$.entry.at", "identities.wecom.ww1": "$.hidden.customer",
			"properties": map[string]any{"tel": "$.entry.mobile", "like": "$.entry.answers[q=interest].text", "score": "$.entry.score", "remark": "$.entry.remark"},
			"staff_id":   []any{"$.hidden.staff", "front-desk"}, "touchpoint": map[string]any{"path": "$.form.kind", "map": map[string]any{"1": "poster"}, "default": "web"},
			"traits.name": "{{$.entry.last}}{{$.entry.first}}",
		},
	})
	body := `{"form":{"id":"visit","kind":1},"hidden":{"customer":"wmA"},"entry":{"no":7,"at":"2026-05-01T08:00:00+08:00","mobile":"+86 138-1234 5678","first":"三","last":"张","score":9,"remark":"急","answers":[{"q":"x","text":"no"},{"q":"interest","text":"茶具"}]}}`
	res := g.hook("s3cret-s3cret", body)
	require.Equal(t, 200, res.StatusCode, res.text)
	require.JSONEq(t, `{"accepted":1,"rejected":[]}`, res.text)
	e := g.rawWhen(1)[0]
	require.Equal(t, "form.submit", e.Type)
	require.Equal(t, "7", e.EventID)
	require.Equal(t, "2026-05-01T00:00:00.000Z", e.Time.String())
	require.ElementsMatch(t, []string{"wecom.ww1:wmA", "phone:13812345678"}, identities(e))
	require.Equal(t, event.Object{Type: "form", ID: "visit", Title: "到店登记"}, *e.Object)
	require.Equal(t, []string{"front-desk", "ch_web", "poster"}, []string{e.StaffID, e.Channel, e.Touchpoint})
	require.Equal(t, []string{"已登记"}, e.Tags)
	require.Equal(t, event.Fields{"phone": "+86 138-1234 5678", "interest": "茶具", "name": "张三", "remark": "急"}, e.Traits)
	require.Equal(t, event.Fields{"like": "茶具", "score": 9.0, "form_id": "visit", "activity": "开业"}, e.Properties, "personal answers stand in the traits, where they are sealed")
}

func identities(e *event.Event) []string {
	var out []string
	for _, id := range e.Identities {
		out = append(out, id.String())
	}
	return out
}

func TestWebhookOfOurOwnEnvelope(t *testing.T) {
	g := newRig(t)
	formSource(g)
	require.Equal(t, 401, g.hook("wrong", submission(1)).StatusCode)
	require.Equal(t, 401, g.send("POST", "/in/webhook/form", submission(1)).StatusCode)
	old := auth.Sign("s3cret-s3cret", []byte(submission(1)), time.Now().Add(-time.Hour))
	require.Equal(t, 401, g.send("POST", "/in/webhook/form", submission(1), auth.SignatureHeader, old).StatusCode)
	require.Equal(t, 404, g.send("POST", "/in/webhook/nobody", submission(1)).StatusCode)
	require.Equal(t, 400, g.hook("s3cret-s3cret", `{"type":"x"}`).StatusCode)
	body := `{"events":[` + submission(1) + `,{"type":"order.pay","identities":["phone:138 0000 0000","email:A@B.cn"],"amount":"19.90","object":{"type":"order","id":"o1"}},{"type":"x"}]}`
	res := g.hook("s3cret-s3cret", body)
	require.Equal(t, 200, res.StatusCode)
	v := res.verdict(t)
	require.Equal(t, 2, v.Accepted)
	require.Equal(t, 2, v.Rejected[0].Index)
	for _, e := range g.rawWhen(2) {
		if e.Type == "order.pay" {
			require.Equal(t, []string{"phone:13800000000", "email:a@b.cn"}, identities(e))
			require.Equal(t, "19.90", e.Amount.String())
			require.Len(t, e.EventID, 40)
		}
	}
}

func TestCloudEvents(t *testing.T) {
	g := newRig(t)
	one := func(id string) string {
		return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/shop","type":"order.pay","subject":"user_id:u1","time":"2026-05-01T00:00:00Z","data":{"amount":12.5,"store_id":"s1","goods":"茶"}}`, id)
	}
	send := func(contentType, body string, more ...string) response {
		return g.send("POST", "/v1/events", body, append([]string{"Authorization", basic(testKey), "Content-Type", contentType}, more...)...)
	}
	res := send("application/cloudevents+json; charset=utf-8", one("s"))
	require.Equal(t, 200, res.StatusCode, res.text)
	v := send("application/cloudevents-batch+json", `[`+one("b1")+`,{"specversion":"1.0","id":"b2","source":"/s","type":"x"},`+one("b3")+`]`).verdict(t)
	require.Equal(t, 2, v.Accepted)
	require.Equal(t, "b2", v.Rejected[0].EventID)
	res = send("application/json", `{"user_id":"u1","amount":"12.5","store_id":"s1","goods":"茶"}`,
		"Ce-Specversion", "1.0", "Ce-Id", "bin", "Ce-Source", "/shop", "Ce-Type", "order.pay", "Ce-Time", "2026-05-01T00:00:00Z")
	require.Equal(t, 200, res.StatusCode, res.text)
	ids := map[string]bool{}
	for _, e := range g.rawWhen(4) {
		ids[e.EventID] = true
		require.Equal(t, "order.pay", e.Type)
		require.Equal(t, "12.5", e.Amount.String())
		require.Equal(t, "s1", e.StoreID)
		require.Equal(t, "茶", e.Properties["goods"])
		require.Equal(t, []string{"user_id:u1"}, identities(e))
		b, err := json.Marshal(e.Context["cloudevent"])
		require.NoError(t, err)
		require.Contains(t, string(b), `"source":"/shop"`)
	}
	require.Len(t, ids, 4)
	require.Equal(t, 400, send("application/cloudevents+json", `{"specversion":"0.3","id":"1","source":"/s","type":"x"}`).StatusCode)
	require.Equal(t, 401, g.send("POST", "/v1/events", one("x"), "Content-Type", "application/cloudevents+json").StatusCode)
}
