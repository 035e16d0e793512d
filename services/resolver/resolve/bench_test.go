package resolve

import (
	"fmt"
	"testing"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/rawplan"
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

// BenchmarkRouteWithDevice is BenchmarkRoute where each customer comes with a device
// of his own, and every tenth with a kiosk's.
func BenchmarkRouteWithDevice(b *testing.B) {
	known, people := map[event.Identity]string{}, rawplan.People{anon: {person(1), person(2), person(3), person(4)}}
	var all [][]event.Identity
	for i := range 1000 {
		user, device := event.Identity{Namespace: "user_id", Value: fmt.Sprint(i)}, event.Identity{Namespace: "anonymous_id", Value: fmt.Sprint(i)}
		known[user], known[device], people[device] = fmt.Sprintf("p-%d", i), fmt.Sprintf("p-%d", i), []event.Identity{user}
		if i%10 == 0 {
			device = anon
		}
		all = append(all, []event.Identity{user, device})
	}
	r := testRouter(known, people)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if en := r.route(&event.Event{}, int64(n), all[n%1000]); en.Profile == "" {
			b.Fatal("no profile")
		}
		n++
	}
	if len(r.seen) > 0 {
		b.Fatal("something new was seen")
	}
}
