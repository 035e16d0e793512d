package spool_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/services/collector/ingest/spool"
)

func open(t *testing.T, opt spool.Options) *spool.Spool {
	t.Helper()
	if opt.MaxBytes == 0 {
		opt.MaxBytes = 1 << 20
	}
	s, err := spool.Open(opt)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() }) // closed by the test itself where it matters
	return s
}

func rec(n int) spool.Record {
	return spool.Record{Received: event.Time(1000 + n), Partition: n % 3, Key: fmt.Appendf(nil, "k%d", n), Value: fmt.Appendf(nil, "value %d", n)}
}

func appendN(t *testing.T, s *spool.Spool, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		require.NoError(t, s.Append([]spool.Record{rec(i)}))
	}
}

// drain takes records until n have come.
func drain(t *testing.T, s *spool.Spool, n int) []spool.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var all []spool.Record
	for len(all) < n {
		b, err := s.Next(ctx)
		require.NoError(t, err)
		all = append(all, b.Records...)
		require.NoError(t, s.Done(b))
	}
	require.Len(t, all, n)
	return all
}

func requireRun(t *testing.T, got []spool.Record, from int) {
	t.Helper()
	for i, r := range got {
		require.Equal(t, rec(from+i), r)
	}
}

func TestOrderIsKept(t *testing.T) {
	s := open(t, spool.Options{Dir: t.TempDir(), SegmentBytes: 200})
	appendN(t, s, 0, 50)
	st := s.Stats()
	require.Equal(t, 50, st.Records)
	require.Equal(t, event.Time(1000), st.Oldest)
	requireRun(t, drain(t, s, 50), 0)
	require.Zero(t, s.Stats().Bytes, "what is done leaves the disk")
	require.True(t, s.Empty())
	appendN(t, s, 50, 60)
	requireRun(t, drain(t, s, 10), 50)
}

func TestRestartsKeepWhatWaits(t *testing.T) {
	dir := t.TempDir()
	s := open(t, spool.Options{Dir: dir, SegmentBytes: 300})
	appendN(t, s, 0, 20)
	b, err := s.Next(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.Done(b))
	done := len(b.Records)
	require.Less(t, done, 20)
	require.NoError(t, s.Close())
	s = open(t, spool.Options{Dir: dir, SegmentBytes: 300})
	require.Equal(t, 20-done, s.Stats().Records)
	require.Equal(t, event.Time(1000+done), s.Stats().Oldest)
	appendN(t, s, 20, 25)
	requireRun(t, drain(t, s, 25-done), done)
}

func TestWhatComesAfterADrainedSpoolIsNotTakenForDrained(t *testing.T) {
	dir := t.TempDir()
	for round := range 4 {
		s := open(t, spool.Options{Dir: dir, SegmentBytes: 100})
		if round > 0 {
			requireRun(t, drain(t, s, 5), round*5-5)
			require.NoError(t, s.Close())
			s = open(t, spool.Options{Dir: dir, SegmentBytes: 100})
			require.True(t, s.Empty())
		}
		appendN(t, s, round*5, round*5+5)
		require.NoError(t, s.Close())
	}
}

func TestTornAndDamagedWritesCostThemselvesAlone(t *testing.T) {
	dir := t.TempDir()
	s := open(t, spool.Options{Dir: dir})
	appendN(t, s, 0, 5)
	require.NoError(t, s.Close())
	files, err := filepath.Glob(filepath.Join(dir, "*.spool"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	whole, err := os.ReadFile(files[0])
	require.NoError(t, err)
	size := len(whole) / 5

	damaged := append([]byte(nil), whole...)
	damaged[2*size+size-1] ^= 0xff               // the third record's last byte
	damaged = append(damaged, whole[:size-3]...) // a write that was cut off
	require.NoError(t, os.WriteFile(files[0], damaged, 0o600))
	s = open(t, spool.Options{Dir: dir})
	require.Equal(t, 4, s.Stats().Records)
	appendN(t, s, 5, 7)
	got := drain(t, s, 6)
	var ids []event.Time
	for _, r := range got {
		ids = append(ids, r.Received-1000)
	}
	require.Equal(t, []event.Time{0, 1, 3, 4, 5, 6}, ids)
	require.Positive(t, s.Stats().Skipped)
}

func TestFullIsFull(t *testing.T) {
	s := open(t, spool.Options{Dir: t.TempDir(), MaxBytes: 400})
	var n int
	for ; ; n++ {
		if err := s.Append([]spool.Record{rec(n)}); err != nil {
			require.ErrorIs(t, err, spool.ErrFull)
			break
		}
	}
	require.Positive(t, n)
	require.LessOrEqual(t, s.Stats().Bytes, int64(400))
	requireRun(t, drain(t, s, n), 0)
	require.NoError(t, s.Append([]spool.Record{rec(n)}), "room again")
	require.ErrorIs(t, s.Append([]spool.Record{{Value: make([]byte, 5<<20)}}), spool.ErrTooLarge)
}

func TestOneProcessOwnsAFolder(t *testing.T) {
	dir := t.TempDir()
	s := open(t, spool.Options{Dir: dir})
	_, err := spool.Open(spool.Options{Dir: dir, MaxBytes: 1})
	require.ErrorIs(t, err, spool.ErrInUse)
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Append([]spool.Record{rec(1)}), spool.ErrClosed)
	open(t, spool.Options{Dir: dir})
}

func TestManyWritersAndAReader(t *testing.T) {
	s := open(t, spool.Options{Dir: t.TempDir(), SegmentBytes: 4 << 10, MaxBytes: 64 << 20})
	const writers, each = 8, 200
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := s.Append([]spool.Record{{Received: event.Time(i + 1), Partition: w, Value: fmt.Appendf(nil, "%d", i)}}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	got := drain(t, s, writers*each)
	wg.Wait()
	next := map[int]int{}
	for _, r := range got {
		require.Equal(t, fmt.Sprint(next[r.Partition]), string(r.Value), "each writer's order is kept")
		next[r.Partition]++
	}
	require.True(t, s.Empty())
}

func TestLargeRecords(t *testing.T) {
	s := open(t, spool.Options{Dir: t.TempDir(), MaxBytes: 64 << 20})
	big := spool.Record{Received: 1, Value: bytes.Repeat([]byte{'x'}, 3<<20)}
	require.NoError(t, s.Append([]spool.Record{big, rec(1), big}))
	got := drain(t, s, 3)
	require.Len(t, got[0].Value, 3<<20)
	require.Equal(t, rec(1), got[1])
}

// FuzzFolder opens a folder that holds any bytes: what was appended behind them
// comes out whole.
func FuzzFolder(f *testing.F) {
	dir := f.TempDir()
	s, err := spool.Open(spool.Options{Dir: dir, MaxBytes: 1 << 20})
	require.NoError(f, err)
	require.NoError(f, s.Append([]spool.Record{rec(1), rec(2)}))
	require.NoError(f, s.Close())
	good, err := os.ReadFile(filepath.Join(dir, "000000000001.spool"))
	require.NoError(f, err)
	f.Add(good, "1 0")
	f.Add(good[:len(good)-1], "1 7")
	f.Add(append([]byte("TwSP\xff\xff\xff\xff"), good...), "9 9")
	f.Add([]byte("TwSPTwSPTwSP"), "x")
	f.Add([]byte{}, "")
	f.Fuzz(func(t *testing.T, file []byte, place string) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "000000000001.spool"), file, 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "place"), []byte(place), 0o600))
		s, err := spool.Open(spool.Options{Dir: dir, MaxBytes: 1 << 30})
		require.NoError(t, err)
		old := s.Stats().Records
		mark := spool.Record{Received: 5, Key: []byte{}, Value: []byte("behind")}
		require.NoError(t, s.Append([]spool.Record{mark}))
		var all []spool.Record
		for len(all) < old+1 {
			b, err := s.Next(t.Context())
			require.NoError(t, err)
			all = append(all, b.Records...)
			require.NoError(t, s.Done(b))
		}
		require.Equal(t, mark, all[old])
		require.NoError(t, s.Close())
	})
}
