package notify

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/libs/store/storetest"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/stream/streamtest"
	"github.com/tagwire/tagwire/schemas"
)

// wait bounds every waiting of the tests.
const wait = 15 * time.Second

// world is everything around a notifier.
type world struct {
	t       *testing.T
	kafka   *streamtest.Kafka
	redis   *storetest.Fake
	master  *seal.Master
	keys    *seal.Keys
	defs    *book
	box     *inbox.Inbox
	robot   *receiver
	webhook *receiver
	mail    *mailServer
	now     func() time.Time
	opts    Options
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, kafka: streamtest.StartKafka(t), redis: storetest.Start(t), now: time.Now, defs: &book{changed: make(chan struct{})}}
	var err error
	w.master, err = seal.NewMaster([]byte("0123456789abcdef0123456789abcdef"))
	require.NoError(t, err)
	w.keys, err = seal.OpenKeys(t.Context(), seal.KeysOptions{Stream: w.kafka.Client, Redis: w.redis.Client, Master: w.master, Log: zap.NewNop()})
	require.NoError(t, err)
	w.box = inbox.New(w.redis.Client, streamtest.Shards, zap.NewNop())
	w.robot, w.webhook, w.mail = newReceiver(t), newReceiver(t), newMailServer(t)
	w.robot.answer = func(int) (int, string) { return 200, `{"errcode":0,"errmsg":"ok"}` }
	cfg := config.Default()
	cfg.Shards = streamtest.Shards
	cfg.PublicURL = "https://scrm.example.com/"
	cfg.Notify.PrivateTargets = []string{"127.0.0.0/8"}
	cfg.Notify.Timeout = 5 * time.Second
	cfg.SMTP = config.SMTP{Host: "127.0.0.1", Port: w.mail.port, Security: "none", From: "tagwire@example.com"}
	w.opts = Options{
		Stream: w.kafka.Client, Redis: w.redis.Client, Defs: w.defs, Keys: w.keys, Log: zap.NewNop(), Config: cfg,
		Tick: 10 * time.Millisecond, Backoff: 5 * time.Millisecond, Clock: func() time.Time { return w.now() },
	}
	return w
}

// notifier makes one with the world's options and a registry of its own.
func (w *world) notifier(change ...func(*Options)) *Notifier {
	w.t.Helper()
	opts := w.opts
	opts.Metrics = prometheus.NewRegistry()
	for _, fn := range change {
		fn(&opts)
	}
	n, err := New(opts)
	require.NoError(w.t, err)
	return n
}

// noOffsets is a group that forgets.
type noOffsets struct{}

func (noOffsets) Commit(context.Context, string, map[int]stream.OffsetMeta) error { return nil }

// serve runs a generation that owns all partitions until stop is called.
func (w *world) serve(n *Notifier) (stop func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.generation(ctx, []int{0, 1, 2, 3}, noOffsets{}, func(err error) { w.t.Errorf("the notifier failed: %v", err) })
	}()
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); <-done }) }
	w.t.Cleanup(stop)
	return stop
}

// raise publishes records to a partition of the alerts.
func (w *world) raise(partition int, alerts ...*event.Alert) {
	w.t.Helper()
	var msgs []stream.Message
	for _, a := range alerts {
		b, err := event.EncodeJSON(a)
		require.NoError(w.t, err)
		msgs = append(msgs, stream.Message{Key: []byte(a.Profile), Value: b})
	}
	_, err := w.kafka.Publish(w.t.Context(), schemas.TopicAlerts, partition, msgs)
	require.NoError(w.t, err)
}

// alert is a new one, raised now.
func (w *world) alert(id string) *event.Alert {
	at := event.At(w.now())
	return &event.Alert{
		AlertID: id, Profile: "p0000001", Rule: "高意向", RuleVersion: 3, Tag: "高意向", Severity: "high",
		Title: "客户 近7天打开资料 3 次", Advice: "先问用途和预算", To: "owner", StaffID: "zhang", RaisedAt: at, ReceivedAt: at, Cause: "e1",
		Evidence: []event.Evidence{{EventID: "e1", Type: "link.open", Time: at, ObjectTitle: "报价单"}},
		Measures: map[string]string{"近7天打开次数": "3"},
	}
}

func action(id, verb, eventID string, more ...func(*event.AlertAction)) *event.Alert {
	a := &event.AlertAction{Verb: verb, By: "zhang", At: event.At(time.Now()), EventID: eventID}
	for _, fn := range more {
		fn(a)
	}
	return &event.Alert{AlertID: id, Profile: "p0000001", Action: a}
}

func (w *world) eventually(what string, fn func() bool) {
	w.t.Helper()
	require.Eventually(w.t, fn, wait, 5*time.Millisecond, what)
}

func (w *world) get(id string) *inbox.Alert {
	a, err := w.box.Get(w.t.Context(), id)
	if err != nil {
		return nil
	}
	return a
}

// allSent says that every delivery of an alert was made.
func (w *world) allSent(id string, channels int) bool {
	a := w.get(id)
	if a == nil || len(a.Deliveries) != channels {
		return false
	}
	for _, d := range a.Deliveries {
		if d.State != inbox.Sent {
			return false
		}
	}
	return true
}

// records reads a partition of the alerts' log.
func (w *world) records(partition int) []event.Alert {
	w.t.Helper()
	var out []event.Alert
	b, err := w.kafka.Fetch(w.t.Context(), schemas.TopicAlerts, partition, 0, time.Millisecond)
	require.NoError(w.t, err)
	for _, r := range b.Records {
		var a event.Alert
		require.NoError(w.t, json.Unmarshal(r.Value, &a))
		out = append(out, a)
	}
	return out
}

// book is a set of definitions that a test writes.
type book struct {
	mu      sync.Mutex
	list    []defs.Def
	changed chan struct{}
}

func (b *book) put(t *testing.T, kind, id string, body any) {
	t.Helper()
	text, err := json.Marshal(body)
	require.NoError(t, err)
	b.mu.Lock()
	defer b.mu.Unlock()
	kept := b.list[:0:0]
	for _, d := range b.list {
		if d.Kind != kind || d.ID != id {
			kept = append(kept, d)
		}
	}
	b.list = append(kept, defs.Def{Kind: kind, ID: id, Version: 1, Body: text})
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *book) Get(kind, id string) (defs.Def, bool) {
	for _, d := range b.List(kind) {
		if d.ID == id {
			return d, true
		}
	}
	return defs.Def{}, false
}

func (b *book) List(kind string) []defs.Def {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []defs.Def
	for _, d := range b.list {
		if d.Kind == kind {
			out = append(out, d)
		}
	}
	return out
}

func (b *book) Changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}
