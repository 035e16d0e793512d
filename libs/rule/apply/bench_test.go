package apply_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule/apply"
)

// BenchmarkEvent is Apply of one event, on a profile that has had thousands.
func BenchmarkEvent(b *testing.B) {
	set := compile(b, shopRules)
	p := profile.New("p-1")
	own := []event.Identity{{Namespace: "user_id", Value: "u-1"}}
	types := []string{"link.open", "page.view", "chat.message", "form.submit"}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		at := t0.Add(time.Duration(n) * time.Minute)
		e := &event.Event{EventID: fmt.Sprint(n), Type: types[n%len(types)], Time: at, ReceivedAt: at, Source: "s", Identities: own}
		apply.Event(set, p, apply.Input{Event: e, Own: own, Place: at, Fresh: time.Hour, Late: 24 * time.Hour})
	}
}
