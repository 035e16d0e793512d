package tagging

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/applytest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/rule"
)

// arrivalRules are the kinds that depend on the order of arrival.
const arrivalRules = `
cuts:
  net: {date: 2026-03-01, p50: 3, p80: 12}
measures:
  net: {sum: pay, of: event.amount, minus: refund}
  opens: {count: open, within: 3h}
tags:
  asked: {event: read, lasts: 2h, alert: {each: match, cooldown: 30m}}
  often: {event: open, times: {at_least: 2, per: day}, lasts: 5h, alert: {each: enter}}
  weekly: {event: open, times: {at_least: 1, per: week, once: period}, lasts: 1h, alert: {each: enter}}
  once: {event: pay, times: {at_least: 2, per: month, once: ever}, lasts: 1h}
  brand: {event: view, value: event.object.brand, lasts: 3h}
  first: {event: pay, when: 'first("pay")'}
  night: {event: open, when: 'time_of_day("22:00-02:00") or weekday("sat,sun")', lasts: 6h}
  keen: {when: 'tag("asked", "1h") or opens >= 3', lasts: 1h, alert: [{each: enter, cooldown: 1h}, {each: exit}]}
  tier:
    choose:
      - {tag: top, when: 'net >= cut("net", "p80")'}
      - {tag: middle, when: 'net >= cut("net", "p50")'}
    alert: {each: exit}
  waits: {when: 'stage == "new" and stage_for("2h")'}
stages:
  - {name: start, start: true}
  - {name: new, when: net > 0, from: [start, busy]}
  - {name: busy, when: opens >= 2, from: [new], after: 1h}
`

// Whatever is cut off and comes again, the same log gives the same profiles,
// changes and alerts: also for what depends on the order of arrival.
func TestSameLogGivesTheSameHoweverItIsCutOff(t *testing.T) {
	set, err := rule.Compile(1, map[string]string{"rules.yaml": arrivalRules})
	require.NoError(t, err)
	require.NotEmpty(t, set.Notes)
	rapid.Check(t, func(rt *rapid.T) {
		from := event.At(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
		history := applytest.Random(rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "story"), 1)), from, 3)
		run := func(calm bool) *mesh {
			x, err := newMesh(set, rapid.Uint64().Draw(rt, "interleaving"), 1)
			require.NoError(rt, err)
			x.calm = calm
			for n, f := range history { // one source: the log is the same
				own := []event.Identity{{Namespace: "user_id", Value: fmt.Sprint(f.Who)}}
				r := event.Record{Kind: event.KindEvent, Source: "raw.1/0", Number: int64(n + 1), Place: from.Add(time.Duration(n) * 17 * time.Minute), Own: own}
				r.Event = f.Event()
				r.Event.Identities, r.Event.ReceivedAt, r.Profile = own, max(r.Place, f.At), fmt.Sprint("p", f.Who)
				require.NoError(rt, x.send(r))
			}
			for more := true; more; {
				more, err = x.step(rt.Context())
				require.NoError(rt, err)
			}
			for id := range x.changes { // the commit that made it is not the same when records come again
				c := x.changes[id]
				c.Order = event.Order{}
				x.changes[id] = c
			}
			for id := range x.alerts {
				a := x.alerts[id]
				a.Order = event.Order{}
				x.alerts[id] = a
			}
			return x
		}
		calm, cut := run(true), run(false)
		require.Equal(rt, calm.profiles(rt), cut.profiles(rt))
		require.Equal(rt, calm.counts, cut.counts)
		require.Equal(rt, calm.alerts, cut.alerts)
		for id, c := range calm.changes {
			if c.Op != event.OpSnapshot {
				require.Equal(rt, c, cut.changes[id])
			}
		}
	})
}
