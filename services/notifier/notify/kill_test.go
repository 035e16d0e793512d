package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

// childVariable makes a test binary a notifier: its value is a childSetup.
const childVariable = "TAGWIRE_TEST_NOTIFIER"

type childSetup struct {
	Brokers         []string
	Redis, Password string
	Webhook         string
}

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		fmt.Fprintln(os.Stderr, "notifier:", child(text))
		os.Exit(1)
	}
	embeddedtest.Main(m)
}

type openNothing struct{}

func (openNothing) OpenText(_ context.Context, s string) (string, error) { return s, nil }

// child is a notifier process; it ends by being killed.
func child(text string) error {
	var c childSetup
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	kafka, err := stream.New(stream.Config{Brokers: c.Brokers}, zap.NewNop())
	if err != nil {
		return err
	}
	body, err := json.Marshal(defs.Route{Channels: []defs.RouteChannel{{Kind: defs.RouteWebhook, Name: "crm", URL: c.Webhook}}})
	if err != nil {
		return err
	}
	book := &book{changed: make(chan struct{}), list: []defs.Def{{Kind: defs.KindRoute, ID: "main", Version: 1, Body: body}}}
	cfg := config.Default()
	cfg.Notify.PrivateTargets = []string{"127.0.0.0/8"}
	n, err := New(Options{
		Stream: kafka, Redis: redis.NewClient(&redis.Options{Addr: c.Redis, Password: c.Password, DisableIdentity: true}),
		Defs: book, Keys: openNothing{}, Log: zap.NewNop(), Metrics: prometheus.NewRegistry(), Config: cfg,
	})
	if err != nil {
		return err
	}
	return n.Run(context.Background())
}

// A notifier process is killed at random moments on the real engine and a Kafka
// on disk, and started again: each alert is in the inbox once, told once, and
// out at least once; only what was under way at a kill may repeat.
func TestKill9(t *testing.T) {
	const kills, alerts = 3, 390
	p := embeddedtest.Start(t, embeddedtest.Kafka, embeddedtest.Redis)
	kafka, err := stream.New(stream.Config{Brokers: p.KafkaBrokers}, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(kafka.Close)
	cfg := config.Default()
	require.NoError(t, kafka.EnsureTopics(t.Context(), schemas.Topics(cfg.Shards, cfg.RawPartitions)))
	rdb := redis.NewClient(&redis.Options{Addr: p.RedisAddr, Password: p.RedisPassword, DisableIdentity: true})
	t.Cleanup(func() { _ = rdb.Close() })
	hook := newReceiver(t)
	setup, err := json.Marshal(childSetup{p.KafkaBrokers, p.RedisAddr, p.RedisPassword, hook.URL})
	require.NoError(t, err)
	start := func() *exec.Cmd {
		self, err := os.Executable()
		require.NoError(t, err)
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), childVariable+"="+string(setup))
		cmd.Stderr = os.Stderr
		require.NoError(t, cmd.Start())
		return cmd
	}
	run := fmt.Sprintf("%x-", time.Now().UnixNano()) // the parts are shared with other runs
	toldBefore := told(t, rdb, cfg.Shards)
	raise := func(from, to int) {
		for n := from; n < to; n++ {
			at := event.At(time.Now())
			b, err := event.EncodeJSON(event.Alert{AlertID: fmt.Sprintf("%s%04d", run, n), Profile: fmt.Sprintf("p%d", n), Title: "询价", RaisedAt: at, ReceivedAt: at})
			require.NoError(t, err)
			_, err = kafka.Publish(t.Context(), schemas.TopicAlerts, n%cfg.Shards, []stream.Message{{Value: b}})
			require.NoError(t, err)
		}
	}
	box := inbox.New(rdb, cfg.Shards, zap.NewNop())
	for k := range kills {
		cmd := start()
		raise(k*alerts/kills, (k+1)*alerts/kills)
		before := len(hook.all())
		enough := before + 1 + rand.IntN(60) // deaths at different moments of the work
		require.Eventually(t, func() bool { return len(hook.all()) >= enough }, 40*time.Second, time.Millisecond)
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait() // killed
	}
	last := start()
	sent := func() int {
		page, err := box.List(t.Context(), inbox.Query{Limit: inbox.MaxLimit})
		require.NoError(t, err)
		n := 0
		for _, a := range page.Alerts {
			if strings.HasPrefix(a.AlertID, run) && len(a.Deliveries) == 1 && a.Deliveries[0].State == inbox.Sent {
				n++
			}
		}
		return n
	}
	require.Eventually(t, func() bool { return sent() == alerts }, 60*time.Second, 50*time.Millisecond, "all are sent")
	require.NoError(t, last.Process.Kill())
	_ = last.Wait() // killed

	require.EqualValues(t, alerts, told(t, rdb, cfg.Shards)-toldBefore, "each alert is told once")
	requireOut(t, hook, alerts, kills)
}

// told is how many updates the inbox has told.
func told(t *testing.T, rdb redis.UniversalClient, shards int) int64 {
	t.Helper()
	var told int64
	for part := range shards {
		n, err := rdb.XLen(t.Context(), fmt.Sprintf("tw:inbox:{%d}:log", part)).Result()
		require.NoError(t, err)
		told += n
	}
	return told
}

// requireOut says that each alert is out, with few repeats.
func requireOut(t *testing.T, hook *receiver, alerts, kills int) {
	t.Helper()
	count := map[string]int{}
	for _, g := range hook.all() {
		var b struct {
			ID string `json:"alert_id"`
		}
		require.NoError(t, json.Unmarshal([]byte(g.body), &b))
		count[b.ID]++
	}
	require.Len(t, count, alerts, "each alert is out")
	repeats := 0
	for _, n := range count {
		repeats += n - 1
	}
	require.LessOrEqual(t, repeats, kills*4, "only what was under way at a kill, four at a time, may repeat")
}
