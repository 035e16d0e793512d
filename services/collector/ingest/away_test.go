package ingest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tagwire/tagwire/libs/auth"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/services/collector/ingest"
)

// how Kafka fails to acknowledge.
type failure int

const (
	hang failure = iota // no answer
	cut                 // the connection ends
)

// breakProduce makes every produce request fail until the function it returns
// is called.
func (g *rig) breakProduce(how failure) (mend func()) {
	var mended atomic.Bool
	g.kafka.Cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		g.kafka.Cluster.KeepControl()
		if mended.Load() {
			return nil, nil, false
		}
		if how == cut {
			return nil, errors.New("kafka is away"), true
		}
		return nil, nil, true
	})
	return func() { mended.Store(true) }
}

func (g *rig) hook(secret, body string) response {
	g.t.Helper()
	return g.send("POST", "/in/webhook/form", body, auth.SignatureHeader, auth.Sign(secret, []byte(body), g.now()))
}

func formSource(g *rig) {
	g.define("source", "form", map[string]any{"kind": "webhook", "secret": "s3cret-s3cret"})
}

func submission(n int) string {
	return fmt.Sprintf(`{"event_id":"f%d","type":"form.submit","user_id":"u","properties":{"n":%d}}`, n, n)
}

func TestKafkaAwayClientsGet503AndLoseNothing(t *testing.T) {
	g := newRig(t)
	require.Equal(t, 200, g.post("/v1/track", `{"userId":"u","event":"first","messageId":"m0"}`).StatusCode)
	mend := g.breakProduce(cut)
	for range 3 {
		res := g.post("/v1/track", `{"userId":"u","event":"second","messageId":"m1"}`)
		require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
		require.NotEmpty(t, res.Header.Get("Retry-After"))
	}
	ok, _, detail := g.c.Check(t.Context())
	require.False(t, ok)
	require.Contains(t, detail, "Kafka")
	mend()
	require.Eventually(t, func() bool {
		return g.post("/v1/track", `{"userId":"u","event":"second","messageId":"m1"}`).StatusCode == 200
	}, 10*time.Second, 50*time.Millisecond)
	require.Len(t, g.raw(), 2)
	require.Eventually(t, func() bool { ok, _, _ := g.c.Check(t.Context()); return ok }, 10*time.Second, 20*time.Millisecond)
}

func TestKafkaAwayFormsAreSpooledAndSentOnInOrderOnce(t *testing.T) {
	g := newRig(t)
	formSource(g)
	require.Equal(t, 200, g.hook("s3cret-s3cret", submission(0)).StatusCode)
	mend := g.breakProduce(cut)
	before := event.At(time.Now())
	for n := 1; n <= 20; n++ {
		res := g.hook("s3cret-s3cret", submission(n))
		require.Equal(t, 200, res.StatusCode, res.text)
		if n == 1 {
			said, err := strconv.ParseInt(g.spooledSince(), 10, 64)
			require.NoError(t, err, "announced before the first is acknowledged")
			require.GreaterOrEqual(t, event.Time(said), before)
			require.LessOrEqual(t, event.Time(said), event.At(time.Now()))
		}
	}
	_, lag, detail := g.c.Check(t.Context())
	require.Contains(t, detail, "20")
	require.GreaterOrEqual(t, lag, 0.0)
	require.Len(t, g.raw(), 1)
	mend()
	got := g.rawWhen(21)
	for n, e := range got {
		require.Equal(t, fmt.Sprintf("f%d", n), e.EventID)
	}
	require.Eventually(t, func() bool { return g.spooledSince() == "" }, 10*time.Second, 20*time.Millisecond, "taken back when all is sent")
	require.Eventually(t, func() bool { ok, _, d := g.c.Check(t.Context()); return ok && d == "" }, 10*time.Second, 20*time.Millisecond)
}

// spooledSince is what the announcement in Redis says.
func (g *rig) spooledSince() string {
	g.t.Helper()
	for _, k := range g.redis.Keys() {
		if strings.HasPrefix(k, "tw:spool:") {
			v, err := g.redis.Get(k)
			require.NoError(g.t, err)
			return v
		}
	}
	return ""
}

// WeCom gives up after five seconds and sends no callback again for long: while
// Kafka is away it is answered in time, from the spool, and each callback reaches
// `raw` once and in order; where the spool cannot take it the answer is an error,
// so that WeCom tries again, which is the same event.
func TestKafkaAwayWeComCallbacksAreSpooledOrSentAgain(t *testing.T) {
	for name, how := range map[string]failure{"it is gone": cut, "it does not answer": hang} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t)
			shop(g)
			require.Equal(t, 200, g.callback(added("ch_7")).StatusCode)
			require.Len(t, g.rawWhen(1), 1)
			mend := g.breakProduce(how)
			const patience = 5 * time.Second // of WeCom
			for n := range 3 {
				began := time.Now()
				res := g.callback(added(fmt.Sprintf("away_%d", n)))
				require.Equal(t, 200, res.StatusCode, res.text)
				require.Empty(t, res.text, "WeCom wants nothing in the answer")
				require.Less(t, time.Since(began), patience)
			}
			require.Eventually(t, func() bool { // between two tries it cannot know
				ok, _, detail := g.c.Check(t.Context())
				return !ok && strings.Contains(detail, "3 events are spooled")
			}, 20*time.Second, 20*time.Millisecond)
			g.stop() // killed, or updated, before Kafka is back
			g.start()
			mend()
			for n, e := range g.rawWhen(4)[1:] {
				require.Equal(t, "contact.add", e.Type)
				require.Equal(t, fmt.Sprintf("away_%d", n), e.Properties["state"])
			}
		})
	}
	t.Run("the spool is full", func(t *testing.T) {
		g := newRig(t, func(c *ingest.Config) { c.SpoolBytes = 4096 })
		shop(g)
		mend := g.breakProduce(cut)
		var kept int
		var res response
		for res = g.callback(added("s0")); res.StatusCode == 200; res = g.callback(added(fmt.Sprint("s", kept))) {
			kept++
			require.Less(t, kept, 1000)
		}
		require.Equal(t, http.StatusServiceUnavailable, res.StatusCode, "no success: WeCom sends it again")
		require.NotEmpty(t, res.Header.Get("Retry-After"))
		mend()
		require.Eventually(t, func() bool { return g.callback(added(fmt.Sprint("s", kept))).StatusCode == 200 }, 10*time.Second, 50*time.Millisecond)
		got := g.rawWhen(kept + 1)
		require.Len(t, got, kept+1, "what was refused came once it was sent again")
	})
}

func TestSpooledEventsSurviveARestart(t *testing.T) {
	g := newRig(t)
	formSource(g)
	require.Equal(t, 200, g.hook("s3cret-s3cret", submission(0)).StatusCode)
	mend := g.breakProduce(cut)
	for n := 1; n <= 5; n++ {
		require.Equal(t, 200, g.hook("s3cret-s3cret", submission(n)).StatusCode)
	}
	g.stop()
	require.NotEmpty(t, g.spooledSince(), "the announcement outlives the process")
	g.start()
	require.Equal(t, 200, g.hook("s3cret-s3cret", submission(6)).StatusCode)
	mend()
	for n, e := range g.rawWhen(7) {
		require.Equal(t, fmt.Sprintf("f%d", n), e.EventID)
	}
}

func TestAFullSpoolIs503(t *testing.T) {
	g := newRig(t, func(c *ingest.Config) { c.SpoolBytes = 2000 })
	formSource(g)
	require.Equal(t, 200, g.hook("s3cret-s3cret", submission(0)).StatusCode)
	mend := g.breakProduce(cut)
	kept := 1
	for n := 1; ; n++ {
		res := g.hook("s3cret-s3cret", submission(n))
		if res.StatusCode != 200 {
			require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
			require.Equal(t, "30", res.Header.Get("Retry-After"))
			break
		}
		kept++
	}
	require.Greater(t, kept, 1)
	n, err := testutil.GatherAndCount(g.reg, "tagwire_collector_spool_bytes")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	mend()
	g.rawWhen(kept)
	require.Eventually(t, func() bool { return g.hook("s3cret-s3cret", submission(99)).StatusCode == 200 }, 10*time.Second, 50*time.Millisecond)
}

func TestRedisAwayStopsNobody(t *testing.T) {
	g := newRig(t)
	formSource(g)
	require.Equal(t, 200, g.post("/v1/track", `{"userId":"u","event":"x","messageId":"1"}`).StatusCode)
	g.redis.Close()
	require.Equal(t, 200, g.post("/v1/track", `{"userId":"u","event":"x","messageId":"2"}`).StatusCode)
	mend := g.breakProduce(cut)
	require.Equal(t, 200, g.hook("s3cret-s3cret", submission(1)).StatusCode, "kept, though the taggers could not be told")
	mend()
	g.rawWhen(3)
}

func TestAHangingKafkaIsA503(t *testing.T) {
	t.Parallel() // it waits for time-outs
	g := newRig(t)
	require.Equal(t, 200, g.post("/v1/track", `{"userId":"u","event":"x","messageId":"1"}`).StatusCode)
	mend := g.breakProduce(hang)
	res := g.post("/v1/track", `{"userId":"u","event":"x","messageId":"2"}`)
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	var p map[string]any
	require.NoError(t, json.Unmarshal([]byte(res.text), &p))
	require.Equal(t, "unavailable", p["code"])
	mend()
}
