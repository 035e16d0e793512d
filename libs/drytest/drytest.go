// Package drytest runs a rule pack dry: made-up customers live under its rules in
// memory, and the tables in the pack's READMEs are kept those of the run. It does
// not make the customers up; the tests of a pack do, and are its only callers.
package drytest

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/apply"
)

var update = flag.Bool("update", false, "write the dry numbers of the packs' READMEs anew")

// Numbers are what came of a run, by rule, or by the tag of a choice.
type Numbers struct {
	Customers, Events, Alerts int
	Ever, Now, Alerted        map[string]int
	Stages                    map[string]int

	set *rule.Set
}

// New begins a run under the rules.
func New(set *rule.Set) *Numbers {
	return &Numbers{Ever: map[string]int{}, Now: map[string]int{}, Alerted: map[string]int{}, Stages: map[string]int{}, set: set}
}

// Live lets one customer live through the events, which are in the order of their
// times, up to an end; each timer fires at its time.
func (n *Numbers) Live(id string, events []event.Event, end event.Time) {
	p, ever := profile.New(id), map[string]bool{}
	take := func(r apply.Result) {
		for _, a := range r.Alerts {
			n.Alerts++
			n.Alerted[a.Rule]++
		}
		for tag := range p.Tags {
			ever[n.row(tag)] = true
		}
	}
	pass := func(to event.Time) {
		for due := apply.NextDue(n.set, p, nil); due != 0 && due <= to; due = apply.NextDue(n.set, p, nil) {
			take(apply.Advance(n.set, p, due, due, time.Hour))
		}
	}
	for i := range events {
		e := &events[i]
		pass(e.Time)
		e.Matched = n.set.Match(e.Text, e.From)
		take(apply.Event(n.set, p, apply.Input{Event: e, Own: e.Identities, Place: e.Time, Fresh: time.Hour, Late: 24 * time.Hour}))
	}
	pass(end)
	n.Customers++
	n.Events += len(events)
	n.Stages[p.Stage]++
	now := map[string]bool{}
	for tag := range p.Tags {
		now[n.row(tag)] = true
	}
	for tag := range ever {
		n.Ever[tag]++
	}
	for tag := range now {
		n.Now[tag]++
	}
}

// row is the line of the table in which a tag is counted: a family has one.
func (n *Numbers) row(tag string) string {
	if t, ok := n.set.RuleOf(tag); ok && t.Value != nil {
		return t.Name
	}
	return tag
}

// names are the lines that a rule has: one, or one for each choice.
func names(t *rule.Tag) []string {
	if t.Choose == nil {
		return []string{t.Name}
	}
	var out []string
	for _, c := range t.Choose {
		out = append(out, c.Tag)
	}
	return out
}

// Rows are the lines of the table, by group: how many hold each tag at the end and
// how many ever held it; with alerts also whom each tells, and how often it did.
func (n *Numbers) Rows(alerts bool) string {
	var b strings.Builder
	tags := slices.Clone(n.set.Tags)
	slices.SortStableFunc(tags, func(a, b *rule.Tag) int { return strings.Compare(a.Group+"\x00"+a.Name, b.Group+"\x00"+b.Name) })
	for _, t := range tags {
		for i, name := range names(t) {
			shown := name
			if t.Value != nil {
				shown += ":…"
			}
			fmt.Fprintf(&b, "| %s | %s | %d | %d |", t.Group, shown, n.Now[name], n.Ever[name])
			if alerts {
				to, times := "", ""
				if i == 0 {
					to, times = n.alertsOf(t)
				}
				fmt.Fprintf(&b, " %s | %s |", to, times)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func (n *Numbers) alertsOf(t *rule.Tag) (to, times string) {
	if len(t.Alerts) == 0 {
		return "", ""
	}
	var all []string
	for _, a := range t.Alerts {
		all = append(all, a.To+" ("+a.Severity+")")
	}
	return strings.Join(all, ", "), fmt.Sprint(n.Alerted[t.Name])
}

// RequireAll requires that somebody got each tag: of one that nobody ever gets the
// numbers say nothing.
func (n *Numbers) RequireAll(t *testing.T) {
	t.Helper()
	for _, tag := range n.set.Tags {
		for _, name := range names(tag) {
			require.NotZero(t, n.Ever[name], "nobody in this world ever gets %s: the numbers say nothing of it", name)
		}
	}
}

// Keep requires that a README holds the text between the marks of the dry numbers,
// of which the first names the package whose test writes it; with -update it is
// written.
func Keep(t *testing.T, path, pkg, text string) {
	t.Helper()
	begin := "<!-- dry numbers: go test ./" + pkg + " -run TestDryNumbers -update -->\n"
	const end = "<!-- end of dry numbers -->"
	all, err := os.ReadFile(path)
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(all), begin)
	require.True(t, ok, "%s has no place for the dry numbers", path)
	was, tail, ok := strings.Cut(rest, end)
	require.True(t, ok, "%s: the dry numbers have no end", path)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(head+begin+text+end+tail), 0o600))
		return
	}
	require.Equal(t, text, was, "%s: run with -update", path)
}
