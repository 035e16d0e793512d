package inbox_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/libs/store/storetest"
)

const partitions = 3

var noon = event.At(time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC))

func raised(id string, at event.Time, staff string) *event.Alert {
	return &event.Alert{
		AlertID: id, Profile: "p1", Rule: "高意向", RuleVersion: 3, Tag: "高意向", Severity: "high", Title: "张三",
		To: "owner", StaffID: staff, RaisedAt: at, Cause: "e1",
		Evidence: []event.Evidence{{EventID: "e1", Type: "link.open", Time: at}},
	}
}

func own(t *testing.T, rdb redis.UniversalClient, p int) *inbox.Writer {
	t.Helper()
	w, _, err := inbox.Own(t.Context(), inbox.WriterOptions{Redis: rdb, Partition: p, Topic: "alerts.1"})
	require.NoError(t, err)
	return w
}

func put(t *testing.T, w *inbox.Writer, list ...*event.Alert) {
	t.Helper()
	tx := w.Begin()
	for _, a := range list {
		tx.Put(nil, inbox.NewEntry(a, inbox.Keep{}.Defaults()), true)
	}
	require.NoError(t, w.Commit(t.Context(), tx))
}

func act(t *testing.T, w *inbox.Writer, id string, a event.AlertAction) {
	t.Helper()
	got, err := w.Load(t.Context(), []string{id})
	require.NoError(t, err)
	after := got[id].Clone()
	changed, err := after.Act(&a, inbox.Keep{}.Defaults())
	require.NoError(t, err)
	tx := w.Begin()
	tx.Put(got[id], after, changed)
	require.NoError(t, w.Commit(t.Context(), tx))
}

func ids(page inbox.Page) []string {
	var out []string
	for _, a := range page.Alerts {
		out = append(out, a.AlertID)
	}
	return out
}

func TestCommitIsRefusedForAWriterThatLostItsPartition(t *testing.T) {
	storetest.Engines(t, commitIsRefusedForAWriterThatLostItsPartition)
}

func commitIsRefusedForAWriterThatLostItsPartition(t *testing.T, rdb redis.UniversalClient) {
	old := own(t, rdb, 0)
	put(t, old, raised("a1", noon, "zhang"))
	young := own(t, rdb, 0)

	tx := old.Begin()
	tx.Put(nil, inbox.NewEntry(raised("a2", noon, "zhang"), inbox.Keep{}.Defaults()), true)
	require.ErrorIs(t, old.Commit(t.Context(), tx), store.ErrNotOwner)
	_, err := old.Work(t.Context(), noon)
	require.ErrorIs(t, err, store.ErrNotOwner)

	put(t, young, raised("a3", noon, "zhang"))
	page, err := inbox.New(rdb, partitions, zap.NewNop()).List(t.Context(), inbox.Query{})
	require.NoError(t, err)
	require.Equal(t, []string{"a3", "a1"}, ids(page), "the old writer's alert must not be there")
}

func TestCommitGivenTwiceIsOneCommit(t *testing.T) { storetest.Engines(t, commitGivenTwiceIsOneCommit) }

func commitGivenTwiceIsOneCommit(t *testing.T, rdb redis.UniversalClient) {
	w := own(t, rdb, 0)
	replay := *w // what go-redis does after a lost reply: the same words again
	tx := w.Begin()
	tx.Put(nil, inbox.NewEntry(raised("a1", noon, "zhang"), inbox.Keep{}.Defaults()), true)
	tx.Offset(7)
	require.NoError(t, w.Commit(t.Context(), tx))
	require.NoError(t, replay.Commit(t.Context(), tx), "the second time is confirmed, not refused")

	n, err := rdb.XLen(t.Context(), "tw:inbox:{0}:log").Result()
	require.NoError(t, err)
	require.EqualValues(t, 1, n, "and is written once")
	_, offset, err := inbox.Own(t.Context(), inbox.WriterOptions{Redis: rdb, Partition: 0, Topic: "alerts.1"})
	require.NoError(t, err)
	require.EqualValues(t, 7, offset)
	_, offset, err = inbox.Own(t.Context(), inbox.WriterOptions{Redis: rdb, Partition: 0, Topic: "alerts.2"})
	require.NoError(t, err)
	require.EqualValues(t, -1, offset, "another incarnation of the topic begins at its start")
}

func TestLostRedisIsNoticedAndOldEpochsNeverReturn(t *testing.T) {
	rdb := storetest.Start(t)
	old := own(t, rdb.Client, 0)
	put(t, old, raised("a1", noon, "zhang"))
	rdb.FlushAll()

	tx := old.Begin()
	tx.Offset(9)
	require.ErrorIs(t, old.Commit(t.Context(), tx), store.ErrLost)
	_, err := old.Work(t.Context(), noon)
	require.ErrorIs(t, err, store.ErrLost)

	young := own(t, rdb.Client, 0)
	put(t, young, raised("a1", noon, "zhang"))
	require.Error(t, old.Commit(t.Context(), tx), "the old writer must not fit the new position")
}

func TestListIsNewestFirstWithAStableCursor(t *testing.T) {
	storetest.Engines(t, listIsNewestFirstWithAStableCursor)
}

func listIsNewestFirstWithAStableCursor(t *testing.T, rdb redis.UniversalClient) {
	box := inbox.New(rdb, partitions, zap.NewNop())
	var want []string
	var writers []*inbox.Writer
	for p := range partitions {
		writers = append(writers, own(t, rdb, p))
	}
	for n := range 60 { // many share a millisecond
		id := fmt.Sprintf("a%02d", n)
		staff := []string{"zhang", "li", ""}[n%3]
		put(t, writers[n*7%partitions], raised(id, noon+event.Time(n/10), staff))
		want = append(want, id)
	}
	slices.Reverse(want)

	var got []string
	var cursor string
	for {
		page, err := box.List(t.Context(), inbox.Query{Cursor: cursor, Limit: 7})
		require.NoError(t, err)
		got = append(got, ids(page)...)
		if cursor = page.Next; cursor == "" {
			break
		}
		// what comes between two pages moves no page
		put(t, writers[0], raised("z"+fmt.Sprint(len(got)), noon+1000, "zhang"))
	}
	require.Equal(t, want, got)

	_, err := box.List(t.Context(), inbox.Query{Cursor: "!!"})
	require.ErrorIs(t, err, inbox.ErrID)
}

func TestListByStateAndStaff(t *testing.T) { storetest.Engines(t, listByStateAndStaff) }

func listByStateAndStaff(t *testing.T, rdb redis.UniversalClient) {
	box := inbox.New(rdb, partitions, zap.NewNop())
	w := own(t, rdb, 1)
	put(t, w, raised("a1", noon, "zhang"), raised("a2", noon+1, "li"), raised("a3", noon+2, ""))
	act(t, w, "a2", event.AlertAction{Verb: "claim", By: "wang", At: noon + 5, EventID: "c1"})

	f := func(q inbox.Query, want ...string) {
		t.Helper()
		page, err := box.List(t.Context(), q)
		require.NoError(t, err)
		require.Equal(t, want, ids(page))
	}
	f(inbox.Query{}, "a3", "a2", "a1")
	f(inbox.Query{State: inbox.Open}, "a3", "a1")
	f(inbox.Query{State: inbox.Claimed}, "a2")
	f(inbox.Query{Staff: []string{"zhang"}}, "a1")
	f(inbox.Query{Staff: []string{"wang"}}, "a2")
	f(inbox.Query{Staff: []string{"wang", "li", ""}}, "a3", "a2")
	f(inbox.Query{Staff: []string{"li"}, State: inbox.Open})
	f(inbox.Query{Staff: []string{}})

	act(t, w, "a2", event.AlertAction{Verb: "handover", By: "wang", To: "zhao", At: noon + 6, EventID: "h1"})
	f(inbox.Query{Staff: []string{"wang"}})
	f(inbox.Query{Staff: []string{"zhao"}, State: inbox.Open}, "a2")

	_, err := box.Get(t.Context(), "none")
	require.ErrorIs(t, err, inbox.ErrUnknown)
}

func TestAnAlertThatLeavesLeavesNothingBehind(t *testing.T) {
	rdb := storetest.Start(t)
	w := own(t, rdb.Client, 0)
	before := rdb.Keys()
	put(t, w, raised("a1", noon, "zhang"))
	act(t, w, "a1", event.AlertAction{Verb: "ack", By: "zhang", At: noon + 5, EventID: "k1"})
	work, err := w.Work(t.Context(), (noon + 5).Add(30*24*time.Hour))
	require.NoError(t, err)
	require.Equal(t, []string{"a1"}, work.Leaving)
	got, err := w.Load(t.Context(), work.Leaving)
	require.NoError(t, err)
	tx := w.Begin()
	tx.Remove(got["a1"])
	require.NoError(t, w.Commit(t.Context(), tx))
	rdb.Del("tw:inbox:{0}:log") // keeps its newest entries by its own rule
	require.ElementsMatch(t, before, rdb.Keys())
}

// collect reads updates until n have come.
func collect(t *testing.T, ch <-chan inbox.Update, n int) []inbox.Update {
	t.Helper()
	var got []inbox.Update
	deadline := time.After(10 * time.Second)
	for len(got) < n {
		select {
		case u, ok := <-ch:
			require.True(t, ok, "the feed ended")
			got = append(got, u)
		case <-deadline:
			require.FailNowf(t, "feed", "%d of %d updates came", len(got), n)
		}
	}
	return got
}

func reader(t *testing.T, rdb redis.UniversalClient) *inbox.Inbox {
	t.Helper()
	box := inbox.New(rdb, partitions, zap.NewNop())
	done := make(chan error, 1)
	go func() { done <- box.Run(t.Context()) }()
	t.Cleanup(func() { <-done }) // the context ends before the clean-up
	select {
	case <-box.Ready():
	case <-time.After(10 * time.Second):
		require.FailNow(t, "the feed does not start")
	}
	return box
}

func TestFollowResumesBehindAnID(t *testing.T) { storetest.Engines(t, followResumesBehindAnID) }

func followResumesBehindAnID(t *testing.T, rdb redis.UniversalClient) {
	box := reader(t, rdb)
	w0, w2 := own(t, rdb, 0), own(t, rdb, 2)
	put(t, w0, raised("before", noon, "zhang"))
	first := box.Follow(t.Context(), "")
	put(t, w0, raised("a1", noon, "zhang"))
	met := collect(t, first, 1)[0]
	if met.Alert.AlertID == "before" { // now is where the feed stands, which may be a moment behind the log
		met = collect(t, first, 1)[0]
	}
	require.Equal(t, "a1", met.Alert.AlertID)
	put(t, w2, raised("a2", noon, "zhang"))
	act(t, w0, "a1", event.AlertAction{Verb: "claim", By: "zhang", At: noon + 5, EventID: "c1"})
	put(t, w2, raised("a3", noon, "zhang"))
	live := collect(t, first, 3)

	// the same behind each id, by a new reader as after a restart
	again := reader(t, rdb)
	all := append([]inbox.Update{met}, live...)
	for n, from := range all {
		got := collect(t, again.Follow(t.Context(), from.ID), len(all)-n-1)
		for i, u := range got {
			require.False(t, u.Resync)
			require.Contains(t, all[n+1:], u2(all, u), "update %d behind %d", i, n)
		}
		seen := map[string]inbox.State{}
		for _, u := range got {
			seen[u.Alert.AlertID] = u.Alert.State
		}
		if n == 0 {
			require.Equal(t, map[string]inbox.State{"a1": inbox.Claimed, "a2": inbox.Open, "a3": inbox.Open}, seen)
		}
	}
}

// u2 finds the live update that tells the same as u.
func u2(all []inbox.Update, u inbox.Update) inbox.Update {
	for _, x := range all {
		if x.Alert.AlertID == u.Alert.AlertID && x.Alert.State == u.Alert.State {
			return x
		}
	}
	return inbox.Update{ID: "not told live"}
}

func TestFollowTellsResync(t *testing.T) { storetest.Engines(t, followTellsResync) }

func followTellsResync(t *testing.T, rdb redis.UniversalClient) {
	box := reader(t, rdb)
	w, _, err := inbox.Own(t.Context(), inbox.WriterOptions{Redis: rdb, Partition: 1, Topic: "alerts.1", LogLength: 10})
	require.NoError(t, err)
	f := box.Follow(t.Context(), "not an id")
	require.True(t, collect(t, f, 1)[0].Resync, "an id that was never given out")
	put(t, w, raised("a1", noon, "zhang"))
	old := collect(t, f, 1)[0]
	require.Equal(t, "a1", old.Alert.AlertID, "behind a resync the feed goes on")
	for n := range 500 { // more than the log keeps
		put(t, w, raised(fmt.Sprintf("b%d", n), noon, "zhang"))
	}
	require.NoError(t, rdb.XTrimMaxLen(t.Context(), "tw:inbox:{1}:log", 10).Err())
	got := collect(t, reader(t, rdb).Follow(t.Context(), old.ID), 1)
	require.True(t, got[0].Resync, "the log no longer has what came behind the id")
	require.NotEqual(t, old.ID, got[0].ID)
	other := inbox.New(rdb, partitions+1, zap.NewNop())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- other.Run(ctx) }()
	require.True(t, collect(t, other.Follow(ctx, got[0].ID), 1)[0].Resync, "an id of another number of partitions")
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
}

func TestASlowFollowerMissesNothing(t *testing.T) { storetest.Engines(t, aSlowFollowerMissesNothing) }

func aSlowFollowerMissesNothing(t *testing.T, rdb redis.UniversalClient) {
	box := reader(t, rdb)
	w := own(t, rdb, 1)
	ctx, cancel := context.WithCancel(t.Context())
	slow, quick := box.Follow(ctx, ""), box.Follow(ctx, "")
	put(t, w, raised("start", noon, "zhang"))
	collect(t, quick, 1)
	const many = 6000 // more than the ring holds
	for n := 0; n < many; n += 500 {
		var list []*event.Alert
		for i := range 500 {
			list = append(list, raised(fmt.Sprintf("a%05d", n+i), noon, "zhang"))
		}
		put(t, w, list...)
	}
	quickGot, slowGot := collect(t, quick, many), collect(t, slow, many+1)[1:]
	for n := range many {
		want := fmt.Sprintf("a%05d", n)
		require.Equal(t, want, quickGot[n].Alert.AlertID)
		require.Equal(t, want, slowGot[n].Alert.AlertID)
	}
	cancel()
	_, open := <-slow
	require.False(t, open, "the feed is closed when its context ends")
}
