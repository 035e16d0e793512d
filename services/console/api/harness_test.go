package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/services/console/api"
	"github.com/tagwire/tagwire/services/console/consoletest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

const token = "adm_test"

// rig is an API over a world of its own.
type rig struct {
	*consoletest.World
	t   *testing.T
	url string
	api *api.API
	reg *prometheus.Registry
}

func start(t *testing.T, adjust ...func(*api.Options)) *rig {
	t.Helper()
	w := consoletest.Start(t)
	g := &rig{World: w, t: t, reg: prometheus.NewRegistry()}
	health, err := telemetry.NewHealth(telemetry.HealthOptions{Log: zap.NewNop(), Registerer: g.reg})
	require.NoError(t, err)
	o := api.Options{
		Stream: w.Kafka.Client, Redis: w.Redis, Defs: w.Defs, Keys: w.Keys, Inbox: w.Inbox, Config: api.Config{AdminToken: token},
		Shards: consoletest.Shards, RawPartitions: consoletest.Raw, Log: zap.NewNop(), Registerer: g.reg, Health: health,
	}
	for _, f := range adjust {
		f(&o)
	}
	g.api, err = api.New(o)
	require.NoError(t, err)
	server := httptest.NewServer(g.api.Handler())
	g.url = server.URL
	w.Go(g.api.Run)
	t.Cleanup(func() {
		server.CloseClientConnections() // streams
		server.Close()
	})
	return g
}

type answer struct {
	t      *testing.T
	Code   int
	Header http.Header
	Text   string
}

// into decodes the answer.
func (a answer) into(v any) {
	a.t.Helper()
	require.NoError(a.t, json.Unmarshal([]byte(a.Text), v), a.Text)
}

// fields is the answer as an object.
func (a answer) fields() map[string]any {
	a.t.Helper()
	var m map[string]any
	a.into(&m)
	return m
}

// do makes a request with the admin token; header is name, value, and so on.
func (g *rig) do(method, path, body string, header ...string) answer {
	g.t.Helper()
	return g.raw(method, "/api/v1"+path, body, append([]string{"Authorization", "Bearer " + token}, header...)...)
}

func (g *rig) raw(method, path, body string, header ...string) answer {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), method, g.url+path, strings.NewReader(body))
	require.NoError(g.t, err)
	if body != "" && strings.HasPrefix(body, "{") {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(g.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(g.t, err)
	return answer{g.t, res.StatusCode, res.Header, string(b)}
}

func (g *rig) putRules(text string, header ...string) answer {
	g.t.Helper()
	return g.do("PUT", "/rules", text, append([]string{"Content-Type", "application/yaml"}, header...)...)
}

// message is one of an event stream.
type message struct{ id, event, data string }

// listen opens an event stream and gives its messages until the test ends.
func (g *rig) listen(path string, header ...string) <-chan message {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), "GET", g.url+"/api/v1"+path, nil)
	require.NoError(g.t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(g.t, err)
	require.Equal(g.t, http.StatusOK, res.StatusCode)
	require.Contains(g.t, res.Header.Get("Content-Type"), "text/event-stream")
	out := make(chan message, 100)
	g.Go(func(ctx context.Context) error {
		defer res.Body.Close()
		stop := context.AfterFunc(ctx, func() { _ = res.Body.Close() })
		defer stop()
		var m message
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 4<<20)
		for lines.Scan() {
			line := lines.Text()
			name, value, _ := strings.Cut(line, ": ")
			switch {
			case line == "" && m != message{}:
				if m.data != "" || m.event != "" {
					out <- m
				}
				m = message{}
			case name == "id":
				m.id = value
			case name == "event":
				m.event = value
			case name == "data":
				m.data = value
			}
		}
		return nil
	})
	return out
}

// next waits for a message that fits.
func next(t *testing.T, from <-chan message, fits func(message) bool) message {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case m := <-from:
			if fits(m) {
				return m
			}
		case <-deadline:
			require.Fail(t, "no such message came in time")
		}
	}
}

const shopRules = `keywords:
  询价: {words: [价格, 多少钱, 报价], from: customer}
measures:
  近7天打开次数: {count: [link.open, file.open], within: 7d}
  净消费: {sum: order.pay, of: event.amount, minus: order.refund}
  订单数: {count: order.pay}
tags:
  高意向:
    group: 意向
    when: 近7天打开次数 >= 3
    lasts: 7d
    alert: {severity: high, title: "{{name}} 打开 {{近7天打开次数}} 次"}
  询价: {group: 关键词, event: chat.message, when: 'keyword("询价")', lasts: 30d}
  会员等级:
    group: 等级
    choose:
      - {tag: 黄金, when: 净消费 >= 10000}
      - {tag: 普通, when: 净消费 > 0}
stages:
  - {name: 潜在, start: true}
  - {name: 新, when: 订单数 >= 1}
`
