package ingest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/libs/store/storetest"
	"github.com/tagwire/tagwire/libs/stream/streamtest"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest"
)

const testKey = "wk_test"

// rig is a collector on a Kafka, a Redis and definitions of its own.
type rig struct {
	t     *testing.T
	kafka *streamtest.Kafka
	redis *storetest.Fake
	keys  *seal.Keys
	defs  *defs.Store
	c     *ingest.Collector
	web   *httptest.Server
	reg   *prometheus.Registry
	mu    sync.Mutex
	at    time.Time
	stop  func()
	cfg   ingest.Config

	schema *jsonschema.Schema
}

func (g *rig) now() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.at.IsZero() {
		return time.Now()
	}
	return g.at
}

// setClock stops the collector's clock at a moment.
func (g *rig) setClock(at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.at = at
}

func newRig(t *testing.T, adjust ...func(*ingest.Config)) *rig {
	t.Helper()
	g := &rig{t: t, kafka: streamtest.StartKafka(t), redis: storetest.Start(t)}
	master, err := seal.NewMaster(bytes.Repeat([]byte{7}, seal.KeySize))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	log := zap.NewNop()
	g.keys, err = seal.OpenKeys(ctx, seal.KeysOptions{Stream: g.kafka.Client, Redis: g.redis.Client, Master: master, Log: log})
	require.NoError(t, err)
	g.defs, err = defs.Open(ctx, defs.Options{Stream: g.kafka.Client, Master: master, Writer: "test", Log: log})
	require.NoError(t, err)
	g.cfg = ingest.Config{WriteKey: testKey, CORSOrigins: []string{"*"}, RawPartitions: streamtest.Raw, SpoolDir: t.TempDir()}
	for _, f := range adjust {
		f(&g.cfg)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas.EventSchema()))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("event.schema.json", doc))
	g.schema, err = compiler.Compile("event.schema.json")
	require.NoError(t, err)
	g.start()
	t.Cleanup(func() { g.stop() })
	return g
}

// start makes the collector, as a process that starts does; stop ends it.
func (g *rig) start() {
	g.t.Helper()
	g.reg = prometheus.NewRegistry()
	var err error
	g.c, err = ingest.New(ingest.Options{
		Stream: g.kafka.Connect(g.t), Keys: g.keys, Defs: g.defs, Redis: g.redis.Client, Config: g.cfg,
		Log: zaptest.NewLogger(g.t, zaptest.Level(zap.ErrorLevel)), Metrics: g.reg, Clock: g.now,
	})
	require.NoError(g.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.c.Run(ctx) }()
	g.web = httptest.NewServer(g.c.Handler())
	var once sync.Once
	g.stop = func() {
		once.Do(func() {
			g.web.Close()
			cancel()
			require.NoError(g.t, <-done)
		})
	}
}

func (g *rig) define(kind, id string, body any) {
	g.t.Helper()
	b, err := json.Marshal(body)
	require.NoError(g.t, err)
	ctx, cancel := context.WithTimeout(g.t.Context(), 10*time.Second)
	defer cancel()
	_, err = g.defs.Put(ctx, defs.Put{Kind: kind, ID: id, Expect: defs.ExpectAny, Author: "test", Body: b})
	require.NoError(g.t, err)
}

type response struct {
	*http.Response
	text string
}

func (r response) verdict(t *testing.T) (v struct {
	Accepted int
	Rejected []struct {
		Index   int
		EventID string `json:"event_id"`
		Reason  schemas.Reason
		Detail  string
	}
	Ignored int
	Reason  string
},
) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(r.text), &v), r.text)
	return v
}

// send makes a request; header is name, value, name, value.
func (g *rig) send(method, path, body string, header ...string) response {
	g.t.Helper()
	req, err := http.NewRequestWithContext(g.t.Context(), method, g.web.URL+path, strings.NewReader(body))
	require.NoError(g.t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	require.NoError(g.t, err)
	b, err := io.ReadAll(res.Body)
	require.NoError(g.t, err)
	require.NoError(g.t, res.Body.Close())
	return response{res, string(b)}
}

// post sends as the default source.
func (g *rig) post(path, body string) response {
	g.t.Helper()
	return g.send("POST", path, body, "Authorization", basic(testKey), "Content-Type", "application/json")
}

func basic(key string) string {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(key, "")
	return r.Header.Get("Authorization")
}

// raw reads all events that lie in `raw` now, opened, in the order of each
// partition.
func (g *rig) raw() []*event.Event {
	g.t.Helper()
	var out []*event.Event
	for _, value := range g.topic(schemas.TopicRaw, streamtest.Raw) {
		plain, err := g.keys.OpenDay(g.t.Context(), value)
		require.NoError(g.t, err)
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(plain))
		require.NoError(g.t, err)
		require.NoError(g.t, g.schema.Validate(v), "what is written fits the schema")
		e, err := event.Decode(plain)
		require.NoError(g.t, err)
		out = append(out, e)
	}
	return out
}

func (g *rig) topic(name string, partitions int) [][]byte {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), 20*time.Second)
	defer cancel()
	ends, err := g.kafka.Ranges(ctx, name, partitions)
	require.NoError(g.t, err)
	var out [][]byte
	for p, r := range ends {
		for at := r.First; at < r.End; {
			b, err := g.kafka.Fetch(ctx, name, p, at, time.Second)
			require.NoError(g.t, err)
			for _, rec := range b.Records {
				out = append(out, rec.Value)
			}
			at = b.Next
		}
	}
	return out
}

// rawWhen waits until `raw` holds n events.
func (g *rig) rawWhen(n int) []*event.Event {
	g.t.Helper()
	var got []*event.Event
	require.Eventually(g.t, func() bool { got = g.raw(); return len(got) >= n }, 15*time.Second, 20*time.Millisecond, "%d events in raw", n)
	require.Len(g.t, got, n)
	return got
}

// rejectedWhen waits until `rejected` holds n records.
func (g *rig) rejectedWhen(n int) []event.Rejected {
	g.t.Helper()
	var out []event.Rejected
	require.Eventually(g.t, func() bool {
		out = nil
		for _, v := range g.topic(schemas.TopicRejected, streamtest.Raw) {
			var r event.Rejected
			require.NoError(g.t, json.Unmarshal(v, &r))
			out = append(out, r)
		}
		return len(out) >= n
	}, 15*time.Second, 20*time.Millisecond, "%d records in rejected", n)
	require.Len(g.t, out, n)
	return out
}
