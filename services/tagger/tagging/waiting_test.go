package tagging

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/apply"
	"github.com/tagwire/tagwire/schemas"
)

// waiting is a shard of its own with a customer whom identities leave.
type waiting struct {
	*mesh
	t    *testing.T
	set  *rule.Set
	sent []event.Arrival
	n    int64
}

func newWaiting(t *testing.T) *waiting {
	set, err := rule.Compile(1, map[string]string{"rules.yaml": "measures: {n: {count: open}}\ntags: {A: {when: n >= 1}}\n"})
	require.NoError(t, err)
	x, err := newMesh(set, 1, 1)
	require.NoError(t, err)
	x.calm = true
	return &waiting{mesh: x, t: t, set: set}
}

// record delivers a record of a profile.
func (w *waiting) record(r event.Record) error {
	w.n++
	r.Source, r.Number, r.Place = "raw.1/0", w.n, event.Time(1000*w.n)
	if r.Event != nil {
		r.Kind, r.Event.Time, r.Event.ReceivedAt = event.KindEvent, r.Place, r.Place
		w.sent = append(w.sent, event.Arrival{Record: r})
	}
	b, err := r.Encode()
	require.NoError(w.t, err)
	return w.deliver(w.t.Context(), 0, b)
}

func (w *waiting) does(p string, id event.Identity) {
	w.t.Helper()
	require.NoError(w.t, w.record(event.Record{Profile: p, Own: []event.Identity{id}, Event: &event.Event{
		EventID: fmt.Sprint("e", w.n), Type: "open", Source: "s", Identities: []event.Identity{id},
	}}))
}

// unmerge lets an identity leave p, and its profile begin.
func (w *waiting) unmerge(p string, u *event.Unmerge) {
	w.t.Helper()
	var ids []any
	for _, id := range u.Moved {
		ids = append(ids, id.String())
	}
	require.NoError(w.t, w.record(event.Record{Profile: p, Event: &event.Event{
		EventID: u.EventID, Type: event.TypeUnmerge, Source: event.SourceConsole, Properties: event.Fields{"profile": u.Into, "identities": ids},
	}}))
	require.NoError(w.t, w.record(event.Record{Profile: u.Into, Own: u.Moved, Event: &event.Event{
		EventID: "split" + u.EventID, Type: event.TypeSplit, Source: event.SourceConsole, Properties: event.Fields{"from": p, "profile": u.Into, "unmerge": u.EventID},
	}}))
}

func (w *waiting) handOver(u *event.Unmerge, past *profile.Profile) error {
	state, err := past.Encode()
	require.NoError(w.t, err)
	return w.record(event.Record{
		Kind: event.KindHandover, Profile: past.ID, Repair: true, Merge: &event.Merge{ID: u.MergeID(past.ID), Other: past.ID, Parts: 1, State: state},
	})
}

func (w *waiting) opens(id string) string {
	m, _ := w.set.Measure("n")
	p := w.profiles(w.t)[id]
	return m.Value(p, p.Clock).String()
}

var threeIDs = []event.Identity{{Namespace: "user_id", Value: "a"}, {Namespace: "openid.x", Value: "b"}, {Namespace: "openid.y", Value: "c"}}

// An unmerge of who still waits for the past of the one before: what comes is the
// past of the newer, in which the older's is.
func TestTwoUnmergesInARowGiveEachItsPastOnce(t *testing.T) {
	w := newWaiting(t)
	for range 2 {
		for _, id := range threeIDs {
			w.does("p-1", id)
		}
	}
	first := &event.Unmerge{EventID: "u1", Into: "p-2", Moved: threeIDs[1:2]}
	second := &event.Unmerge{EventID: "u2", Into: "p-3", Moved: threeIDs[2:]}
	past := slices.Clone(w.sent)
	w.unmerge("p-1", first)
	w.does("p-1", threeIDs[0])
	w.does("p-1", threeIDs[1]) // passed on
	stays, left := apply.Part(w.set, "p-1", first, past, 100_000)
	rest, _, _ := first.Part(slices.Clone(w.sent[:6]), 6)
	rest = append(rest, w.sent[8]) // a's, between the two
	w.unmerge("p-1", second)
	more, err := w.step(t.Context()) // what was passed on
	require.NoError(t, err)
	require.True(t, more)
	require.NoError(t, w.handOver(first, stays), "it comes too late")
	require.NotEmpty(t, w.profiles(t)["p-1"].Awaits)
	require.NoError(t, w.handOver(first, left))
	require.Equal(t, "3", w.opens("p-2"))
	stays, left = apply.Part(w.set, "p-1", second, rest, 100_000)
	for range 2 {
		require.NoError(t, w.handOver(second, stays))
		require.NoError(t, w.handOver(second, left))
	}
	require.Equal(t, []string{"3", "3", "2"}, []string{w.opens("p-1"), w.opens("p-2"), w.opens("p-3")})
	for _, p := range w.profiles(t) {
		require.Empty(t, p.Awaits)
		require.Empty(t, p.Held)
		require.Len(t, p.TagStates(), 1)
	}
	require.EqualValues(t, 3, w.counts[profile.CountField("A")])
}

// A past that was folded by other rules than are in force is not taken.
func TestAPastOfOtherRulesIsWaitedForAnew(t *testing.T) {
	w := newWaiting(t)
	w.does("p-1", threeIDs[0])
	u := &event.Unmerge{EventID: "u", Into: "p-2", Moved: threeIDs[1:2]}
	w.unmerge("p-1", u)
	stays, _ := apply.Part(w.set, "p-1", u, w.sent[:1], 100_000)
	stays.Rules = 7
	require.NoError(t, w.handOver(u, stays))
	require.Equal(t, u.MergeID("p-1"), w.profiles(t)["p-1"].Awaits)
	stays.Rules = w.set.Version
	require.NoError(t, w.handOver(u, stays))
	require.Empty(t, w.profiles(t)["p-1"].Awaits)
	require.Equal(t, "1", w.opens("p-1"))
}

// What cannot be applied does not keep a customer waiting: it goes to rejected, and
// the others behind it are applied.
func TestAHeldRecordThatIsPoisonIsRejectedAlone(t *testing.T) {
	w := newWaiting(t)
	w.does("p-1", threeIDs[0])
	u := &event.Unmerge{EventID: "u", Into: "p-2", Moved: threeIDs[1:2]}
	w.unmerge("p-1", u)
	w.does("p-1", threeIDs[0])
	w.does("p-1", threeIDs[0])
	held := w.profiles(t)["p-1"].Held
	require.Len(t, held, 3, "the unmerge is one of them")
	w.owners[0].poison = map[int64]string{held[1].Offset: string(schemas.ReasonPoison) + "\x00a panic"}
	stays, _ := apply.Part(w.set, "p-1", u, w.sent[:1], 100_000)
	state, err := stays.Encode()
	require.NoError(t, err)
	r := event.Record{Kind: event.KindHandover, Profile: "p-1", Repair: true, Merge: &event.Merge{ID: u.MergeID("p-1"), Other: "p-1", Parts: 1, State: state}}
	b, err := r.Encode()
	require.NoError(t, err)
	bt, err := w.apply(t.Context(), w.owners[0], b)
	require.NoError(t, err)
	i := slices.IndexFunc(bt.entries, func(e outEntry) bool { return e.Topic == schemas.TopicRejected })
	require.GreaterOrEqual(t, i, 0)
	require.True(t, bytes.Contains(bt.entries[i].Value, []byte("a panic")), "%s", bt.entries[i].Value)
	h, _ := w.owners[0].cache.get("p-1")
	m, _ := w.set.Measure("n")
	require.Equal(t, "2", m.Value(h.p, h.p.Clock).String())
}

// What a customer holds is bounded; what is too much is rejected by its own record.
func TestWhoWaitsHoldsSoMuchAndNoMore(t *testing.T) {
	w := newWaiting(t)
	w.does("p-1", threeIDs[0])
	w.unmerge("p-1", &event.Unmerge{EventID: "u", Into: "p-2", Moved: threeIDs[1:2]})
	long := strings.Repeat("x", 30_000)
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		err = w.record(event.Record{Profile: "p-1", Event: &event.Event{EventID: fmt.Sprint("long", n), Type: "open", Source: "s", Text: long}})
	}
	var poison errPoison
	require.ErrorAs(t, err, &poison)
	require.Equal(t, schemas.ReasonStateTooLarge, poison.reason)
	require.Equal(t, w.offset, poison.offset)
	require.InDelta(t, profile.MaxHeld/30_000, n, 2)
}
