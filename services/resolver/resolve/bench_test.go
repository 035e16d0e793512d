package resolve

import (
	"fmt"
	"testing"

	"github.com/tagwire/tagwire/libs/event"
)

// BenchmarkRoute decides about events of customers who are known.
func BenchmarkRoute(b *testing.B) {
	known := map[event.Identity]string{}
	for i := range 1000 {
		known[event.Identity{Namespace: "user_id", Value: fmt.Sprint(i)}] = fmt.Sprintf("p-%d", i)
	}
	r := testRouter(known, nil)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		ids := []event.Identity{{Namespace: "user_id", Value: fmt.Sprint(n % 1000)}}
		if en := r.route(&event.Event{}, int64(n), ids); en.Profile == "" {
			b.Fatal("no profile")
		}
		n++
	}
}

// BenchmarkPlan encodes the plan of a full batch and reads it again.
func BenchmarkPlan(b *testing.B) {
	r := testRouter(map[event.Identity]string{}, nil)
	var p plan
	for i := range batchSize {
		ids := []event.Identity{{Namespace: "user_id", Value: fmt.Sprint(i)}}
		p.Entries = append(p.Entries, r.route(&event.Event{}, int64(i), ids))
	}
	p.Links = r.links
	b.ReportAllocs()
	for b.Loop() {
		text, err := p.encode()
		if err != nil {
			b.Fatal(err)
		}
		if back, err := decodePlan(text); err != nil || len(back.Entries) != batchSize {
			b.Fatal(err)
		}
	}
}
