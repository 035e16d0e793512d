package defs_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/stream/streamtest"
)

func TestBodiesAreChecked(t *testing.T) {
	s := open(t, streamtest.Start(t))
	put(t, s, defs.KindSource, "web", `{"kind":"segment","write_key":"public-key"}`, defs.ExpectNone)
	refused := func(kind, id, body, field, message string) {
		t.Helper()
		_, err := s.Put(t.Context(), defs.Put{Kind: kind, ID: id, Expect: defs.ExpectAny, Body: json.RawMessage(body)})
		require.ErrorIs(t, err, defs.ErrInvalid)
		var wrong *defs.InvalidError
		require.ErrorAs(t, err, &wrong)
		require.Equal(t, field, wrong.Problems[0].Field)
		require.Contains(t, wrong.Problems[0].Message, message)
		require.Contains(t, err.Error(), message)
	}
	taken := func(kind, id, body string) {
		t.Helper()
		put(t, s, kind, id, body, defs.ExpectAny)
	}

	refused("planet", "p1", `{}`, "", "unknown kind")
	refused("store", "", `{}`, "id", "is empty")
	refused("store", "a/b", `{}`, "id", `'/'`)
	refused("store", "../x", `{}`, "id", `'.'`)
	refused("store", ".git", `{}`, "id", `'.'`)
	refused("store", "a b", `{}`, "id", `' '`)
	refused("store", strings.Repeat("x", 65), `{}`, "id", "65 bytes")
	taken("store", "门店_1.a-b@c", `{}`)
	refused("channel", strings.Repeat("x", 31), `{}`, "id", "State")
	refused("channel", "门店门店门店门店门店一", `{}`, "id", "33 bytes")
	taken("channel", strings.Repeat("x", 30), `{}`)

	refused("store", "s1", `{"titel":"x"}`, "titel", "there are city, district, lat, lng, name")
	refused("store", "s1", `{"Name":"x"}`, "Name", "is not a field")
	refused("store", "s1", `{"name":5}`, "name", "a text is needed")
	refused("store", "s1", `{"tags":"x"}`, "tags", "a list is needed")
	refused("store", "s1", `[]`, "", "not an object")
	refused("store", "s1", `null`, "", "not an object")
	refused("store", "s1", `{`, "", "not JSON")
	refused("store", "s1", ``, "", "not JSON")
	refused("store", "s1", `{"lat":91,"lng":0}`, "lat", "outside")
	refused("store", "s1", `{"lat":31}`, "lat", "both or not at all")
	taken("store", "s1", `{"lat":31.2,"lng":121.5}`)
	refused("store", "s1", `{"tags":["a",""]}`, "tags.1", "is empty")

	refused("source", "x", `{}`, "kind", "one of segment")
	refused("source", "x", `{"kind":"wecom","token":"t","encoding_aes_key":"short"}`, "corp_id", "企业ID")
	refused("source", "x", strings.Replace(wecom, "FG\"", "F\"", 1), "encoding_aes_key", "has 42 characters")
	refused("source", "x", strings.Replace(wecom, "FG\"", "F!\"", 1), "encoding_aes_key", "base64")
	refused("source", "x", `{"kind":"webhook"}`, "secret", "anybody")
	refused("source", "x", `{"kind":"webhook","secret":"s","mapping":[]}`, "mapping", "an object is needed")
	taken("source", "x", `{"kind":"webhook","secret":"s","mapping":{"type":"form.submit","identities":{"phone":"$.mobile"}}}`)
	refused("source", "y", `{"kind":"segment","write_key":"public-key"}`, "write_key", "source web")
	refused("source", "y", `{"kind":"segment","write_key":"short"}`, "write_key", "fewer than 8")
	taken("source", "web", `{"kind":"segment","write_key":"public-key","demo":true}`)

	refused("link", "l", `{}`, "url", "http")
	refused("link", "l", `{"url":"javascript:alert(1)"}`, "url", "http")
	refused("link", "l", `{"url":"https://x.cn","type":"moon"}`, "type", "one of")
	refused("link", "l", `{"url":"https://x.cn","expires_at":"tomorrow"}`, "", "not a time")
	taken("link", "l", `{"url":"https://x.cn/a?b=c","title":"报价单","type":"file","expires_at":"2027-01-01T00:00:00Z","tags":["资料"]}`)
	taken("form", "f", `{"name":"报名","fields":["姓名",{"name":"手机","type":"phone","trait":"phone"}],"tags":["报名"]}`)
	refused("form", "f", `{"fields":[{"name":"a","colour":"red"}]}`, "fields.0.colour", "is not a field")
	refused("form", "f", `{"fields":["a","a"]}`, "fields.1.name", "twice")
	refused("staff", "s", `{"email":"nobody"}`, "email", "e-mail")
	refused("route", "r", `{"match":{"severity":["urgent"]}}`, "match.severity.0", "one of low")
	refused("route", "r", `{"channels":[{"kind":"robot"}]}`, "channels.0.url", "http")
	refused("route", "r", `{"channels":[{"kind":"email","to":"x"}]}`, "channels.0.to", "e-mail")
	taken("route", "r", `{"match":{"severity":["high"]},"channels":[{"kind":"email","to":"a@x.cn, b@x.cn"}],"staff":["zhangsan"]}`)
	refused("rules", "other", `{"files":{"rules.yaml":""}}`, "id", "main")
	refused("rules", "main", `{}`, "files", "no file")
	refused("rules", "main", `{"files":{"../rules.yaml":""}}`, "files.../rules.yaml", "not a name")
	refused("rules", "main", `{"files":{"rules.exe":""}}`, "files.rules.exe", "not a name")
	taken("rules", "main", `{"files":{"rules.yaml":"zone: Asia/Shanghai\n","sub/tags.yml":""}}`)
	refused("list", "internal", `{"identities":["u1"]}`, "identities.0", "namespace:value")
	taken("list", "internal", `{"identities":["user_id:u1"]}`)
	refused("rules", "main", `{"files":{"rules.yaml":"`+strings.Repeat("x", 1<<20)+`"}}`, "", "at most")
}

func TestValidatorsJudgeBeforeAnythingIsWritten(t *testing.T) {
	c := streamtest.Start(t)
	opt := options(t, c)
	wrong := errors.New("rules.yaml:3:5: unknown measure 近7天")
	opt.Validate = map[string]func(json.RawMessage) error{defs.KindRules: func(b json.RawMessage) error {
		if strings.Contains(string(b), "bad") {
			return wrong
		}
		return nil
	}}
	s, err := defs.Open(t.Context(), opt)
	require.NoError(t, err)
	_, err = s.Put(t.Context(), defs.Put{Kind: defs.KindRules, ID: defs.RulesID, Body: json.RawMessage(`{"files":{"rules.yaml":"bad"}}`)})
	require.ErrorIs(t, err, defs.ErrInvalid)
	require.ErrorIs(t, err, wrong, "the validator's own error can be had")
	require.Empty(t, topic(t, c))
	put(t, s, defs.KindRules, defs.RulesID, `{"files":{"rules.yaml":"good"}}`, defs.ExpectNone)
}
