package demo

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/apply"
)

const (
	hour = event.Time(3_600_000)
	day1 = event.Time(dayMS)
)

func t0() event.Time { return event.At(time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)) }

func TestTheBookCountsByHand(t *testing.T) {
	at := t0()
	opens := func(times ...event.Time) (out []fact) {
		for _, d := range times {
			out = append(out, fact{at + d, doOpen})
		}
		return out
	}
	chats := []fact{{at + 3*hour, doEnter}, {at + 4*hour, doEnter}}
	for _, c := range []struct {
		name  string
		facts []fact
		when  event.Time
		want  bool
	}{
		{"three opens and two chats", append(opens(0, hour, 2*hour), chats...), 4 * hour, true},
		{"not before the second chat", append(opens(0, hour, 2*hour), chats...), 4*hour - 1, false},
		{"two opens are too few", append(opens(0, hour), chats...), 4 * hour, false},
		{"opens alone are too little", opens(0, 1, 2, 3, 4), hour, false},
		{"for 7 days after the first open has left the window", append(opens(0, hour, 2*hour), chats...), 14*day1 - 1, true},
		{"and not a moment longer", append(opens(0, hour, 2*hour), chats...), 14 * day1, false},
		{"the third open as the first leaves comes too late", append(opens(0, hour, 7*day1), chats...), 7 * day1, false},
		{"60 points at once", []fact{{at, doFill}, {at, doFill}, {at, doFill}}, 0, true},
		{"a millisecond between two forms is a little less than 60", []fact{{at, doFill}, {at, doFill}, {at + 1, doFill}}, 1, false},
		{"80 points last until they are 60, and 7 days", []fact{{at, doFill}, {at, doFill}, {at, doFill}, {at, doFill}}, 7*day1 + 107_577_719, true},
		{"and no longer", []fact{{at, doFill}, {at, doFill}, {at, doFill}, {at, doFill}}, 7*day1 + 107_577_720, false},
		{"what staff writes is not there at all", nil, 0, false},
	} {
		p := &page{Facts: c.facts}
		require.Equal(t, c.want, p.wanted(at+c.when), c.name)
	}
}

// TestTheBookAgreesWithTheRules lets random lives pass through the rules of the
// pack and through the book, which know nothing of each other.
func TestTheBookAgreesWithTheRules(t *testing.T) {
	_, set := compiled(t)
	types := map[deed]string{doOpen: "link.open", doEnter: "chat.start", doSay: "chat.message", doFill: "form.submit", doView: "page.view"}
	held := 0
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 1))
		b := newBook(2)
		b.note(&act{Do: doAdd, Customer: 1})
		p := profile.New("p")
		at := t0()
		for n := range 60 {
			at += event.Time(r.Int64N(int64(40*hour)) / int64(1+r.IntN(20)))
			if r.IntN(4) == 0 { // nothing happens: time alone
				apply.Advance(set, p, at, at, time.Hour)
				if p.FirstSeen != 0 && b.verdict(1, at) != unsure {
					require.Equal(t, b.verdict(1, at) == is, p.Tags[tagName] != nil, "seed %d, step %d", seed, n)
				}
				continue
			}
			a := act{Do: pick(r, []deed{doOpen, doOpen, doEnter, doSay, doSay, doFill, doView}), Customer: 1, At: at}
			b.note(&a)
			e := &event.Event{EventID: fmt.Sprint(n), Source: "s", Type: types[a.Do], Time: at, ReceivedAt: at, From: "customer"}
			apply.Advance(set, p, at, 0, time.Hour)
			apply.Event(set, p, apply.Input{Event: e, Place: at, Fresh: time.Hour, Late: 24 * time.Hour})
			if b.Pages[1].wanted(at) {
				held++
			}
			require.Equal(t, b.Pages[1].wanted(at), p.Tags[tagName] != nil, "seed %d, step %d", seed, n)
		}
	}
	require.Greater(t, held, 500, "the lives are too quiet to show anything")
}

func TestForgottenFactsChangeNothing(t *testing.T) {
	now := t0()
	b := newBook(1)
	for i := range 200 {
		b.note(&act{Do: doFill, At: now - event.Time(i)*day1/2})
	}
	points, wanted := b.Pages[0].points(now), b.Pages[0].wanted(now)
	b.forget(now)
	require.Len(t, b.Pages[0].Facts, 91)
	require.InDelta(t, points, b.Pages[0].points(now), 0.01)
	require.Equal(t, wanted, b.Pages[0].wanted(now))
	require.True(t, slices.IsSortedFunc(b.Pages[0].Facts, func(x, y fact) int { return int(x.At - y.At) }))
}

func TestThePastFollowsFromSeedAndStart(t *testing.T) {
	p, err := readPack()
	require.NoError(t, err)
	start := started{Seed: 7, Customers: 100, PastDays: 20, Began: t0()}
	one, err := newWorld(p, start)
	require.NoError(t, err)
	two, err := newWorld(p, start)
	require.NoError(t, err)
	past := one.history()
	require.Equal(t, past, two.history())
	require.Greater(t, len(past), 500)
	ids := map[string]bool{}
	for i, a := range past {
		require.False(t, ids[a.ID])
		ids[a.ID] = true
		require.Less(t, a.At, start.Began)
		if i > 0 {
			require.GreaterOrEqual(t, a.At, past[i-1].At)
		}
	}
	start.Seed = 8
	other, err := newWorld(p, start)
	require.NoError(t, err)
	require.NotEqual(t, past, other.history())
}
