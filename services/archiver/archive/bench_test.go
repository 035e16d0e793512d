package archive

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

// BenchmarkBacklog is how fast events that wait in the log come into history.
func BenchmarkBacklog(b *testing.B) {
	r := newRig(b)
	const chunk = 2000
	n := 0
	for n < b.N {
		for p := range 4 {
			var list []any
			for i := range chunk {
				list = append(list, sample("p", n+i, func(e *event.Event) {
					e.Properties = event.Fields{"url": "https://shop.example/p/4711", "title": "报价单", "seconds": 12.0}
				}))
			}
			r.publish(schemas.TopicEvents, p, list...)
			n += chunk
		}
	}
	b.ResetTimer()
	r.run(r.archiver(nil))
	r.archived()
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkRows makes the row of one event.
func BenchmarkRows(b *testing.B) {
	enc, err := newEncoder()
	require.NoError(b, err)
	value, err := event.EncodeJSON(sample("p", 1, func(e *event.Event) {
		e.Properties = event.Fields{"url": "https://shop.example/p/4711", "title": "报价单", "seconds": 12.0}
	}))
	require.NoError(b, err)
	r := stream.Record{Offset: 1, Time: time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC), Value: value}
	b.ReportAllocs()
	for b.Loop() {
		if rows, _, err := enc.encode(schemas.TopicEvents, 0, r); err != nil || len(rows) != 1 {
			b.Fatal(len(rows), err)
		}
	}
}
