package trial_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govalues/decimal"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/drytest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/rule"
)

// world is a made-up set of customers on which a pack is run dry.
type world struct {
	customers int
	start     string // first day, in the zone of the pack
	days      int
	live      func(l *life) // notes the events of one customer
}

// worlds are those of the packs that no demo runs on.
func worlds() map[string]world {
	return map[string]world{
		"retail":        {100, "2026-01-05", 305, shopper},
		"manufacturing": {120, "2025-11-03", 365, factory},
		"finance":       {120, "2025-06-02", 540, saver},
	}
}

// life is one customer being made up: the same seed gives the same life.
type life struct {
	*rand.Rand
	id     event.Identity
	start  time.Time
	days   int
	events []event.Event
}

// note adds an event some days after the start.
func (l *life) note(day float64, e event.Event) {
	if day >= float64(l.days) {
		return
	}
	at := event.At(l.start.Add(time.Duration(day * float64(24*time.Hour))))
	e.EventID, e.Source, e.Identities = fmt.Sprintf("%s-%d", l.id.Value, len(l.events)), "dry", []event.Identity{l.id}
	e.Time, e.ReceivedAt = at, at
	l.events = append(l.events, e)
}

// chance is true in a share p of the cases.
func (l *life) chance(p float64) bool { return l.Float64() < p }

// hour is a moment within a day between two hours of the clock, as part of the day.
func (l *life) hour(from, to float64) float64 { return (from + l.Float64()*(to-from)) / 24 }

func pick[T any](l *life, from ...T) T { return from[l.IntN(len(from))] }

// money is a price within a span, in whole yuan.
func (l *life) money(from, to int) *decimal.Decimal {
	d := decimal.MustNew(int64(from+l.IntN(to-from+1)), 0)
	return &d
}

// run lets all customers of a world live under the rules.
func (w world) run(t *testing.T, set *rule.Set) *drytest.Numbers {
	t.Helper()
	start, err := time.ParseInLocation(time.DateOnly, w.start, set.Zone)
	require.NoError(t, err)
	out := drytest.New(set)
	for n := range w.customers {
		l := &life{
			Rand: rand.New(rand.NewPCG(2026, uint64(n))), start: start, days: w.days, //nolint:gosec // made-up customers
			id: event.Identity{Namespace: "user_id", Value: fmt.Sprintf("c%04d", n)},
		}
		w.live(l)
		slices.SortStableFunc(l.events, func(a, b event.Event) int { return int(a.Time - b.Time) })
		out.Live(l.id.Value, l.events, event.At(start.AddDate(0, 0, w.days)))
	}
	return out
}

// text is the dry numbers as they stand in a README.
func (w world) text(set *rule.Set, d *drytest.Numbers, zh bool) string {
	head := "%d customers, %d days from %s on, %d events, %d alerts. `now` is how many customers hold the tag at the end, `ever` how many have held it.\n\n" +
		"| group | tag | now | ever | alert to (severity) | alerts |\n|---|---|---:|---:|---|---:|\n%s\nStages: %s.\n"
	comma := ", "
	if zh {
		head = "%[1]d 位客户，从 %[3]s 起 %[2]d 天，%[4]d 个事件，%[5]d 次提醒。「现在」是最后一刻有这个标签的客户数，「曾有」是这段时间里有过的客户数。\n\n" +
			"| 分组 | 标签 | 现在 | 曾有 | 提醒给谁（程度） | 提醒次数 |\n|---|---|---:|---:|---|---:|\n%[6]s\n阶段：%[7]s。\n"
		comma = "，"
	}
	var stages []string
	for _, s := range set.Stages {
		stages = append(stages, fmt.Sprintf("%s %d", s.Name, d.Stages[s.Name]))
	}
	return fmt.Sprintf(head, d.Customers, w.days, w.start, d.Events, d.Alerts, d.Rows(true), strings.Join(stages, comma))
}

// TestDryNumbers keeps the numbers in the packs' READMEs those of a run.
func TestDryNumbers(t *testing.T) {
	for _, p := range packs(t) {
		w, ok := worlds()[p.name]
		if !ok {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			set, err := rule.Compile(1, p.rules)
			require.NoError(t, err)
			d := w.run(t, set)
			for file, zh := range map[string]bool{"README.md": false, "README.zh.md": true} {
				drytest.Keep(t, filepath.Join(examples, p.name, file), "libs/rule/trial", w.text(set, d, zh))
			}
			d.RequireAll(t)
		})
	}
}
