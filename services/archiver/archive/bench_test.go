package archive

import (
	"testing"

	"github.com/tagwire/tagwire/libs/event"
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
