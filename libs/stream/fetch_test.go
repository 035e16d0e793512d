package stream_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/stream/streamtest"
	"github.com/tagwire/tagwire/schemas"
)

func TestFetchGivesRecordsAsTheyWerePublished(t *testing.T) {
	k := streamtest.StartKafka(t)
	began := time.Now().Add(-time.Second)
	_, err := k.Publish(t.Context(), schemas.TopicRaw, 0, []stream.Message{
		{Key: []byte("k"), Value: []byte("v"), Headers: []kafka.Header{{Key: "kind", Value: []byte("event")}}},
		{Key: []byte("gone")}, // a tombstone
		{Value: []byte{}},
	})
	require.NoError(t, err)
	b, err := k.Fetch(t.Context(), schemas.TopicRaw, 0, 0, time.Second)
	require.NoError(t, err)
	require.Len(t, b.Records, 3)
	require.EqualValues(t, 3, b.Next)
	require.EqualValues(t, 3, b.End)
	first := b.Records[0]
	require.Equal(t, "k v kind event", string(first.Key)+" "+string(first.Value)+" "+first.Headers[0].Key+" "+string(first.Headers[0].Value))
	require.WithinRange(t, first.Time, began, time.Now().Add(time.Second))
	require.Nil(t, b.Records[1].Value)
	require.NotNil(t, b.Records[2].Value, "an empty value is no tombstone")

	b, err = k.Fetch(t.Context(), schemas.TopicRaw, 0, 1, time.Second)
	require.NoError(t, err)
	require.Len(t, b.Records, 2, "what stands in the same batch before the offset is left out")
	require.EqualValues(t, 1, b.Records[0].Offset)

	b, err = k.Fetch(t.Context(), schemas.TopicRaw, 0, 3, 10*time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, stream.Batch{Next: 3, End: 3}, b, "the end is no error")
}

// Nothing resets by itself: an offset that the log does not hold is told.
func TestOffsetsOutsideTheLog(t *testing.T) {
	k := streamtest.StartKafka(t)
	_, err := k.Publish(t.Context(), schemas.TopicRaw, 0, messages("0", "1", "2"))
	require.NoError(t, err)
	_, err = k.Publish(t.Context(), schemas.TopicRaw, 0, messages("3"))
	require.NoError(t, err)
	gone := func(offset int64) {
		t.Helper()
		_, err := k.Fetch(t.Context(), schemas.TopicRaw, 0, offset, 10*time.Millisecond)
		require.ErrorIs(t, err, stream.ErrOffsetGone)
		require.ErrorContains(t, err, "raw.1/0")
		ended := k.Follow(t.Context(), stream.Position{Topic: schemas.TopicRaw, Offset: offset}, func(stream.Batch) error { return nil })
		require.ErrorIs(t, ended, stream.ErrOffsetGone, "and ends whoever follows")
	}
	gone(5)
	require.NoError(t, k.Cluster.DeleteRecords(schemas.TopicRaw, 0, 3))
	gone(0)
	ranges, err := k.Ranges(t.Context(), schemas.TopicRaw, streamtest.Raw)
	require.NoError(t, err)
	require.Equal(t, []stream.Range{{First: 3, End: 4}, {}}, ranges)
	b, err := k.Fetch(t.Context(), schemas.TopicRaw, 0, 3, time.Second)
	require.NoError(t, err)
	require.Len(t, b.Records, 1)
}

var errEnough = errors.New("enough")

// Follow goes on where it was when Kafka does not answer for a while.
func TestFollowRidesOutFailures(t *testing.T) {
	k := streamtest.StartKafka(t)
	_, err := k.Publish(t.Context(), schemas.TopicRaw, 0, messages("0", "1"))
	require.NoError(t, err)
	var n atomic.Int64
	k.Cluster.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		k.Cluster.KeepControl()
		switch n.Add(1) {
		case 2: // the connection breaks
			return nil, errors.New("cut off"), true
		case 3:
			res := kmsg.NewPtrFetchResponse()
			res.Version = req.GetVersion()
			res.ErrorCode = kerr.UnknownServerError.Code
			return res, nil, true
		}
		return nil, nil, false
	})
	var got []string
	idle := false
	err = k.Follow(t.Context(), stream.Position{Topic: schemas.TopicRaw}, func(b stream.Batch) error {
		for _, r := range b.Records {
			got = append(got, string(r.Value))
		}
		switch {
		case len(got) == 2 && len(b.Records) > 0:
			_, err := k.Publish(t.Context(), schemas.TopicRaw, 0, messages("2"))
			return err
		case len(got) == 3 && len(b.Records) == 0:
			idle = true
			return errEnough
		}
		return nil
	})
	require.ErrorIs(t, err, errEnough, "what the caller says ends it")
	require.Equal(t, []string{"0", "1", "2"}, got)
	require.True(t, idle, "the end is told by an empty batch")
	require.Greater(t, n.Load(), int64(3))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, k.Follow(ctx, stream.Position{Topic: schemas.TopicRaw}, func(stream.Batch) error { return nil }), context.Canceled)
}
