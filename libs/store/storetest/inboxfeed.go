package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/inbox"
)

// inboxCollect reads updates until n have come.
func inboxCollect(t *testing.T, ch <-chan inbox.Update, n int) []inbox.Update {
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

func inboxReader(t *testing.T, rdb redis.UniversalClient) *inbox.Inbox {
	t.Helper()
	box := inbox.New(rdb, inboxPartitions, zap.NewNop())
	done := make(chan error, 1)
	go func() { done <- box.Run(t.Context()) }()
	t.Cleanup(func() { require.ErrorIs(t, <-done, context.Canceled) }) // the context ends before the clean-up
	select {
	case <-box.Ready():
	case <-time.After(10 * time.Second):
		require.FailNow(t, "the feed does not start")
	}
	return box
}

func inboxFollowResumesBehindAnID(t *testing.T, rdb redis.UniversalClient) {
	box := inboxReader(t, rdb)
	w0, w2 := inboxOwn(t, rdb, 0), inboxOwn(t, rdb, 2)
	inboxPut(t, w0, inboxRaised("before", inboxNoon, "zhang"))
	first := box.Follow(t.Context(), "")
	inboxPut(t, w0, inboxRaised("a1", inboxNoon, "zhang"))
	met := inboxCollect(t, first, 1)[0]
	if met.Alert.AlertID == "before" { // now is where the feed stands, which may be a moment behind the log
		met = inboxCollect(t, first, 1)[0]
	}
	require.Equal(t, "a1", met.Alert.AlertID)
	inboxPut(t, w2, inboxRaised("a2", inboxNoon, "zhang"))
	inboxAct(t, w0, "a1", event.AlertAction{Verb: "claim", By: "zhang", At: inboxNoon + 5, EventID: "c1"})
	inboxPut(t, w2, inboxRaised("a3", inboxNoon, "zhang"))
	live := inboxCollect(t, first, 3)

	// the same behind each id, by a new inboxReader as after a restart
	again := inboxReader(t, rdb)
	all := append([]inbox.Update{met}, live...)
	for n, from := range all {
		got := inboxCollect(t, again.Follow(t.Context(), from.ID), len(all)-n-1)
		for i, u := range got {
			require.False(t, u.Resync)
			require.Contains(t, all[n+1:], inboxToldLive(all, u), "update %d behind %d", i, n)
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

// inboxToldLive finds the live update that tells the same as u.
func inboxToldLive(all []inbox.Update, u inbox.Update) inbox.Update {
	for _, x := range all {
		if x.Alert.AlertID == u.Alert.AlertID && x.Alert.State == u.Alert.State {
			return x
		}
	}
	return inbox.Update{ID: "not told live"}
}

func inboxFollowTellsResync(t *testing.T, rdb redis.UniversalClient) {
	box := inboxReader(t, rdb)
	w, _, err := inbox.Own(t.Context(), inbox.WriterOptions{Redis: rdb, Partition: 1, Topic: "alerts.1", LogLength: 10})
	require.NoError(t, err)
	f := box.Follow(t.Context(), "not an id")
	require.True(t, inboxCollect(t, f, 1)[0].Resync, "an id that was never given out")
	inboxPut(t, w, inboxRaised("a1", inboxNoon, "zhang"))
	old := inboxCollect(t, f, 1)[0]
	require.Equal(t, "a1", old.Alert.AlertID, "behind a resync the feed goes on")
	for n := range 500 { // more than the log keeps
		inboxPut(t, w, inboxRaised(fmt.Sprintf("b%d", n), inboxNoon, "zhang"))
	}
	require.NoError(t, rdb.XTrimMaxLen(t.Context(), "tw:inbox:{1}:log", 10).Err())
	got := inboxCollect(t, inboxReader(t, rdb).Follow(t.Context(), old.ID), 1)
	require.True(t, got[0].Resync, "the log no longer has what came behind the id")
	require.NotEqual(t, old.ID, got[0].ID)
	other := inbox.New(rdb, inboxPartitions+1, zap.NewNop())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- other.Run(ctx) }()
	require.True(t, inboxCollect(t, other.Follow(ctx, got[0].ID), 1)[0].Resync, "an id of another number of partitions")
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
}

func inboxSlowFollowerMissesNothing(t *testing.T, rdb redis.UniversalClient) {
	box := inboxReader(t, rdb)
	w := inboxOwn(t, rdb, 1)
	ctx, cancel := context.WithCancel(t.Context())
	slow, quick := box.Follow(ctx, ""), box.Follow(ctx, "")
	inboxPut(t, w, inboxRaised("start", inboxNoon, "zhang"))
	inboxCollect(t, quick, 1)
	const many = 6000 // more than the ring holds
	for n := 0; n < many; n += 500 {
		var list []*event.Alert
		for i := range 500 {
			list = append(list, inboxRaised(fmt.Sprintf("a%05d", n+i), inboxNoon, "zhang"))
		}
		inboxPut(t, w, list...)
	}
	quickGot, slowGot := inboxCollect(t, quick, many), inboxCollect(t, slow, many+1)[1:]
	for n := range many {
		want := fmt.Sprintf("a%05d", n)
		require.Equal(t, want, quickGot[n].Alert.AlertID)
		require.Equal(t, want, slowGot[n].Alert.AlertID)
	}
	cancel()
	_, open := <-slow
	require.False(t, open, "the feed is closed when its context ends")
}

func inboxPaceIsASlidingWindow(t *testing.T, rdb redis.UniversalClient) {
	p := inbox.Pace{Redis: rdb, Most: 3, Window: time.Hour}
	for range 3 {
		wait, err := p.Take(t.Context(), "a")
		require.NoError(t, err)
		require.Zero(t, wait)
	}
	wait, err := p.Take(t.Context(), "a")
	require.NoError(t, err)
	require.Greater(t, wait, 50*time.Minute, "until the first of the three is an hour old")
	require.LessOrEqual(t, wait, time.Hour)
	wait, err = p.Take(t.Context(), "b")
	require.NoError(t, err)
	require.Zero(t, wait, "another name has turns of its own")
	short := inbox.Pace{Redis: rdb, Most: 1, Window: 20 * time.Millisecond}
	_, err = short.Take(t.Context(), "c")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		wait, err := short.Take(t.Context(), "c")
		return err == nil && wait == 0
	}, 10*time.Second, 5*time.Millisecond, "turns come back")
}
