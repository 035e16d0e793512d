// Package defstest holds what a Kafka must do for definitions to be exact:
// [Contract], run on the stand-in, on the embedded broker and on Apache Kafka.
//
// Only tests import it.
package defstest

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
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

// patience is for what takes a moment; it is long because a machine may be busy.
const patience = 2 * time.Minute

type contract struct {
	cfg stream.Config
	id  string // of this run: the topic may hold others
}

// Contract checks that versions count up, that of many writers one wins each of
// them, that everybody sees the same, and that a reader begun later sees it too.
// The Kafka may be shared with others.
func Contract(t *testing.T, cfg stream.Config) {
	t.Helper()
	k := &contract{cfg: cfg, id: fmt.Sprintf("s%d", time.Now().UnixNano())}
	var catalogue []schemas.Topic
	for _, topic := range schemas.Topics(1, 1) {
		if topic.Name == schemas.TopicDefs {
			catalogue = append(catalogue, topic)
		}
	}
	c := k.connect(t)
	require.NoError(t, c.EnsureTopics(t.Context(), catalogue))
	require.Eventually(t, func() bool {
		_, err := c.Ranges(t.Context(), schemas.TopicDefs, 1)
		return err == nil
	}, patience, 10*time.Millisecond)
	t.Run("versions count up and are read back", k.versions)
	t.Run("what is deleted goes on counting", k.deleted)
	t.Run("one of many writers wins each version", k.race)
	t.Run("followers see changes", k.follow)
}

func (k *contract) connect(t *testing.T) *stream.Client {
	t.Helper()
	c, err := stream.New(k.cfg, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// open is a store of another process.
func (k *contract) open(t *testing.T) *defs.Store {
	t.Helper()
	m, err := seal.NewMaster([]byte(strings.Repeat("m", seal.KeySize)))
	require.NoError(t, err)
	s, err := defs.Open(t.Context(), defs.Options{Stream: k.connect(t), Master: m, Writer: "test", Log: zap.NewNop()})
	require.NoError(t, err)
	return s
}

// run follows the topic until the test ends.
func run(t *testing.T, s *defs.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context())) // ends in Cleanup, where its end is awaited
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	})
}

func store(id, name string, expect int64) defs.Put {
	return defs.Put{Kind: defs.KindStore, ID: id, Expect: expect, Author: name, Body: json.RawMessage(`{"name":"` + name + `"}`)}
}

func put(t *testing.T, s *defs.Store, p defs.Put) defs.Def {
	t.Helper()
	d, err := s.Put(t.Context(), p)
	require.NoError(t, err)
	return d
}

func (k *contract) versions(t *testing.T) {
	id := k.id + "v"
	s := k.open(t)
	before := s.Changed()
	one := put(t, s, store(id, "a", defs.ExpectNone))
	select {
	case <-before:
	default:
		t.Error("the change was not announced")
	}
	two := put(t, s, store(id, "b", 1))
	require.Equal(t, []int64{1, 2}, []int64{one.Version, two.Version})
	for _, expect := range []int64{defs.ExpectNone, 1, 3} {
		_, err := s.Put(t.Context(), store(id, "c", expect))
		require.ErrorIs(t, err, defs.ErrConflict)
		var conflict *defs.ConflictError
		require.ErrorAs(t, err, &conflict)
		require.EqualValues(t, 2, conflict.Current.Version, "with what stands")
	}
	later := k.open(t)
	require.Equal(t, []defs.Def{one, two}, later.Versions(defs.KindStore, id))
	got, ok := later.Get(defs.KindStore, id)
	require.True(t, ok)
	require.Equal(t, two, got)
}

func (k *contract) deleted(t *testing.T) {
	id := k.id + "d"
	s := k.open(t)
	put(t, s, store(id, "a", defs.ExpectNone))
	_, err := s.Delete(t.Context(), defs.Put{Kind: defs.KindStore, ID: id, Expect: 2})
	require.ErrorIs(t, err, defs.ErrConflict)
	_, err = s.Delete(t.Context(), defs.Put{Kind: defs.KindStore, ID: id, Expect: 1})
	require.NoError(t, err)
	_, ok := k.open(t).Get(defs.KindStore, id)
	require.False(t, ok)
	require.EqualValues(t, 3, put(t, s, store(id, "b", defs.ExpectNone)).Version)
	require.Len(t, k.open(t).Versions(defs.KindStore, id), 3)
}

const (
	writers = 6
	rounds  = 8
)

func (k *contract) race(t *testing.T) {
	id := k.id + "r"
	stores := make([]*defs.Store, writers)
	for i := range stores {
		stores[i] = k.open(t)
		if i%2 == 0 { // with and without somebody following
			run(t, stores[i])
		}
	}
	for n := range int64(rounds) {
		var all sync.WaitGroup
		var wins atomic.Int64
		for i, s := range stores {
			all.Go(func() {
				switch d, err := s.Put(t.Context(), store(id, fmt.Sprint(i), n)); {
				case err == nil && d.Author == fmt.Sprint(i) && d.Version == n+1:
					wins.Add(1)
				case !errors.Is(err, defs.ErrConflict):
					t.Errorf("writer %d got %+v: %v", i, d, err)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, wins.Load(), "version %d", n+1)
	}
	want := k.open(t).Versions(defs.KindStore, id)
	require.Len(t, want, rounds)
	for _, s := range stores {
		require.Eventually(t, func() bool {
			_, err := s.Put(t.Context(), store(id, "late", defs.ExpectNone)) // makes one that nobody follows read
			return errors.Is(err, defs.ErrConflict) && len(s.Versions(defs.KindStore, id)) == rounds
		}, patience, 10*time.Millisecond)
		require.Equal(t, want, s.Versions(defs.KindStore, id))
	}
}

func (k *contract) follow(t *testing.T) {
	id := k.id + "f"
	writer, reader := k.open(t), k.open(t)
	run(t, reader)
	put(t, writer, store(id, "a", defs.ExpectNone))
	ended := time.After(patience)
	for {
		changed := reader.Changed()
		if _, ok := reader.Get(defs.KindStore, id); ok {
			return
		}
		select {
		case <-changed:
		case <-ended:
			t.Fatal("no change came")
		}
	}
}
