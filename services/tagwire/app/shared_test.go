package app

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/store/rawplan"
	"github.com/tagwire/tagwire/services/resolver/resolve"
)

// crowd is a device or phone and how many people are met with it.
type crowd struct {
	value  event.Identity
	people []event.Identity
	shared bool
}

func crowds(p *parts.Parts, run string, number uint64) []crowd {
	var all []crowd
	for i, size := range []int{3, 4, 6} {
		all = append(all, crowd{value: event.Identity{Namespace: "anonymous_id", Value: fmt.Sprint(run, "kiosk", i)}, people: make([]event.Identity, size), shared: size > p.Config.Identity.PeoplePerDevice})
	}
	for i, size := range []int{2, 3} {
		all = append(all, crowd{value: event.Identity{Namespace: "phone", Value: fmt.Sprintf("139%07d%d", number%1e7, i)}, people: make([]event.Identity, size), shared: size > p.Config.Identity.PeoplePerPhone})
	}
	for c := range all {
		for n := range all[c].people {
			all[c].people[n] = event.Identity{Namespace: "wecom.corp", Value: fmt.Sprint(run, "person", c, "-", n)}
		}
	}
	return all
}

func meeting(id string, ids ...event.Identity) *event.Event {
	now := event.At(time.Now())
	return &event.Event{EventID: id, Type: "visit", Time: now, ReceivedAt: now, Source: "s", Identities: ids}
}

// A phone or device that more people come with than its limit is shared in the
// end, whatever order they come in, wherever the roles are cut off, and though
// Redis is set back meanwhile: it joins nobody any more, and those whom it was
// seen with show it.
func TestSharedPhonesAndDevices(t *testing.T) {
	p := open(t)
	number := seed(t)
	rnd := rand.New(rand.NewPCG(number, 2))
	run := fmt.Sprint(number, "s-")
	stop := roles(t, p)
	defer func() { stop() }()
	all := crowds(p, run, number)
	var events []*event.Event
	for c, one := range all {
		for n, who := range one.people {
			for again := range 6 {
				events = append(events, meeting(fmt.Sprint(run, c, "-", n, "-", again), one.value, who))
			}
		}
	}
	rnd.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	var older snapshot
	for i, e := range events {
		send(t, p, e)
		switch i {
		case len(events) / 4:
			older = stateOf(t, p)
		case len(events) / 2:
			older.setBack(t, p)
		}
		if i%25 == 24 {
			stop()
			stop = roles(t, p)
		}
	}
	settled(t, p, event.At(time.Now()))
	for _, one := range all {
		requireShared(t, p, one)
	}

	for c, one := range all { // and now a stranger comes with it, and it comes alone
		send(t, p, meeting(fmt.Sprint(run, c, "stranger"), one.value, event.Identity{Namespace: "unionid", Value: fmt.Sprint(run, "stranger", c)}))
		send(t, p, meeting(fmt.Sprint(run, c, "alone"), one.value))
	}
	settled(t, p, event.At(time.Now()))
	profiles := profilesOf(t, p)
	for c, one := range all {
		value := resolve.NormalizeOne(one.value, p.Keys.Master())
		stranger := event.Identity{Namespace: "unionid", Value: fmt.Sprint(run, "stranger", c)}
		known, err := rawplan.NewIdentities(p.Redis).Lookup(t.Context(), []event.Identity{value, stranger})
		require.NoError(t, err)
		require.Equal(t, one.shared, known[stranger] != known[value], "%s", one.value)
		if one.shared {
			require.NotContains(t, profiles[known[stranger]].Identities, value)
			require.Empty(t, profiles[known[stranger]].Conflicts, "nobody was asked to become one with him")
		}
	}
}

func requireShared(t *testing.T, p *parts.Parts, one crowd) {
	t.Helper()
	value := resolve.NormalizeOne(one.value, p.Keys.Master())
	ids := rawplan.NewIdentities(p.Redis)
	known, people, err := ids.Read(t.Context(), append([]event.Identity{value}, one.people...), []event.Identity{value})
	require.NoError(t, err)
	if !one.shared {
		require.ElementsMatch(t, one.people, people[value])
	}
	require.Subset(t, one.people, people[value])
	all := profilesOf(t, p)
	for _, who := range append([]event.Identity{value}, people[value]...) {
		pr := all[known[who]]
		require.NotNil(t, pr, "%s", who)
		i := slices.IndexFunc(pr.Conflicts, func(c profile.Conflict) bool { return c.Kind == profile.ConflictShared && c.Identity == value })
		require.Equal(t, one.shared, i >= 0, "%s of %s: %+v", value, who, pr.Conflicts)
		if one.shared {
			require.NotEmpty(t, pr.Conflicts[i].With)
			require.NotZero(t, pr.Conflicts[i].Since)
		}
	}
}

// A limit that is lowered below what has come already is told of by the next
// event that brings such a value: whoever was seen with it shows it, and whoever
// comes with it from then on joins nobody.
func TestALoweredLimitIsShownByWhoWasSeen(t *testing.T) {
	p := open(t)
	number := seed(t)
	run := fmt.Sprint(number, "l-")
	p.Config.Identity.PeoplePerDevice = 5
	stop := roles(t, p)
	defer func() { stop() }()
	kiosk := crowd{value: event.Identity{Namespace: "anonymous_id", Value: run + "kiosk"}, shared: true}
	for n := range 4 {
		who := event.Identity{Namespace: "wecom.corp", Value: fmt.Sprint(run, "person", n)}
		kiosk.people = append(kiosk.people, who)
		send(t, p, meeting(fmt.Sprint(run, n), kiosk.value, who))
	}
	settled(t, p, event.At(time.Now()))
	within := kiosk
	within.shared = false
	requireShared(t, p, within)

	stop()
	p.Config.Identity.PeoplePerDevice = 3
	stop = roles(t, p)
	settled(t, p, event.At(time.Now()))
	requireShared(t, p, within) // nothing is looked for: an event must bring it
	for again := range 3 {
		send(t, p, meeting(fmt.Sprint(run, "again", again), kiosk.value, kiosk.people[1]))
	}
	settled(t, p, event.At(time.Now()))
	requireShared(t, p, kiosk)
	stranger := event.Identity{Namespace: "unionid", Value: run + "stranger"}
	send(t, p, meeting(run+"stranger", kiosk.value, stranger))
	settled(t, p, event.At(time.Now()))
	known, err := rawplan.NewIdentities(p.Redis).Lookup(t.Context(), []event.Identity{kiosk.value, stranger})
	require.NoError(t, err)
	require.NotEqual(t, known[kiosk.value], known[stranger])
}
