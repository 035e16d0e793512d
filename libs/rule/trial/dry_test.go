package trial_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govalues/decimal"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/apply"
)

var update = flag.Bool("update", false, "write the dry numbers of the packs' READMEs anew")

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

// dry is what came of a run.
type dry struct {
	customers, events, alerts int
	ever, now, alerted        map[string]int // by rule, or tag of a choice
	stages                    map[string]int
}

// run lets all customers of a world live under the rules, each timer at its time.
func (w world) run(t *testing.T, set *rule.Set) dry {
	t.Helper()
	start, err := time.ParseInLocation(time.DateOnly, w.start, set.Zone)
	require.NoError(t, err)
	out := dry{customers: w.customers, ever: map[string]int{}, now: map[string]int{}, alerted: map[string]int{}, stages: map[string]int{}}
	for n := range w.customers {
		l := &life{
			Rand: rand.New(rand.NewPCG(2026, uint64(n))), start: start, days: w.days, //nolint:gosec // made-up customers
			id: event.Identity{Namespace: "user_id", Value: fmt.Sprintf("c%04d", n)},
		}
		w.live(l)
		out.add(set, l)
	}
	return out
}

func (d *dry) add(set *rule.Set, l *life) {
	slices.SortStableFunc(l.events, func(a, b event.Event) int { return int(a.Time - b.Time) })
	p := profile.New(l.id.Value)
	ever := map[string]bool{}
	take := func(r apply.Result) {
		for _, a := range r.Alerts {
			d.alerts++
			d.alerted[a.Rule]++
		}
		for tag := range p.Tags {
			ever[row(set, tag)] = true
		}
	}
	pass := func(to event.Time) {
		for due := apply.NextDue(set, p, nil); due != 0 && due <= to; due = apply.NextDue(set, p, nil) {
			take(apply.Advance(set, p, due, due, time.Hour))
		}
	}
	for _, e := range l.events {
		pass(e.Time)
		e.Matched = set.Match(e.Text, e.From)
		take(apply.Event(set, p, apply.Input{Event: &e, Own: e.Identities, Place: e.Time, Fresh: time.Hour, Late: 24 * time.Hour}))
	}
	pass(event.At(l.start.AddDate(0, 0, l.days)))
	d.events += len(l.events)
	d.stages[p.Stage]++
	now := map[string]bool{}
	for tag := range p.Tags {
		now[row(set, tag)] = true
	}
	for tag := range ever {
		d.ever[tag]++
	}
	for tag := range now {
		d.now[tag]++
	}
}

// row is the line of the table in which a tag is counted: a family has one.
func row(set *rule.Set, tag string) string {
	if t, ok := set.RuleOf(tag); ok && t.Value != nil {
		return t.Name
	}
	return tag
}

// table is the dry numbers as they stand in a README.
func (d dry) table(set *rule.Set, w world, zh bool) string {
	var b strings.Builder
	if zh {
		fmt.Fprintf(&b, "%d 位客户，从 %s 起 %d 天，%d 个事件，%d 次提醒。「现在」是最后一刻有这个标签的客户数，「曾有」是这段时间里有过的客户数。\n\n", d.customers, w.start, w.days, d.events, d.alerts)
		b.WriteString("| 分组 | 标签 | 现在 | 曾有 | 提醒给谁（程度） | 提醒次数 |\n|---|---|---:|---:|---|---:|\n")
	} else {
		fmt.Fprintf(&b, "%d customers, %d days from %s on, %d events, %d alerts. `now` is how many customers hold the tag at the end, `ever` how many have held it.\n\n", d.customers, w.days, w.start, d.events, d.alerts)
		b.WriteString("| group | tag | now | ever | alert to (severity) | alerts |\n|---|---|---:|---:|---|---:|\n")
	}
	tags := slices.Clone(set.Tags)
	slices.SortStableFunc(tags, func(a, b *rule.Tag) int { return strings.Compare(a.Group+"\x00"+a.Name, b.Group+"\x00"+b.Name) })
	for _, t := range tags {
		names := []string{t.Name}
		if t.Choose != nil {
			names = nil
			for _, c := range t.Choose {
				names = append(names, c.Tag)
			}
		}
		for i, name := range names {
			shown, alert, times := name, "", ""
			if t.Value != nil {
				shown += ":…"
			}
			if i == 0 && len(t.Alerts) > 0 {
				var to []string
				for _, a := range t.Alerts {
					to = append(to, a.To+" ("+a.Severity+")")
				}
				alert, times = strings.Join(to, ", "), fmt.Sprint(d.alerted[t.Name])
			}
			fmt.Fprintf(&b, "| %s | %s | %d | %d | %s | %s |\n", t.Group, shown, d.now[name], d.ever[name], alert, times)
		}
	}
	var stages []string
	for _, s := range set.Stages {
		stages = append(stages, fmt.Sprintf("%s %d", s.Name, d.stages[s.Name]))
	}
	if zh {
		fmt.Fprintf(&b, "\n阶段：%s。\n", strings.Join(stages, "，"))
	} else {
		fmt.Fprintf(&b, "\nStages: %s.\n", strings.Join(stages, ", "))
	}
	return b.String()
}

const (
	dryBegin = "<!-- dry numbers: go test ./libs/rule/trial -run TestDryNumbers -update -->\n"
	dryEnd   = "<!-- end of dry numbers -->"
)

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
				path := filepath.Join(examples, p.name, file)
				text, err := os.ReadFile(path)
				require.NoError(t, err)
				head, rest, ok := strings.Cut(string(text), dryBegin)
				require.True(t, ok, "%s has no place for the dry numbers", path)
				was, tail, ok := strings.Cut(rest, dryEnd)
				require.True(t, ok, "%s: the dry numbers have no end", path)
				want := d.table(set, w, zh)
				if *update {
					require.NoError(t, os.WriteFile(path, []byte(head+dryBegin+want+dryEnd+tail), 0o600))
					continue
				}
				require.Equal(t, want, was, "%s: run with -update", path)
			}
			for _, tag := range set.Tags {
				names := []string{tag.Name}
				if tag.Choose != nil {
					names = nil
					for _, c := range tag.Choose {
						names = append(names, c.Tag)
					}
				}
				for _, name := range names {
					require.NotZero(t, d.ever[name], "nobody in this world ever gets %s: the numbers say nothing of it", name)
				}
			}
		})
	}
}
