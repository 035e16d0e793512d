package archive

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

func encoded(t *testing.T, offset int64, change func(*event.Event)) stream.Record {
	value, err := sample("p", int(offset), change).Encode()
	require.NoError(t, err)
	return stream.Record{Offset: offset, Value: value, Time: noon.Std()}
}

func testEncoder(t *testing.T) encoder {
	e, err := newEncoder()
	require.NoError(t, err)
	return e
}

func TestReadersWaitWhileTheIntakeIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newIntake(1000)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		offered := 0
		done := make(chan error, 1)
		go func() {
			for {
				rec := stream.Record{Offset: int64(offered), Value: make([]byte, 400)}
				if err := in.offer(ctx, 0, stream.Batch{Records: []stream.Record{rec}}, time.Now()); err != nil {
					done <- err
					return
				}
				offered++
			}
		}()
		synctest.Wait() // the reader waits: nobody takes
		held, _ := in.held()
		require.Equal(t, 3, offered)
		require.LessOrEqual(t, held, 1000+464, "one batch above the bound at most")

		require.NotNil(t, in.take(schemas.TopicEvents, testEncoder(t), limits{records: 2, bytes: 1 << 20, months: 10}, time.Now()))
		synctest.Wait()
		require.Equal(t, 5, offered, "room for two was used")
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
	})
}

func TestASetIsCutAtItsLimits(t *testing.T) {
	enc := testEncoder(t)
	fill := func(in *intake, partition, n int, change func(*event.Event)) {
		var list []stream.Record
		for i := range n {
			list = append(list, encoded(t, int64(i), func(e *event.Event) {
				if change != nil {
					change(e)
				}
				e.Time = e.Time.Add(time.Duration(i) * 40 * 24 * time.Hour) // another month each
			}))
		}
		require.NoError(t, in.offer(t.Context(), partition, stream.Batch{Records: list}, time.Now()))
	}
	spans := func(lim limits) (sizes []int) {
		in := newIntake(1 << 30)
		fill(in, 0, 7, nil)
		fill(in, 1, 7, nil)
		next := map[int]int64{}
		for b := in.take(schemas.TopicEvents, enc, lim, time.Now()); b != nil; b = in.take(schemas.TopicEvents, enc, lim, time.Now()) {
			total := 0
			for _, s := range b.set.spans {
				require.Equal(t, next[s.partition], s.lo, "no gap, nothing twice")
				next[s.partition] = s.hi
				total += int(s.hi - s.lo)
			}
			require.Equal(t, total, b.records)
			sizes = append(sizes, total)
		}
		require.Equal(t, map[int]int64{0: 7, 1: 7}, next)
		return sizes
	}
	require.Equal(t, []int{14}, spans(limits{records: 100, bytes: 1 << 20, months: 90}))
	require.Equal(t, []int{5, 5, 4}, spans(limits{records: 5, bytes: 1 << 20, months: 90}))
	for _, n := range spans(limits{records: 100, bytes: 1 << 20, months: 3}) {
		require.LessOrEqual(t, n, 6, "three months of each of two partitions at most")
	}
	require.Len(t, spans(limits{records: 100, bytes: 1, months: 90}), 14, "one record is always taken")
}

func TestRecordsThatCannotBeReadBecomeRefusals(t *testing.T) {
	enc := testEncoder(t)
	noTime, err := sample("p", 1, func(e *event.Event) { e.Time = 0 }).Encode()
	require.NoError(t, err)
	for topic, values := range map[string][]string{
		schemas.TopicEvents:   {"", "{", "null", `{"k":"event"}`, string(noTime)},
		schemas.TopicChanges:  {"[]", `{}`, `{"change_id":"c","profile_id":"p","op":"odd"}`, `{"change_id":"c","profile_id":"p","op":"snapshot"}`, `{"change_id":"c","profile_id":"p","op":"applied"}`},
		schemas.TopicAlerts:   {"x", `{}`},
		schemas.TopicRejected: {`"x"`},
	} {
		if topic == schemas.TopicEvents {
			values = append(values[:2:2], values[3:]...) // null is an empty record of no kind: nothing to archive
		}
		for n, v := range values {
			b := newBatch(topic)
			require.True(t, b.open(3, int64(n)))
			require.True(t, b.add(enc, 3, stream.Record{Offset: int64(n), Value: []byte(v), Time: noon.Std()}, nil))
			b.close(int64(n) + 1)
			require.Equal(t, 1, b.poisoned, "%s %s", topic, v)
			require.Len(t, b.rows[tableRejected], 1)
			require.Contains(t, b.rows[tableRejected][0], fmt.Sprintf("%s/3/%d", topic, n))
		}
	}
}

func TestRowsHaveTheirColumns(t *testing.T) {
	enc := testEncoder(t)
	widths := map[string]int{}
	for _, tb := range tables() {
		widths[tb.name] = len(tb.columns)
	}
	for _, c := range everyRecord() {
		value, err := event.EncodeJSON(c.value)
		require.NoError(t, err)
		rows, _, err := enc.encode(c.topic, 0, stream.Record{Value: value})
		require.NoError(t, err)
		require.NotEmpty(t, rows)
		for _, r := range rows {
			require.Len(t, r.values, widths[r.table], r.table)
		}
		again, _, err := enc.encode(c.topic, 0, stream.Record{Value: value})
		require.NoError(t, err)
		require.Equal(t, rows, again, "rows are a function of the record")
	}
	require.Len(t, enc.poison("x", 0, stream.Record{}, errors.New("why")).values, widths[tableRejected])
}
