package storetest

import (
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
)

// Inbox is what a Redis must do for the alert inbox to be exact: one writer of a
// partition, whose commits change all or nothing and once; lists that a page does
// not tear; a feed that misses nothing, or says so. open gives an empty Redis.
func Inbox(t *testing.T, open Opener) {
	run(t, open, map[string]check{
		"a former writer is refused":            inboxRefusesAFormerWriter,
		"a commit given twice is one":           inboxCommitGivenTwiceIsOne,
		"loss is noticed":                       inboxLossIsNoticed,
		"lists are newest first, page by page":  inboxListIsNewestFirst,
		"lists by state and staff":              inboxListByStateAndStaff,
		"what leaves leaves nothing behind":     inboxLeavesNothingBehind,
		"a follower resumes behind an id":       inboxFollowResumesBehindAnID,
		"a follower is told what it has missed": inboxFollowTellsResync,
		"a slow follower misses nothing":        inboxSlowFollowerMissesNothing,
		"pace is a sliding window":              inboxPaceIsASlidingWindow,
	})
}

const inboxPartitions = 3

var inboxNoon = event.At(time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC))

func inboxRaised(id string, at event.Time, staff string) *event.Alert {
	return &event.Alert{
		AlertID: id, Profile: "p1", Rule: "高意向", RuleVersion: 3, Tag: "高意向", Severity: "high", Title: "张三",
		To: "owner", StaffID: staff, RaisedAt: at, Cause: "e1",
		Evidence: []event.Evidence{{EventID: "e1", Type: "link.open", Time: at}},
	}
}

func inboxOwn(t *testing.T, rdb redis.UniversalClient, p int) *inbox.Writer {
	t.Helper()
	w, _, err := inbox.Own(t.Context(), inbox.WriterOptions{Redis: rdb, Partition: p, Topic: "alerts.1"})
	require.NoError(t, err)
	return w
}

func inboxPut(t *testing.T, w *inbox.Writer, list ...*event.Alert) {
	t.Helper()
	tx := w.Begin()
	for _, a := range list {
		tx.Put(nil, inbox.NewEntry(a, inbox.Keep{}.Defaults()), true)
	}
	require.NoError(t, w.Commit(t.Context(), tx))
}

func inboxAct(t *testing.T, w *inbox.Writer, id string, a event.AlertAction) {
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

func inboxIDs(page inbox.Page) []string {
	var out []string
	for _, a := range page.Alerts {
		out = append(out, a.AlertID)
	}
	return out
}

func inboxRefusesAFormerWriter(t *testing.T, rdb redis.UniversalClient) {
	old := inboxOwn(t, rdb, 0)
	inboxPut(t, old, inboxRaised("a1", inboxNoon, "zhang"))
	young := inboxOwn(t, rdb, 0)

	tx := old.Begin()
	tx.Put(nil, inbox.NewEntry(inboxRaised("a2", inboxNoon, "zhang"), inbox.Keep{}.Defaults()), true)
	require.ErrorIs(t, old.Commit(t.Context(), tx), store.ErrNotOwner)
	_, err := old.Work(t.Context(), inboxNoon)
	require.ErrorIs(t, err, store.ErrNotOwner)

	inboxPut(t, young, inboxRaised("a3", inboxNoon, "zhang"))
	page, err := inbox.New(rdb, inboxPartitions, zap.NewNop()).List(t.Context(), inbox.Query{})
	require.NoError(t, err)
	require.Equal(t, []string{"a3", "a1"}, inboxIDs(page), "the old writer's alert must not be there")
}

func inboxCommitGivenTwiceIsOne(t *testing.T, rdb redis.UniversalClient) {
	w := inboxOwn(t, rdb, 0)
	replay := *w // what go-redis does after a lost reply: the same words again
	tx := w.Begin()
	tx.Put(nil, inbox.NewEntry(inboxRaised("a1", inboxNoon, "zhang"), inbox.Keep{}.Defaults()), true)
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

func inboxLossIsNoticed(t *testing.T, rdb redis.UniversalClient) {
	old := inboxOwn(t, rdb, 0)
	inboxPut(t, old, inboxRaised("a1", inboxNoon, "zhang"))
	emptied(t, rdb)

	tx := old.Begin()
	tx.Offset(9)
	require.ErrorIs(t, old.Commit(t.Context(), tx), store.ErrLost)
	_, err := old.Work(t.Context(), inboxNoon)
	require.ErrorIs(t, err, store.ErrLost)

	young := inboxOwn(t, rdb, 0)
	inboxPut(t, young, inboxRaised("a1", inboxNoon, "zhang"))
	require.Error(t, old.Commit(t.Context(), tx), "the old writer must not fit the new position")
}

func inboxListIsNewestFirst(t *testing.T, rdb redis.UniversalClient) {
	box := inbox.New(rdb, inboxPartitions, zap.NewNop())
	var want []string
	var writers []*inbox.Writer
	for p := range inboxPartitions {
		writers = append(writers, inboxOwn(t, rdb, p))
	}
	for n := range 60 { // many share a millisecond
		id := fmt.Sprintf("a%02d", n)
		staff := []string{"zhang", "li", ""}[n%3]
		inboxPut(t, writers[n*7%inboxPartitions], inboxRaised(id, inboxNoon+event.Time(n/10), staff))
		want = append(want, id)
	}
	slices.Reverse(want)

	var got []string
	var cursor string
	for {
		page, err := box.List(t.Context(), inbox.Query{Cursor: cursor, Limit: 7})
		require.NoError(t, err)
		got = append(got, inboxIDs(page)...)
		if cursor = page.Next; cursor == "" {
			break
		}
		// what comes between two pages moves no page
		inboxPut(t, writers[0], inboxRaised("z"+fmt.Sprint(len(got)), inboxNoon+1000, "zhang"))
	}
	require.Equal(t, want, got)

	_, err := box.List(t.Context(), inbox.Query{Cursor: "!!"})
	require.ErrorIs(t, err, inbox.ErrID)
}

func inboxListByStateAndStaff(t *testing.T, rdb redis.UniversalClient) {
	box := inbox.New(rdb, inboxPartitions, zap.NewNop())
	w := inboxOwn(t, rdb, 1)
	inboxPut(t, w, inboxRaised("a1", inboxNoon, "zhang"), inboxRaised("a2", inboxNoon+1, "li"), inboxRaised("a3", inboxNoon+2, ""))
	inboxAct(t, w, "a2", event.AlertAction{Verb: "claim", By: "wang", At: inboxNoon + 5, EventID: "c1"})

	f := func(q inbox.Query, want ...string) {
		t.Helper()
		page, err := box.List(t.Context(), q)
		require.NoError(t, err)
		require.Equal(t, want, inboxIDs(page))
	}
	f(inbox.Query{}, "a3", "a2", "a1")
	f(inbox.Query{State: inbox.Open}, "a3", "a1")
	f(inbox.Query{State: inbox.Claimed}, "a2")
	f(inbox.Query{Staff: []string{"zhang"}}, "a1")
	f(inbox.Query{Staff: []string{"wang"}}, "a2")
	f(inbox.Query{Staff: []string{"wang", "li", ""}}, "a3", "a2")
	f(inbox.Query{Staff: []string{"li"}, State: inbox.Open})
	f(inbox.Query{Staff: []string{}})

	inboxAct(t, w, "a2", event.AlertAction{Verb: "handover", By: "wang", To: "zhao", At: inboxNoon + 6, EventID: "h1"})
	f(inbox.Query{Staff: []string{"wang"}})
	f(inbox.Query{Staff: []string{"zhao"}, State: inbox.Open}, "a2")

	_, err := box.Get(t.Context(), "none")
	require.ErrorIs(t, err, inbox.ErrUnknown)
}

func inboxLeavesNothingBehind(t *testing.T, rdb redis.UniversalClient) {
	w := inboxOwn(t, rdb, 0)
	before := keys(t, rdb)
	inboxPut(t, w, inboxRaised("a1", inboxNoon, "zhang"))
	inboxAct(t, w, "a1", event.AlertAction{Verb: "ack", By: "zhang", At: inboxNoon + 5, EventID: "k1"})
	work, err := w.Work(t.Context(), (inboxNoon + 5).Add(30*24*time.Hour))
	require.NoError(t, err)
	require.Equal(t, []string{"a1"}, work.Leaving)
	got, err := w.Load(t.Context(), work.Leaving)
	require.NoError(t, err)
	tx := w.Begin()
	tx.Remove(got["a1"])
	require.NoError(t, w.Commit(t.Context(), tx))
	require.NoError(t, rdb.Del(t.Context(), "tw:inbox:{0}:log").Err()) // keeps its newest entries by its inboxOwn rule
	require.ElementsMatch(t, before, keys(t, rdb))
}
