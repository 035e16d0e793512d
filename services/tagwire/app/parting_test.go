package app

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/applytest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/store/rawplan"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/console/recount"
	"github.com/tagwire/tagwire/services/console/ruleset"
	"github.com/tagwire/tagwire/services/console/shards"
	"github.com/tagwire/tagwire/services/tagger/tagging"
)

// refuse sends that profiling is refused: by one of the two, or by staff for the
// customer w as a whole.
func (c *couple) refuse(w string, who ...event.Identity) {
	c.t.Helper()
	if len(who) == 0 {
		who = []event.Identity{{Namespace: "profile", Value: w}}
	}
	c.sent++
	now := event.At(time.Now())
	send(c.t, c.p, &event.Event{
		EventID: fmt.Sprint(c.run, "no", c.sent), Type: event.TypeConsent, Source: "s", Time: now, ReceivedAt: now, Identities: who,
		Properties: event.Fields{"profiling": "refused"},
	})
}

// told are the tags and stages that a profile was given, and its alerts, after some
// places of the log.
func (c *couple) told(id string, after map[string]stream.Range) (out []string) {
	c.t.Helper()
	s := event.Shard(id, c.p.Config.Shards)
	for topic, from := range after {
		ranges, err := c.p.Stream.Ranges(c.t.Context(), topic, c.p.Config.Shards)
		require.NoError(c.t, err)
		require.NoError(c.t, c.p.Stream.Read(c.t.Context(), stream.Position{Topic: topic, Partition: s, Offset: from.End}, ranges[s].End, func(rec stream.Record) error {
			var one struct {
				Profile string `json:"profile_id"`
				Op      event.Op
				Tag     string
				AlertID string `json:"alert_id"`
			}
			require.NoError(c.t, json.Unmarshal(rec.Value, &one))
			if one.Profile == id && (one.AlertID != "" || one.Op == event.OpApplied || one.Op == event.OpEntered) {
				out = append(out, fmt.Sprint(one.Op, one.Tag, one.AlertID))
			}
			return nil
		}))
	}
	return out
}

// ends are where the outputs about a profile end now.
func (c *couple) ends(id string) map[string]stream.Range {
	c.t.Helper()
	out := map[string]stream.Range{}
	for _, topic := range []string{schemas.TopicChanges, schemas.TopicAlerts} {
		ranges, err := c.p.Stream.Ranges(c.t.Context(), topic, c.p.Config.Shards)
		require.NoError(c.t, err)
		out[topic] = ranges[event.Shard(id, c.p.Config.Shards)]
	}
	return out
}

// requireNoDrift counts anew from Redis and from history.
func (c *couple) requireNoDrift() {
	c.t.Helper()
	r, err := recount.New(recount.Options{
		Shards: shards.New(c.p.Redis, tagging.Generation, c.p.Config.Shards), Rules: ruleset.New(c.p.Defs), Generation: tagging.Generation,
		Stream: c.p.Stream, Warehouse: c.p.Warehouse, Log: zap.NewNop(), Registerer: prometheus.NewRegistry(), Now: time.Now,
	})
	require.NoError(c.t, err)
	rep, err := r.Get(c.t.Context())
	require.NoError(c.t, err)
	require.Empty(c.t, rep.Busy)
	require.Empty(c.t, rep.NoHistory)
	require.Zero(c.t, rep.Drift, "%+v", rep.Differences)
}

// open is an interaction that tags and alerts as soon as it is judged.
func (c *couple) open(who int) {
	c.did(applytest.Fact{Type: "open", At: event.At(time.Now()), Who: who})
}

// While two are being parted nobody knows which of them had refused to be profiled.
// So neither is, not for a moment; afterwards the one who has not is as if they had never met.
func TestWhoRefusedIsNotProfiledWhileTwoAreBeingParted(t *testing.T) {
	for name, c := range map[string]struct {
		by      func(c *couple, w string)
		refused [2]bool
	}{
		"the one who leaves":   {func(c *couple, w string) { c.refuse(w, c.ids[1]) }, [2]bool{false, true}},
		"the one who stays":    {func(c *couple, w string) { c.refuse(w, c.ids[0]) }, [2]bool{true, false}},
		"staff, for the whole": {func(c *couple, w string) { c.refuse(w) }, [2]bool{true, true}},
		"one before they met":  {nil, [2]bool{false, true}},
	} {
		t.Run(name, func(t *testing.T) { partRefuser(t, c.by, c.refused) })
	}
}

func partRefuser(t *testing.T, by func(c *couple, w string), refused [2]bool) {
	p := withHistory(t)
	number := seed(t)
	c := newCouple(t, p, number)
	stop := roles(t, p)
	defer func() { stop() }()
	rest := c.also(0)
	defer func() { rest() }()
	c.rules(map[string]string{"rules.yaml": applytest.Rules, "spot.yaml": "tags: {spot: {event: open, alert: {each: match}}}"})
	if by == nil {
		c.refuse("", c.ids[1])
	}
	for _, f := range some(rand.New(rand.NewPCG(number, 4)), 8) {
		c.did(f)
	}
	w := c.becomeOne()
	if by != nil {
		by(c, w.ID)
	}
	settled(t, p, event.At(time.Now()))
	require.True(t, find(t, c.living(), c.ids[0]).Refused)

	before := c.ends(w.ID)
	send(t, p, c.asked(w.ID))
	require.Eventually(t, func() bool { return len(c.living()) == 2 }, 30*time.Second, 20*time.Millisecond)
	parted := [2]*profile.Profile{find(t, c.living(), c.ids[0]), find(t, c.living(), c.ids[1])}
	after := [2]map[string]stream.Range{before, c.ends(parted[1].ID)}
	for who := range parted { // in the window, over a restart, and once more
		c.open(who)
	}
	stop()
	stop = roles(t, p)
	for who := range parted {
		c.open(who)
	}
	settled(t, p, event.At(time.Now()))
	for who, q := range parted {
		require.Empty(t, c.told(q.ID, after[who]), "%s waits", c.ids[who])
		require.NotEmpty(t, find(t, c.living(), c.ids[who]).Held)
	}
	c.requireNoDrift() // while they wait, too
	rest()
	rest = c.also(1)
	require.Eventually(t, c.parted(c.run+"unmerge"), 60*time.Second, 100*time.Millisecond)
	for who := range parted {
		c.open(who)
	}
	settled(t, p, event.At(time.Now()))
	for who, q := range parted {
		now := find(t, c.living(), c.ids[who])
		require.Equal(t, refused[who], now.Refused)
		require.Empty(t, now.Held)
		if refused[who] {
			require.Empty(t, now.Tags)
			require.Empty(t, now.Folds)
			require.Empty(t, c.told(q.ID, after[who]), "%s had refused", c.ids[who])
			continue
		}
		require.Len(t, c.alertsOf(q.ID, after[who]), 3, "each open of %s", c.ids[who])
		c.requireModel(now, who)
	}
	c.requireNoDrift()
	c.requireWishesInHistory(parted, refused)
}

// alertsOf are what told says of alerts.
func (c *couple) alertsOf(id string, after map[string]stream.Range) (out []string) {
	c.t.Helper()
	return c.told(id, map[string]stream.Range{schemas.TopicAlerts: after[schemas.TopicAlerts]})
}

// requireWishesInHistory: a profile that is folded from history heeds the same.
func (c *couple) requireWishesInHistory(parted [2]*profile.Profile, refused [2]bool) {
	c.t.Helper()
	for who, q := range parted {
		c.archived()
		life, err := c.p.Warehouse.Life(c.t.Context(), q.ID)
		require.NoError(c.t, err)
		require.Equal(c.t, refused[who], c.at(life, q.ID).Refused, c.ids[who].String())
	}
}

// What was parted stays so though Redis comes back with an older state: one from
// before the two met, from before they were parted, or in which they wait. The log
// is read again from there; nothing is merged, lost or counted twice.
func TestWhatWasPartedStaysSoThoughRedisIsSetBack(t *testing.T) {
	for _, c := range []struct {
		name       string
		from, back int
		identities bool // they alone
	}{
		{"to before they met, while they wait", met - 1, waiting, false},
		{"to before they met, when all is done", met - 1, done, false},
		{"to before they were parted, while they wait", met, waiting, false},
		{"to before they were parted, when all is done", met, done, false},
		{"to when they waited, when all is done", waiting, done, false},
		{"whom the identities belonged to, while they wait", met, waiting, true},
		{"whom the identities belonged to, when all is done", met, done, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			partAndSetBack(t, c.from, c.back, func(older snapshot, p *parts.Parts) {
				if c.identities {
					older.identitiesBack(t, p)
				} else {
					older.setBack(t, p)
				}
			})
		})
	}
}

// Moments of an unmerge.
const (
	met = iota + 1
	waiting
	done
)

func partAndSetBack(t *testing.T, from, back int, set func(snapshot, *parts.Parts)) {
	p := withHistory(t)
	number := seed(t)
	c := newCouple(t, p, number)
	stop := roles(t, p)
	defer func() { stop() }()
	rest := c.also(0)
	defer func() { rest() }()
	c.rules(map[string]string{"rules.yaml": applytest.Rules})
	facts := some(rand.New(rand.NewPCG(number, 5)), 24)
	var older snapshot
	next := func(moment int) { // some events at each, and whatever happens to Redis there
		for _, f := range facts[:4] {
			c.did(f)
		}
		facts = facts[4:]
		if moment == from {
			settled(t, p, event.At(time.Now()))
			older = stateOf(t, p)
			older.since = 1
		}
		if moment == back {
			set(older, p)
		}
	}
	next(met - 1)
	w := c.becomeOne()
	next(met)
	send(t, p, c.asked(w.ID))
	require.Eventually(t, func() bool { return len(c.living()) == 2 }, 30*time.Second, 20*time.Millisecond)
	next(waiting)
	rest()
	rest = c.also(1)
	require.Eventually(t, c.parted(c.run+"unmerge"), 60*time.Second, 100*time.Millisecond)
	next(done)
	c.meet(1) // the phone again
	next(done + 1)
	c.requireApart()
	c.requireHistory(w.ID)
	c.requireNoDrift()
	known, err := rawplan.NewIdentities(p.Redis).Lookup(t.Context(), c.ids)
	require.NoError(t, err)
	for _, id := range c.ids {
		require.Equal(t, find(t, c.living(), id).ID, known[id], "what is met under %s goes there at once", id)
	}
}
