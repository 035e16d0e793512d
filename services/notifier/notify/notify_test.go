package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/auth"
	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/notifier/notify/webhook"
)

// channels defines the route "main" with all three.
func (w *world) channels() {
	w.defs.put(w.t, defs.KindStaff, "zhang", defs.Staff{Name: "张经理", Email: "zhang@example.com", WeComUserID: "ZhangJL"})
	w.defs.put(w.t, defs.KindRoute, "main", defs.Route{Channels: []defs.RouteChannel{
		{Kind: defs.RouteRobot, Name: "群", URL: w.robot.URL + "/cgi-bin/webhook/send?key=k"},
		{Kind: defs.RouteEmail, Name: "邮件"},
		{Kind: defs.RouteWebhook, Name: "crm", URL: w.webhook.URL + "/hook", Secret: "s3cret"},
	}})
}

func (w *world) robotOnly() {
	w.defs.put(w.t, defs.KindRoute, "main", defs.Route{Channels: []defs.RouteChannel{
		{Kind: defs.RouteRobot, Name: "群", URL: w.robot.URL + "/cgi-bin/webhook/send?key=k"},
	}})
}

func TestAnAlertIsInTheInboxAndOutOnEachChannel(t *testing.T) {
	w := newWorld(t)
	w.channels()
	n := w.notifier()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }() // through the consumer group, as in production
	sealed, err := w.keys.SealText(t.Context(), "p0000001", "张三丰")
	require.NoError(t, err)
	a := w.alert("4f9a01bc77aa")
	a.Title = sealed + " 近7天打开资料 3 次"
	w.raise(2, a)
	w.eventually("all three channels", func() bool { return w.allSent(a.AlertID, 3) })

	got := w.get(a.AlertID)
	require.Equal(t, inbox.Open, got.State)
	require.Equal(t, "zhang", got.StaffID)
	require.Equal(t, "4F9A01BC", got.Number)
	require.True(t, seal.Sealed(got.Title), "the inbox keeps the name sealed")

	require.Len(t, w.robot.all(), 1)
	robot := w.robot.all()[0].body
	require.Contains(t, robot, "张**")
	require.Contains(t, robot, "4F9A01BC")
	require.Contains(t, robot, "ZhangJL")
	require.Contains(t, robot, "https://scrm.example.com/#/alerts/4f9a01bc77aa")

	require.Len(t, w.mail.all(), 1)
	require.Contains(t, w.mail.all()[0].to[0], "zhang@example.com")

	require.Len(t, w.webhook.all(), 1)
	hook := w.webhook.all()[0]
	require.NoError(t, auth.VerifySignature("s3cret", hook.header.Get(auth.SignatureHeader), []byte(hook.body), time.Now()))
	var body webhook.Body
	require.NoError(t, json.Unmarshal([]byte(hook.body), &body))
	require.Equal(t, "张** 近7天打开资料 3 次", body.Title)
	require.Equal(t, hook.header.Get(webhook.DeliveryHeader), body.Delivery)
	for _, text := range []string{robot, hook.body, w.mail.all()[0].data} {
		require.NotContains(t, text, "三丰", "no name leaves in clear")
		require.NotContains(t, text, "⟦")
	}

	w.eventually("history is told of the deliveries", func() bool {
		told := map[string]bool{}
		for _, r := range w.records(2) {
			if r.Action != nil && r.Action.Verb == inbox.VerbDelivered && r.AlertID == a.AlertID && r.Action.EventID == r.Cause {
				told[r.Action.By] = true
			}
		}
		return told["main/群"] && told["main/邮件"] && told["main/crm"]
	})
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
}

func TestWhatComesTwiceIsOnce(t *testing.T) {
	w := newWorld(t)
	w.robotOnly()
	stop := w.serve(w.notifier())
	a, claim := w.alert("a1"), action("a1", inbox.VerbClaim, "c1")
	w.raise(0, a, a, claim, claim, a)
	w.eventually("claimed and sent", func() bool { return w.allSent("a1", 1) && w.get("a1").State == inbox.Claimed })
	stop()
	w.serve(w.notifier())
	w.raise(0, a, claim, w.alert("a2"))
	w.eventually("what follows", func() bool { return w.allSent("a2", 1) })

	page, err := w.box.List(t.Context(), inbox.Query{})
	require.NoError(t, err)
	require.Len(t, page.Alerts, 2)
	require.Equal(t, inbox.Claimed, w.get("a1").State)
	require.Equal(t, 1, w.robot.count("/#/alerts/a1)"), "sent once")
	log, err := w.redis.Client.XRange(t.Context(), "tw:inbox:{0}:log", "-", "+").Result()
	require.NoError(t, err)
	told := 0
	for _, m := range log {
		told += strings.Count(m.Values["a"].(string), `"alert_id":"a1"`)
	}
	require.LessOrEqual(t, told, 2, "told when it came and when it was claimed, not for repeats")
}

// A process dies at its n-th command to Redis, before or after Redis did it; the
// next one goes on. Whatever n is, the end is the same.
func TestDeathAtAnyStepLosesAndDoublesNothing(t *testing.T) {
	for _, late := range []bool{false, true} {
		survived := false
		for n := 1; !survived; n++ {
			require.Less(t, n, 200, "the scenario does not end")
			survived = w0(t, n, late)
		}
	}
}

// w0 is the scenario with a death at command n. It reports whether the process
// lived to the end.
func w0(t *testing.T, n int, late bool) (survived bool) {
	w := newWorld(t)
	w.channels()
	w.raise(1, w.alert("a1"), action("a1", inbox.VerbClaim, "c1"), w.alert("a2"))
	finished := func() bool {
		return w.allSent("a1", 3) && w.allSent("a2", 3) && w.get("a1").State == inbox.Claimed &&
			len(w.records(1)) >= 3+6 && w.redis.Exists("tw:inbox:{1}:out") == false
	}
	death := &redisDeath{left: n, late: late}
	client := storeConnect(t, w.redis.Addr())
	client.AddHook(death)
	ctx, cancel := context.WithCancel(t.Context())
	death.died = cancel
	first := w.notifier(func(o *Options) { o.Redis = client; o.Tick = time.Hour })
	done := make(chan struct{})
	go func() {
		defer close(done)
		first.generation(ctx, []int{1}, noOffsets{}, func(error) {})
	}()
	w.eventually(fmt.Sprintf("the end or death at command %d, late %v", n, late), func() bool { return ctx.Err() != nil || finished() })
	survived = ctx.Err() == nil
	cancel()
	<-done

	stop := w.serve(w.notifier())
	w.eventually(fmt.Sprintf("after death at command %d", n), finished)
	stop()
	page, err := w.box.List(t.Context(), inbox.Query{})
	require.NoError(t, err)
	require.Len(t, page.Alerts, 2)
	for _, a := range page.Alerts {
		for name, sent := range map[string]int{
			"robot":   w.robot.count("/#/alerts/" + a.AlertID + ")"),
			"webhook": w.webhook.count(`"alert_id":"` + a.AlertID + `"`),
		} {
			require.GreaterOrEqual(t, sent, 1, "%s: %s", name, a.AlertID)
			require.LessOrEqual(t, sent, 2, "%s: one repeat for one death", name)
			if survived {
				require.Equal(t, 1, sent, "%s: no repeat without a death", name)
			}
		}
	}
	log, err := w.redis.Client.XLen(t.Context(), "tw:inbox:{1}:log").Result()
	require.NoError(t, err)
	require.EqualValues(t, 2, log, "each alert is told once")
	return survived
}

func TestADeadChannelDelaysNoOther(t *testing.T) {
	w := newWorld(t)
	w.channels()
	release := make(chan struct{})
	w.webhook.set(func(int) (int, string) { <-release; return 500, "" }) // takes the request and never answers
	defer close(release)
	w.serve(w.notifier())
	const many = 15
	for n := range many {
		w.raise(n%4, w.alert(fmt.Sprintf("a%d", n)))
	}
	w.eventually("robot and mail have all", func() bool { return len(w.robot.all()) == many && len(w.mail.all()) == many })
	for n := range many {
		for _, d := range w.get(fmt.Sprintf("a%d", n)).Deliveries {
			if d.Kind == defs.RouteWebhook {
				require.NotEqual(t, inbox.Sent, d.State)
			}
		}
	}
}

func TestARobotGetsTwentyAMinute(t *testing.T) {
	w := newWorld(t)
	w.robotOnly()
	at := time.Now()
	w.redis.SetTime(at)
	stop := w.serve(w.notifier())
	var list []*event.Alert
	for n := range 23 {
		list = append(list, w.alert(fmt.Sprintf("a%02d", n)))
	}
	w.raise(0, list...)
	w.eventually("twenty, and noted: what was sent and not noted is sent again", func() bool {
		noted := 0
		for _, a := range list {
			if x := w.get(a.AlertID); x != nil && len(x.Deliveries) == 1 && x.Deliveries[0].State == inbox.Sent {
				noted++
			}
		}
		return noted == 20
	})
	require.Len(t, w.robot.all(), 20)
	stop() // a restart earns no turns
	w.serve(w.notifier())
	w.raise(1, w.alert("b"))
	w.eventually("the next one waits", func() bool { return w.get("b") != nil })
	require.Len(t, w.robot.all(), 20)
	w.redis.SetTime(at.Add(61 * time.Second))
	w.redis.FastForward(61 * time.Second)
	w.eventually("the rest", func() bool { return len(w.robot.all()) == 24 })
	require.Equal(t, 1, w.robot.count("/#/alerts/b)"))
}

func TestARobotIsJudgedByItsBody(t *testing.T) {
	w := newWorld(t)
	w.robotOnly()
	w.robot.set(func(n int) (int, string) {
		if n == 0 {
			return 200, `{"errcode":-1,"errmsg":"system busy"}`
		}
		return 200, `{"errcode":93000,"errmsg":"invalid webhook url"}`
	})
	w.serve(w.notifier())
	w.raise(0, w.alert("a1"))
	w.eventually("refused for good", func() bool {
		a := w.get("a1")
		return a != nil && a.Deliveries[0].State == inbox.Dead
	})
	d := w.get("a1").Deliveries[0]
	require.Equal(t, 2, d.Tries)
	require.Contains(t, d.Error, "93000")
	require.NotContains(t, d.Error, "key=")

	// it is kept, shown, and sent when someone asks
	w.robot.set(func(int) (int, string) { return 200, `{"errcode":0,"errmsg":"ok"}` })
	require.ErrorIs(t, w.box.Resend(t.Context(), "a1", "main/none", 1), inbox.ErrUnknown)
	require.NoError(t, w.box.Resend(t.Context(), "a1", "main/群", event.At(time.Now())))
	w.eventually("sent", func() bool { return w.allSent("a1", 1) })
	require.Equal(t, 1, w.get("a1").Deliveries[0].Round)
}

func TestRetriesEndAndCanBeAskedForAgain(t *testing.T) {
	w := newWorld(t)
	w.defs.put(t, defs.KindRoute, "main", defs.Route{Channels: []defs.RouteChannel{{Kind: defs.RouteWebhook, Name: "crm", URL: w.webhook.URL}}})
	w.webhook.set(func(int) (int, string) { return 502, "" })
	w.serve(w.notifier(func(o *Options) { o.Config.Notify.RetryFor = 100 * time.Millisecond }))
	w.raise(3, w.alert("a1"))
	w.eventually("dead after the last try", func() bool {
		a := w.get("a1")
		return a != nil && a.Deliveries[0].State == inbox.Dead
	})
	require.Greater(t, w.get("a1").Deliveries[0].Tries, 1)
	w.webhook.set(func(int) (int, string) { return 204, "" })
	w.raise(3, action("a1", inbox.VerbResend, "r1"))
	w.eventually("sent when asked", func() bool { return w.allSent("a1", 1) })
	ids := map[string]bool{}
	for _, g := range w.webhook.all() {
		ids[g.header.Get(webhook.DeliveryHeader)] = true
	}
	require.Len(t, ids, 2, "all tries of a round have one id, the second round another")
}

func TestLostRedisIsReadFromTheLogAndSendsNothingTwice(t *testing.T) {
	w := newWorld(t)
	w.channels()
	w.serve(w.notifier())
	w.raise(0, w.alert("a1"), action("a1", inbox.VerbAck, "k1"))
	w.raise(3, w.alert("a2"))
	w.eventually("sent", func() bool { return w.allSent("a1", 3) && w.allSent("a2", 3) })
	w.eventually("told", func() bool { return len(w.records(0)) == 5 && len(w.records(3)) == 4 })
	before := len(w.robot.all()) + len(w.mail.all()) + len(w.webhook.all())
	w.redis.FlushAll()
	w.eventually("there again", func() bool { return w.allSent("a1", 3) && w.allSent("a2", 3) })
	require.Equal(t, inbox.Acked, w.get("a1").State)
	w.raise(0, w.alert("a3"))
	w.eventually("and going on", func() bool { return w.allSent("a3", 3) })
	require.Equal(t, before+3, len(w.robot.all())+len(w.mail.all())+len(w.webhook.all()))
}

func TestTimeMovesAlerts(t *testing.T) {
	w := newWorld(t)
	clock := &manual{at: time.Now()}
	w.now = clock.now
	w.serve(w.notifier())
	w.raise(0, w.alert("a1"), w.alert("a2"))
	until := event.At(clock.now().Add(time.Hour))
	w.raise(0, action("a1", inbox.VerbSnooze, "s1", func(a *event.AlertAction) { a.Until = until }))
	w.eventually("snoozed", func() bool { a := w.get("a1"); return a != nil && a.State == inbox.Snoozed })
	clock.add(time.Hour)
	w.eventually("awake", func() bool { return w.get("a1").State == inbox.Open })
	clock.add(7 * 24 * time.Hour)
	w.eventually("expired", func() bool { return w.get("a1").State == inbox.Expired && w.get("a2").State == inbox.Expired })
	clock.add(30 * 24 * time.Hour)
	w.eventually("left", func() bool { return w.get("a1") == nil && w.get("a2") == nil })
}

func TestAnActionFindsItsAlert(t *testing.T) {
	w := newWorld(t)
	n := w.notifier()
	w.serve(n)
	// before its alert
	w.raise(0, action("a1", inbox.VerbClaim, "c1"), action("a1", inbox.VerbClaim, "c1"))
	w.eventually("kept aside", func() bool { return w.redis.HGet("tw:inbox:{0}:aside", "a1") != "" })
	w.raise(0, w.alert("a1"))
	w.eventually("applied when it comes", func() bool { a := w.get("a1"); return a != nil && a.State == inbox.Claimed })
	require.Empty(t, w.redis.HGet("tw:inbox:{0}:aside", "a1"))
	// in another shard, as after a merge
	w.raise(3, action("a1", inbox.VerbAck, "k1"))
	w.eventually("sent on to where the alert is", func() bool { return w.get("a1").State == inbox.Acked })
	require.Equal(t, "k1", w.records(0)[len(w.records(0))-1].Action.EventID)
}

func TestAnActionWithoutAlertIsDroppedWithACount(t *testing.T) {
	w := newWorld(t)
	clock := &manual{at: time.Now()}
	w.now = clock.now
	w.serve(w.notifier())
	w.raise(0, action("none", inbox.VerbClaim, "c1"))
	w.eventually("kept aside", func() bool { return w.redis.HGet("tw:inbox:{0}:aside", "none") != "" })
	clock.add(25 * time.Hour)
	w.eventually("dropped", func() bool { return w.redis.HGet("tw:inbox:{0}:pos", "dropped") == "1" })
	require.Empty(t, w.redis.HGet("tw:inbox:{0}:aside", "none"))
}

func TestARecordThatCannotBeReadStopsNothing(t *testing.T) {
	w := newWorld(t)
	w.serve(w.notifier())
	_, err := w.kafka.Publish(t.Context(), schemas.TopicAlerts, 0, []stream.Message{{Value: []byte("{nonsense")}, {Value: []byte("{}")}})
	require.NoError(t, err)
	w.raise(0, w.alert("a1"))
	w.eventually("what follows", func() bool { return w.get("a1") != nil })
	w.eventually("rejected with coordinates", func() bool {
		b, err := w.kafka.Fetch(t.Context(), schemas.TopicRejected, 0, 0, time.Millisecond)
		return err == nil && len(b.Records) == 2 && strings.Contains(string(b.Records[0].Value), "alerts.1/0/0")
	})
}

func TestAnOffsetThatTheLogLostEndsTheRole(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.redis.Client.HSet(t.Context(), "tw:inbox:{0}:pos", "epoch", 1, "commit", 5, "topic", schemas.TopicAlerts, "offset", 1000).Err())
	err := w.notifier().Run(t.Context())
	require.ErrorIs(t, err, stream.ErrOffsetGone)
	require.ErrorContains(t, err, "partition 0")
}

func TestHealthTellsLagAndDeadChannels(t *testing.T) {
	w := newWorld(t)
	w.robotOnly()
	w.robot.set(func(int) (int, string) { return 500, "" })
	reg := prometheus.NewRegistry()
	n := w.notifier(func(o *Options) { o.Metrics = reg })
	w.serve(n)
	w.raise(0, w.alert("a1"))
	checks := n.Checks()
	w.eventually("the dead channel is named", func() bool {
		ok, _, detail := checks[1].Run(t.Context())
		return !ok && strings.Contains(detail, "main/群")
	})
	w.eventually("a dead channel is no lag of the inbox", func() bool {
		ok, lag, _ := checks[0].Run(t.Context())
		return ok && lag == 0
	})
	w.redis.SetError("LOADING")
	w.raise(1, w.alert("a2"))
	w.eventually("a record that does not come in is lag", func() bool {
		_, lag, _ := checks[0].Run(t.Context())
		return lag > 0
	})
	w.redis.SetError("")
	w.eventually("and then it is none", func() bool {
		_, lag, _ := checks[0].Run(t.Context())
		return lag == 0 && w.get("a2") != nil
	})
	families, err := reg.Gather()
	require.NoError(t, err)
	names := map[string]bool{}
	for _, f := range families {
		names[f.GetName()] = true
	}
	require.Contains(t, names, "tagwire_alert_inbox_seconds")
	require.Contains(t, names, "tagwire_deliveries_total")
}
