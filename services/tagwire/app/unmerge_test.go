package app

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/applytest"
	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/apply"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/archiver/archive"
	"github.com/tagwire/tagwire/services/console/ruleset"
	"github.com/tagwire/tagwire/services/console/shards"
	"github.com/tagwire/tagwire/services/console/unmerge"
	"github.com/tagwire/tagwire/services/tagger/tagging"
)

// couple is two people whom a shared phone makes one customer.
type couple struct {
	t       *testing.T
	p       *parts.Parts
	set     *rule.Set
	ids     []event.Identity
	phone   event.Identity
	history [2]applytest.History
	sent    int
	run     string
}

func withHistory(t *testing.T) *parts.Parts {
	t.Helper()
	e := embeddedtest.Start(t, embeddedtest.Kafka, embeddedtest.Redis, embeddedtest.ClickHouse)
	cfg := config.Default()
	cfg.Data = t.TempDir()
	cfg.Kafka.Brokers, cfg.Redis.Addr, cfg.Redis.Password = e.KafkaBrokers, e.RedisAddr, config.Secret(e.RedisPassword)
	cfg.ClickHouse.Addr, cfg.ClickHouse.User, cfg.ClickHouse.Password = e.ClickHouseNative, e.ClickHouseUser, config.Secret(e.ClickHousePassword)
	cfg.MasterKey = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	p, err := parts.Open(t.Context(), &cfg, zap.NewNop())
	require.NoError(t, err)
	return p
}

// also runs the archiver, and so many keepers, until stopped.
func (c *couple) also(keepers int) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.t.Context()))
	var wait sync.WaitGroup
	q := *c.p
	q.Registry = prometheus.NewRegistry()
	r, err := archive.Role(ctx, &q)
	require.NoError(c.t, err)
	for _, x := range r.Components {
		wait.Go(func() { _ = x.Run(ctx) }) // ends with ctx
	}
	for range keepers {
		k := unmerge.New(unmerge.Options{
			Stream: c.p.Stream, Redis: c.p.Redis, Warehouse: c.p.Warehouse, Sets: ruleset.New(c.p.Defs),
			Shards: shards.New(c.p.Redis, tagging.Generation, c.p.Config.Shards), Log: zap.NewNop(), Now: time.Now,
		})
		wait.Go(func() { _ = k.Run(ctx) }) // likewise
	}
	return func() { cancel(); wait.Wait() }
}

// did sends what one of the two did.
func (c *couple) did(f applytest.Fact, ids ...event.Identity) *event.Event {
	e := f.Event()
	c.sent++
	e.EventID, e.ReceivedAt, e.Identities = fmt.Sprintf("%sf%d", c.run, c.sent), event.At(time.Now()), append([]event.Identity{c.ids[f.Who]}, ids...)
	c.history[f.Who] = append(c.history[f.Who], f)
	send(c.t, c.p, e)
	return e
}

// meet sends an event with the phone that both use.
func (c *couple) meet(who int) {
	c.did(applytest.Fact{Type: "link", At: event.At(time.Now().Add(-7 * time.Hour)), Who: who}, c.phone)
}

func (c *couple) living() map[string]*profile.Profile {
	out := map[string]*profile.Profile{}
	found := map[string]*profile.Profile{}
	for n := range c.p.Config.Shards { // without the counts, which are another commit's while the roles are at work
		sh := shard.New(c.p.Redis, tagging.Generation, n)
		var ids []string
		require.NoError(c.t, store.Scan(c.t.Context(), c.p.Redis, sh.PosKey(), sh.ProfilePattern(), func(keys []string) error {
			for _, k := range keys {
				ids = append(ids, sh.IDOf(k))
			}
			return nil
		}))
		states, err := sh.Load(c.t.Context(), ids)
		require.NoError(c.t, err)
		for id, b := range states {
			p, err := profile.Decode(b)
			require.NoError(c.t, err)
			found[id] = p
		}
	}
	for id, p := range found {
		if p.Winner == "" && slices.ContainsFunc(p.Identities, func(id event.Identity) bool { return slices.Contains(c.ids, id) }) {
			out[id] = p
		}
	}
	return out
}

// requireApart: each of the two is what it would be had they never met, in Redis
// and by history.
func (c *couple) requireApart() {
	c.t.Helper()
	settled(c.t, c.p, event.At(time.Now()))
	all := c.living()
	require.Len(c.t, all, 2)
	for who, id := range c.ids {
		p := find(c.t, all, id)
		require.Nil(c.t, p.Merging)
		require.NotContains(c.t, p.Identities, c.ids[1-who])
		c.requireModel(p, who)
	}
}

func (c *couple) requireModel(p *profile.Profile, who int) {
	c.t.Helper()
	now := event.At(time.Now())
	apply.Advance(c.set, p, now, now, time.Hour)
	p.Clock = max(p.Clock, now)
	var held []string
	for _, tag := range p.TagStates() {
		if tag.Tag != "spot" { // not the model's
			held = append(held, tag.Tag)
		}
	}
	h := c.history[who]
	require.Equal(c.t, h.Tags(now), held, "tags of %s", c.ids[who])
	require.Equal(c.t, h.Stage(now), p.Stage)
	value := func(name string) string {
		m, _ := c.set.Measure(name)
		return m.Value(p, now).String()
	}
	require.Equal(c.t, fmt.Sprint(h.Count(now, 0, applytest.Typed("pay"))), value("orders"), "orders of %s", c.ids[who])
	require.Equal(c.t, fmt.Sprint(h.Net(now)), value("net"), "net of %s", c.ids[who])
	require.Equal(c.t, fmt.Sprint(h.Count(now, 3*time.Hour, applytest.Typed("open", "read"))), value("opens3h"))
}

// parted says that both have their pasts.
func (c *couple) parted(eventID string) func() bool {
	u := event.Unmerge{EventID: eventID}
	return func() bool {
		n := 0
		for id, p := range c.living() {
			if slices.Contains(p.Merges, u.MergeID(id)) {
				n++
			}
		}
		return n == 2
	}
}

func newCouple(t *testing.T, p *parts.Parts, number uint64) *couple {
	run := fmt.Sprint("un", number, "-")
	return &couple{
		t: t, p: p, run: run, phone: event.Identity{Namespace: "phone", Value: fmt.Sprint(13000000000 + number%1000000000)},
		ids: []event.Identity{{Namespace: "user_id", Value: run + "a"}, {Namespace: "openid.x", Value: run + "b"}},
	}
}

// rules puts rules in force.
func (c *couple) rules(files map[string]string) {
	c.t.Helper()
	var err error
	c.set, err = rule.Compile(activate(c.t, c.p, files), files)
	require.NoError(c.t, err)
}

// some are at least so many facts of both.
func some(rnd *rand.Rand, n int) (facts applytest.History) {
	for len(facts) < n {
		facts = append(facts, applytest.Random(rnd, event.At(time.Now().Add(-20*time.Hour)), 2)...)
	}
	return facts
}

// becomeOne lets both be met with the same phone.
func (c *couple) becomeOne() *profile.Profile {
	c.t.Helper()
	c.meet(0)
	c.meet(1)
	settled(c.t, c.p, event.At(time.Now()))
	one := c.living()
	require.Len(c.t, one, 1, "the phone has made them one")
	return find(c.t, one, c.ids[0])
}

// asked is an unmerge of w that gives the second of the two a profile of his own.
func (c *couple) asked(w string) *event.Event {
	now := event.At(time.Now())
	return &event.Event{
		EventID: c.run + "unmerge", Type: event.TypeUnmerge, Time: now, ReceivedAt: now, Source: event.SourceConsole,
		Identities: []event.Identity{{Namespace: "profile", Value: w}}, Properties: event.Fields{"identities": []any{c.ids[1].String()}},
	}
}

func TestTwoWhoWereOneByMistakeAreTwoAsIfTheyHadNeverMet(t *testing.T) {
	p := withHistory(t)
	number := seed(t)
	rnd := rand.New(rand.NewPCG(number, 3))
	c := newCouple(t, p, number)
	stop := roles(t, p)
	defer func() { stop() }()
	rest := c.also(0) // nobody completes yet
	defer func() { rest() }()
	c.rules(map[string]string{"rules.yaml": applytest.Rules})
	facts := some(rnd, 20)
	third := len(facts) / 3
	for _, f := range facts[:third] {
		c.did(f)
	}
	w := c.becomeOne()
	for _, f := range facts[third : 2*third] {
		c.did(f)
	}
	apart := c.asked(w.ID)
	send(t, p, apart)
	stop() // in the middle of it
	stop = roles(t, p)
	send(t, p, apart) // and asked once more
	straggler := c.did(facts[2*third])
	require.Eventually(t, func() bool { return len(c.living()) == 2 }, 30*time.Second, 50*time.Millisecond)
	late := applytest.Fact{Type: "pay", At: event.At(time.Now().Add(-9 * time.Hour)), Amount: 5, Who: 1}
	c.straggle(w.ID, late)
	rest()
	rest = c.also(2) // and now two at once
	require.Eventually(t, c.parted(apart.EventID), 60*time.Second, 200*time.Millisecond)
	for _, f := range facts[2*third+1:] {
		c.did(f)
	}
	c.meet(1) // the phone again
	send(t, p, straggler)
	send(t, p, apart)
	c.requireApart()
	rest()
	rest = c.also(1) // one that knows nothing of it finds that all is done
	c.requireApart()
	c.requireHistory(w.ID)
}

// straggle puts an event of an identity that has left into the log of the
// customer whom it left, as a resolver that decided before does.
func (c *couple) straggle(profileID string, f applytest.Fact) {
	c.t.Helper()
	e := f.Event()
	e.EventID, e.ReceivedAt, e.Identities = c.run+"straggler", event.At(time.Now()), []event.Identity{c.ids[f.Who]}
	c.history[f.Who] = append(c.history[f.Who], f)
	r := event.Record{Kind: event.KindEvent, Source: "raw.1/0", Place: e.ReceivedAt, Profile: profileID, Own: e.Identities, Event: e, Repair: true}
	b, err := r.Encode()
	require.NoError(c.t, err)
	_, err = c.p.Stream.Publish(c.t.Context(), schemas.TopicEvents, event.Shard(profileID, c.p.Config.Shards), []stream.Message{{Value: b}})
	require.NoError(c.t, err)
}

// archived waits until all of the log is in history.
func (c *couple) archived() {
	c.t.Helper()
	ranges, err := c.p.Stream.Ranges(c.t.Context(), schemas.TopicEvents, c.p.Config.Shards)
	require.NoError(c.t, err)
	require.Eventually(c.t, func() bool {
		marks, err := c.p.Warehouse.Archived(c.t.Context(), schemas.TopicEvents)
		for n, r := range ranges {
			if err != nil || r.End > r.First && marks[n].Next < r.End {
				return false
			}
		}
		return true
	}, 30*time.Second, 100*time.Millisecond)
}

// at is the customer that history makes of a life by now.
func (c *couple) at(life *event.Life, id string) *profile.Profile {
	return apply.At(c.set, life, id, event.At(time.Now())).Profile
}

// requireHistory: what history makes of both is the same.
func (c *couple) requireHistory(w string) {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		life, err := c.p.Warehouse.Life(c.t.Context(), w)
		return err == nil && len(life.Arrivals) > 0
	}, 30*time.Second, 100*time.Millisecond)
	c.archived()
	all := c.living()
	for who, id := range c.ids {
		p := find(c.t, all, id)
		life, err := c.p.Warehouse.Life(c.t.Context(), p.ID)
		require.NoError(c.t, err)
		c.requireModel(c.at(life, p.ID), who)
		page, err := c.p.Warehouse.Timeline(c.t.Context(), warehouse.TimelineQuery{Profile: p.ID, Kinds: []string{warehouse.KindEvent}, Limit: 500})
		require.NoError(c.t, err)
		shown := 0
		for _, e := range page.Entries {
			if !strings.HasPrefix(e.Type, "profile.") {
				shown++
			}
		}
		require.Equal(c.t, len(c.history[who]), shown, "the timeline of %s", id)
		var n uint64
		require.NoError(c.t, c.p.Warehouse.Scalar(c.t.Context(),
			"SELECT count() FROM bi.events WHERE type = 'pay' AND profile_id = '"+p.ID+"'", &n))
		require.EqualValues(c.t, c.history[who].Count(event.At(time.Now()), 0, applytest.Typed("pay")), n, "payments of %s for BI", id)
	}
}
