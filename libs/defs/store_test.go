package defs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/stream/streamtest"
	"github.com/tagwire/tagwire/schemas"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const wecom = `{"kind":"wecom","corp_id":"ww1","token":"the-token","encoding_aes_key":"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"}`

func options(t testing.TB, c *stream.Client) defs.Options {
	t.Helper()
	m, err := seal.NewMaster([]byte(strings.Repeat("m", seal.KeySize)))
	require.NoError(t, err)
	return defs.Options{Stream: c, Master: m, Writer: "test", Log: zaptest.NewLogger(t), Now: func() time.Time { return noon }}
}

func open(t testing.TB, c *stream.Client) *defs.Store {
	t.Helper()
	s, err := defs.Open(t.Context(), options(t, c))
	require.NoError(t, err)
	return s
}

// run follows the topic until the test ends.
func run(t testing.TB, s *defs.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context())) // ends in Cleanup, where its end is awaited
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	})
}

func put(t testing.TB, s *defs.Store, kind, id, body string, expect int64) defs.Def {
	t.Helper()
	d, err := s.Put(t.Context(), defs.Put{Kind: kind, ID: id, Expect: expect, Author: "张三", Body: json.RawMessage(body)})
	require.NoError(t, err)
	return d
}

func topic(t testing.TB, c *stream.Client) []stream.Record {
	t.Helper()
	ranges, err := c.Ranges(t.Context(), schemas.TopicDefs, 1)
	require.NoError(t, err)
	var out []stream.Record
	for at := ranges[0].First; at < ranges[0].End; {
		b, err := c.Fetch(t.Context(), schemas.TopicDefs, 0, at, time.Second)
		require.NoError(t, err)
		out = append(out, b.Records...)
		at = b.Next
	}
	return out
}

func TestPutAndReadBack(t *testing.T) {
	c := streamtest.Start(t)
	s := open(t, c)
	before := s.Changed()
	d := put(t, s, defs.KindChannel, "ch_7", `{"name":"抖音","store_id":"s1","tags":["渠道:抖音"]}`, defs.ExpectNone)
	require.Equal(t, defs.Def{
		Kind: defs.KindChannel, ID: "ch_7", Version: 1, Author: "张三", Time: event.At(noon),
		Body: json.RawMessage(`{"name":"抖音","store_id":"s1","tags":["渠道:抖音"]}`),
	}, d)
	select {
	case <-before:
	default:
		t.Fatal("the change was not announced")
	}
	got, ok := s.Get(defs.KindChannel, "ch_7")
	require.True(t, ok)
	require.Equal(t, d, got)
	b, err := defs.Body[defs.Channel](got)
	require.NoError(t, err)
	require.Equal(t, defs.Channel{Name: "抖音", StoreID: "s1", Tags: []string{"渠道:抖音"}}, b)

	d2 := put(t, s, defs.KindChannel, "ch_7", `{"name":"门店"}`, 1)
	require.EqualValues(t, 2, d2.Version)
	put(t, s, defs.KindChannel, "a", `{}`, defs.ExpectAny)

	fresh := open(t, c)
	require.Equal(t, []string{"a", "ch_7"}, ids(fresh.List(defs.KindChannel)))
	old, ok := fresh.At(defs.KindChannel, "ch_7", 1)
	require.True(t, ok)
	require.Equal(t, d, old)
	require.Equal(t, []defs.Def{d, d2}, fresh.Versions(defs.KindChannel, "ch_7"))
	require.Empty(t, fresh.List(defs.KindStore))
	_, ok = fresh.At(defs.KindChannel, "ch_7", 3)
	require.False(t, ok)
}

func ids(list []defs.Def) []string {
	var out []string
	for _, d := range list {
		out = append(out, d.ID)
	}
	return out
}

func TestConflictsSayWhatStands(t *testing.T) {
	s := open(t, streamtest.Start(t))
	put(t, s, defs.KindStore, "s1", `{"name":"a"}`, defs.ExpectNone)
	put(t, s, defs.KindStore, "s1", `{"name":"b"}`, 1)
	for _, expect := range []int64{defs.ExpectNone, 1, 3} {
		_, err := s.Put(t.Context(), defs.Put{Kind: defs.KindStore, ID: "s1", Expect: expect, Body: json.RawMessage(`{}`)})
		require.ErrorIs(t, err, defs.ErrConflict)
		var c *defs.ConflictError
		require.ErrorAs(t, err, &c)
		require.EqualValues(t, 2, c.Current.Version)
		require.JSONEq(t, `{"name":"b"}`, string(c.Current.Body))
	}
	_, err := s.Put(t.Context(), defs.Put{Kind: defs.KindStore, ID: "none", Expect: 1, Body: json.RawMessage(`{}`)})
	require.ErrorIs(t, err, defs.ErrConflict)
}

func TestDeletedAndCreatedAgain(t *testing.T) {
	c := streamtest.Start(t)
	s := open(t, c)
	put(t, s, defs.KindStore, "s1", `{"name":"a"}`, defs.ExpectNone)
	_, err := s.Delete(t.Context(), defs.Put{Kind: defs.KindStore, ID: "s1", Expect: 2})
	require.ErrorIs(t, err, defs.ErrConflict)
	d, err := s.Delete(t.Context(), defs.Put{Kind: defs.KindStore, ID: "s1", Expect: 1})
	require.NoError(t, err)
	require.True(t, d.Deleted)
	_, ok := s.Get(defs.KindStore, "s1")
	require.False(t, ok)
	require.Empty(t, s.List(defs.KindStore))
	_, err = s.Delete(t.Context(), defs.Put{Kind: defs.KindStore, ID: "s1", Expect: defs.ExpectAny})
	require.ErrorIs(t, err, defs.ErrNotFound)
	require.EqualValues(t, 3, put(t, s, defs.KindStore, "s1", `{"name":"b"}`, defs.ExpectNone).Version)
	require.Len(t, open(t, c).Versions(defs.KindStore, "s1"), 3)
}

func TestOneOfManyWritersWinsEachVersion(t *testing.T) {
	kafka := streamtest.StartKafka(t)
	const writers, rounds = 6, 10
	stores := make([]*defs.Store, writers)
	for i := range stores {
		stores[i] = open(t, kafka.Connect(t))
		if i%2 == 0 { // with and without somebody following
			run(t, stores[i])
		}
	}
	var wins [rounds + 1]atomic.Int64
	for n := range int64(rounds) {
		var all sync.WaitGroup
		failed := make(chan error, writers)
		for i, s := range stores {
			all.Go(func() {
				d, err := s.Put(t.Context(), defs.Put{
					Kind: defs.KindStore, ID: "s1", Expect: n, Author: fmt.Sprint(i), Body: json.RawMessage(fmt.Sprintf(`{"name":"%d"}`, i)),
				})
				switch {
				case err == nil && d.Author == fmt.Sprint(i):
					wins[d.Version].Add(1)
				case !errors.Is(err, defs.ErrConflict):
					failed <- fmt.Errorf("writer %d got %+v: %w", i, d, err)
				}
			})
		}
		all.Wait()
		close(failed)
		require.NoError(t, <-failed)
		require.EqualValues(t, 1, wins[n+1].Load(), "version %d", n+1)
	}
	want := stores[0].Versions(defs.KindStore, "s1")
	require.Len(t, want, rounds)
	for _, s := range append(stores, open(t, kafka.Client)) {
		require.Eventually(t, func() bool { return len(s.Versions(defs.KindStore, "s1")) == rounds || catchUp(t, s) }, 5*time.Second, time.Millisecond)
		require.Equal(t, want, s.Versions(defs.KindStore, "s1"))
	}
	// What compaction leaves, the newest value per key, says the same.
	newest := map[string][]byte{}
	for _, r := range topic(t, kafka.Client) {
		newest[string(r.Key)] = r.Value
	}
	left := 0
	for _, v := range newest {
		if v != nil {
			left++
		}
	}
	require.Equal(t, rounds, left, "every record that came second is deleted")
}

// catchUp makes a store that nobody follows read, by a write that is refused.
func catchUp(t *testing.T, s *defs.Store) bool {
	_, err := s.Put(t.Context(), defs.Put{Kind: defs.KindStore, ID: "s1", Expect: 0, Body: json.RawMessage(`{}`)})
	require.ErrorIs(t, err, defs.ErrConflict)
	return false
}

func TestCompactionKeepsTheWinner(t *testing.T) {
	c := streamtest.Start(t)
	s := open(t, c)
	first := put(t, s, defs.KindStore, "s1", `{"name":"first"}`, defs.ExpectNone)
	key := string(topic(t, c)[0].Key)
	publish := func(key string, value []byte) {
		t.Helper()
		_, err := c.Publish(t.Context(), schemas.TopicDefs, 0, []stream.Message{{Key: []byte(key), Value: value}})
		require.NoError(t, err)
	}
	// A second writer's record, and the first's once more because its request was
	// repeated: compaction would keep the second in front of the first.
	loser := key + "z"
	publish(loser, []byte(`{"author":"b","body":{"name":"second"}}`))
	publish(key, topic(t, c)[0].Value)
	run(t, s)
	require.Eventually(t, func() bool {
		records := topic(t, c)
		last := records[len(records)-1]
		return string(last.Key) == loser && last.Value == nil
	}, 5*time.Second, time.Millisecond, "the winner deletes what came second")
	got, _ := open(t, c).Get(defs.KindStore, "s1")
	require.Equal(t, first, got)
}

func TestFollowersSeeChanges(t *testing.T) {
	kafka := streamtest.StartKafka(t)
	writer, reader := open(t, kafka.Client), open(t, kafka.Connect(t))
	run(t, reader)
	changed := reader.Changed()
	put(t, writer, defs.KindStaff, "zhang.san@x", `{"name":"张三","leader":"li"}`, defs.ExpectNone)
	select {
	case <-changed:
	case <-time.After(10 * time.Second):
		t.Fatal("no change came")
	}
	_, ok := reader.Get(defs.KindStaff, "zhang.san@x")
	require.True(t, ok)
}

func TestOpenWaitsForKafkaAndGivesUpWithItsContext(t *testing.T) {
	c, err := stream.New(stream.Config{Brokers: []string{"127.0.0.1:1"}}, zaptest.NewLogger(t))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = defs.Open(ctx, options(t, c))
	require.Error(t, err)
}

func TestSecretsAreSealedInTheLog(t *testing.T) {
	c := streamtest.Start(t)
	s := open(t, c)
	d := put(t, s, defs.KindSource, "shop1", wecom, defs.ExpectNone)
	route := put(t, s, defs.KindRoute, "r1", `{"channels":[{"kind":"robot","name":"群","url":"https://qyapi.example.com/send?key=robot-key"},{"kind":"webhook","url":"https://example.com/hook","secret":"hook-secret"}]}`, defs.ExpectNone)
	for _, r := range topic(t, c) {
		for _, secret := range []string{"the-token", "abcdefghij", "robot-key", "hook-secret"} {
			require.NotContains(t, string(r.Value), secret)
		}
	}
	fresh := open(t, c)
	got, _ := fresh.Get(defs.KindSource, "shop1")
	b, err := defs.Body[defs.Source](got)
	require.NoError(t, err)
	require.Equal(t, "the-token", b.Token)
	require.JSONEq(t, wecom, string(d.Body))

	shown := defs.Masked(got)
	require.JSONEq(t, `{"kind":"wecom","corp_id":"ww1","token":"********","encoding_aes_key":"********"}`, string(shown.Body))
	require.JSONEq(t, `{"channels":[{"kind":"robot","name":"群","url":"********"},{"kind":"webhook","url":"https://example.com/hook","secret":"********"}]}`, string(defs.Masked(route).Body))

	// Written back as shown, with one more field, the secrets stay.
	again := put(t, fresh, defs.KindSource, "shop1", strings.Replace(string(shown.Body), `{`, `{"name":"一号店",`, 1), 1)
	b, err = defs.Body[defs.Source](again)
	require.NoError(t, err)
	require.Equal(t, "the-token", b.Token)
	require.Equal(t, "一号店", b.Name)
	_, err = fresh.Put(t.Context(), defs.Put{Kind: defs.KindSource, ID: "shop2", Body: shown.Body})
	require.ErrorIs(t, err, defs.ErrInvalid, "a mask is no secret")

	// A store with another master key serves the rest, and shows nothing.
	opt := options(t, c)
	opt.Master, err = seal.NewMaster([]byte(strings.Repeat("w", seal.KeySize)))
	require.NoError(t, err)
	other, err := defs.Open(t.Context(), opt)
	require.NoError(t, err)
	got, ok := other.Get(defs.KindSource, "shop1")
	require.True(t, ok)
	require.NotContains(t, string(got.Body), "the-token")
	require.Contains(t, string(got.Body), "ww1")
}

func TestRecordsOfNewerProgramsStay(t *testing.T) {
	c := streamtest.Start(t)
	for key, value := range map[string]string{
		"store/s1@1/w":   `{"author":"a","time":"2026-11-22T12:00:00.000Z","body":{"name":"店","floors":3}}`,
		"planet/p1@1/w":  `{"author":"a","time":"2026-11-22T12:00:00.000Z","body":{"x":1}}`,
		"nonsense":       `{}`,
		"store/s2@x/w":   `{}`,
		"store/s3@1/w":   `{"author":`,
		"store/@1/w":     `{}`,
		"store/s4@1/w/w": `{}`,
	} {
		_, err := c.Publish(t.Context(), schemas.TopicDefs, 0, []stream.Message{{Key: []byte(key), Value: []byte(value)}})
		require.NoError(t, err)
	}
	s := open(t, c)
	d, ok := s.Get(defs.KindStore, "s1")
	require.True(t, ok)
	require.JSONEq(t, `{"name":"店","floors":3}`, string(d.Body))
	b, err := defs.Body[defs.Shop](d)
	require.NoError(t, err)
	require.Equal(t, "店", b.Name)
	require.Equal(t, []string{"s1"}, ids(s.List(defs.KindStore)))
	p, ok := s.Get("planet", "p1")
	require.True(t, ok)
	require.JSONEq(t, `{"x":1}`, string(p.Body))
	require.Empty(t, defs.Masked(p).Body)
}
