package profile

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/govalues/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/event"
)

// whole is Completed from the checkpoint on, through all facts.
func whole(f *Fold, s Steps, now event.Time) (times []event.Time, next event.Time) {
	c := &Chain{}
	if f.Chain != nil {
		c = f.Chain.clone()
	}
	c.first = c.soonest(s)
	note := func(at event.Time) { times = append(times, at) }
	c.advance(s, f.Facts[:f.upTo(now)], note)
	c.pass(s, now, note)
	slices.Sort(times)
	return times, c.soonest(s)
}

// What has been walked already changes no answer: events come late, drop out of the
// front, wait for their time, two customers become one, and the past is asked about.
func TestWalkedIsTheWholeWay(t *testing.T) {
	reused := 0
	rapid.Check(t, func(t *rapid.T) {
		s := Steps{Within: time.Duration(rapid.IntRange(1, 60).Draw(t, "within")) * time.Second}
		for i := range rapid.IntRange(2, 4).Draw(t, "steps") {
			s.Not = append(s.Not, i > 0 && rapid.Bool().Draw(t, "not"))
		}
		shape := Shape{Keep: time.Duration(rapid.IntRange(20, 400).Draw(t, "keep")) * time.Second, Steps: &s}
		keys := rapid.IntRange(1, 12).Draw(t, "keys")
		f, clock, events := &Fold{}, event.Time(1_700_000_000_000), rapid.IntRange(1, 400).Draw(t, "events")
		if rapid.IntRange(0, 9).Draw(t, "full") == 0 { // what is too much goes into the checkpoint, whatever its time
			shape.Keep, events = 24*time.Hour, min(events, 60)
			for n := range 2*MaxFacts - 10 {
				clock += event.Time(n%2) * 1000
				f.Add(shape, Fact{T: clock, H: uint64(n) + 1_000_000, N: decimal.MustNew(1+int64(n)%(1<<len(s.Not)-1), 0), S: fmt.Sprint(n % keys)}, clock)
			}
			f.Completed(s, clock)
		}
		for n := range events {
			clock += event.Time(rapid.IntRange(0, 3).Draw(t, "pause")) * 1000
			at := clock
			switch rapid.IntRange(0, 20).Draw(t, "order") {
			case 0:
				at -= event.Time(rapid.IntRange(0, 1100).Draw(t, "late")) * 1000
			case 1, 2, 3:
				at -= event.Time(rapid.IntRange(0, 6).Draw(t, "a little late")) * 1000
			}
			fact := Fact{T: at, H: uint64(n) + 1, N: decimal.MustNew(rapid.Int64Range(1, 1<<len(s.Not)-1).Draw(t, "matches"), 0), S: fmt.Sprint(rapid.IntRange(1, keys).Draw(t, "key"))}
			if rapid.IntRange(0, 150).Draw(t, "other customer") == 0 {
				o := &Fold{}
				o.Add(shape, fact, clock)
				f.Merge(shape, o, clock)
			} else {
				f.Add(shape, fact, clock)
			}
			now := clock
			switch rapid.IntRange(0, 20).Draw(t, "ask") {
			case 0, 1:
				now += event.Time(rapid.IntRange(-300, 300).Draw(t, "moment")) * 1000
			case 2: // about the past, one moment behind the other
				for now -= 700_000; now < clock; now += event.Time(rapid.IntRange(1, 200).Draw(t, "step")) * 1000 {
					times, _, _ := f.Completed(s, now)
					wanted, _ := whole(f, s, now)
					require.Equal(t, wanted, slices.Clip(append([]event.Time(nil), times...)))
				}
				now = clock
			}
			if f.walks.now != nil {
				reused++
			}
			times, _, next := f.Completed(s, now)
			wanted, then := whole(f, s, now)
			require.Equal(t, wanted, slices.Clip(append([]event.Time(nil), times...)))
			require.Equal(t, then, next)
		}
	})
	require.Greater(t, reused, 1000, "otherwise nothing is tested")
}
