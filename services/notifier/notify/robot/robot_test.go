package robot_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/services/notifier/notify/message"
	"github.com/tagwire/tagwire/services/notifier/notify/robot"
)

type sealed struct{ message.Opener }

func build(t *testing.T, to ...message.Recipient) *message.Message {
	t.Helper()
	b := message.Builder{Keys: sealed{}}
	m, err := b.Build(t.Context(), "d1", &inbox.Alert{AlertID: "a1b2c3d4e5", Number: "A1B2C3D4", Title: "询价", Severity: "medium"}, to)
	require.NoError(t, err)
	return m
}

func TestTheBodyIsTheAnswer(t *testing.T) {
	var status int
	var body, path string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.String()
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer srv.Close()
	r := robot.Robot{Client: srv.Client(), Base: srv.URL}
	f := func(code int, text string, permanent bool, after time.Duration) {
		t.Helper()
		status, body = code, text
		err := r.Send(t.Context(), message.Address{URL: "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=K"}, build(t))
		require.Error(t, err)
		got := message.AsFailure(err)
		require.Equal(t, permanent, got.Permanent)
		require.Equal(t, after, got.RetryAfter)
	}
	f(200, `{"errcode":45009,"errmsg":"api freq out of limit"}`, false, time.Minute)
	f(200, `{"errcode":93000,"errmsg":"invalid webhook url"}`, true, 0)
	f(200, `{"errcode":44004,"errmsg":"empty content"}`, true, 0)
	f(200, `{"errcode":-1,"errmsg":"system busy"}`, false, 0)
	f(200, `<html>`, false, 0)
	f(200, `{}`, false, 0)
	f(500, `{"errcode":0}`, false, 0)
	require.Equal(t, "/cgi-bin/webhook/send?key=K", path, "WeCom's own address goes to the configured base")

	status, body = 200, `{"errcode":0,"errmsg":"ok"}`
	require.NoError(t, r.Send(t.Context(), message.Address{URL: "K 2"}, build(t)))
	require.Equal(t, "/cgi-bin/webhook/send?key=K+2", path, "the key alone will do")
	require.NoError(t, r.Send(t.Context(), message.Address{URL: srv.URL + "/own?key=3"}, build(t)))
	require.Equal(t, "/own?key=3", path)
}

func TestMentions(t *testing.T) {
	f := func(want string, to ...message.Recipient) {
		t.Helper()
		b, err := json.Marshal(robot.Payload(build(t, to...)))
		require.NoError(t, err)
		require.Contains(t, string(b), want)
	}
	f(`"msgtype":"markdown"`)
	f(`\u003c@wang\u003e`, message.Recipient{ID: "w", WeComUserID: "wang"})
	f(`"mentioned_mobile_list":["13800001111"]`, message.Recipient{ID: "w", WeComUserID: "wang"}, message.Recipient{ID: "l", Mobile: "13800001111"})
	f(`"mentioned_list":["wang"]`, message.Recipient{ID: "w", WeComUserID: "wang"}, message.Recipient{ID: "l", Mobile: "13800001111"})
	f(`负责人：nobody-defined`, message.Recipient{ID: "nobody-defined"})
}
