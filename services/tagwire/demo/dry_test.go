package demo

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/apply"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
	"github.com/tagwire/tagwire/services/collector/ingest/segment"
)

var update = flag.Bool("update", false, "write the dry numbers of the pack's READMEs anew")

const (
	dryBegin = "<!-- dry numbers: go test ./services/tagwire/demo -run TestDryNumbers -update -->\n"
	dryEnd   = "<!-- end of dry numbers -->"
)

// TestDryNumbers lets the demo's 2,000 customers live their past under the pack's
// rules, in memory, and keeps the READMEs' tables those of the run. The views of
// browsers that never logged in belong to nobody known and are left out.
func TestDryNumbers(t *testing.T) {
	p, set := compiled(t)
	w, err := newWorld(p, started{Seed: 1, Customers: 2000, PastDays: 28, Began: t0()})
	require.NoError(t, err)
	d := dry{t: t, pack: p, set: set, world: w, ever: map[string]int{}, now: map[string]int{}}
	d.names, err = schemas.LoadAliases()
	require.NoError(t, err)
	for _, c := range w.customers {
		if c.Added != 0 {
			d.live(c)
		}
	}
	require.NotZero(t, d.now["高意向"])
	for file, head := range map[string]string{
		"README.md":    fmt.Sprintf("2,000 customers (%d of them added in the past), 28 days, %d events. `now` is how many hold the tag at the end, `ever` how many have held it.\n\n| group | tag | now | ever |\n|---|---|---:|---:|\n", d.added, d.events),
		"README.zh.md": fmt.Sprintf("2,000 位客户（其中 %d 位在历史里已添加），28 天，%d 个事件。「现在」是最后一刻有这个标签的客户数，「曾有」是有过的客户数。\n\n| 分组 | 标签 | 现在 | 曾有 |\n|---|---|---:|---:|\n", d.added, d.events),
	} {
		path := filepath.Join(example, file)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		before, rest, ok := strings.Cut(string(text), dryBegin)
		require.True(t, ok, "%s has no place for the dry numbers", path)
		was, after, ok := strings.Cut(rest, dryEnd)
		require.True(t, ok, "%s: the dry numbers have no end", path)
		want := head + d.table()
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(before+dryBegin+want+dryEnd+after), 0o600))
			continue
		}
		require.Equal(t, want, was, "%s: run with -update", path)
	}
}

// dry is a run of the rules over the demo's past.
type dry struct {
	t             *testing.T
	pack          *pack
	set           *rule.Set
	world         *world
	names         segment.Names
	added, events int
	ever, now     map[string]int
}

// live is one customer's past.
func (d *dry) live(c *customer) {
	d.added++
	acts := d.world.life(c)
	login := slices.ContainsFunc(acts, func(a act) bool { return a.Do == doLogin })
	p, ever := profile.New(c.ExternalID), map[string]bool{}
	note := func() {
		for tag := range p.Tags {
			ever[d.row(tag)] = true
		}
	}
	for i := range acts {
		a := &acts[i]
		if a.Do == doView && !login {
			continue
		}
		a.ID, a.Past = fmt.Sprintf("%d-%d", c.N, i), true
		e := d.read(a)
		apply.Advance(d.set, p, e.Time, e.Time, time.Hour)
		note()
		e.Matched = d.set.Match(e.Text, e.From)
		apply.Event(d.set, p, apply.Input{Event: e, Own: e.Identities, Place: e.Time, Fresh: time.Hour, Late: 24 * time.Hour})
		note()
		d.events++
	}
	apply.Advance(d.set, p, d.world.began, d.world.began, time.Hour)
	now := map[string]bool{}
	for tag := range p.Tags {
		now[d.row(tag)] = true
	}
	for tag := range ever {
		d.ever[tag]++
	}
	for tag := range now {
		d.now[tag]++
	}
}

// read is the event that the collector makes of an imported act, with the store
// of a channel and the activity of a form, as definitions give them.
func (d *dry) read(a *act) *event.Event {
	body, err := json.Marshal(map[string]any{"batch": []any{(&wire{world: d.world}).imported(a)}})
	require.NoError(d.t, err)
	limits := envelope.Limits{EventBytes: 32 << 10, BatchBytes: 500 << 10, BatchEvents: 10, Nesting: 32, EventID: 100}
	r, why := segment.Read(body, segment.Batch, limits)
	require.Nil(d.t, why)
	items := r.Items(envelope.Input{Source: srcPast, Received: d.world.began, Limits: limits, Backfill: true}, d.names)
	require.Len(d.t, items, 1)
	require.Nil(d.t, items[0].Refusal)
	e := items[0].Event
	if e.Channel != "" {
		c, err := bodyOf[defs.Channel](d.pack, defs.KindChannel, e.Channel)
		require.NoError(d.t, err)
		e.StoreID, e.Tags = c.StoreID, c.Tags
	}
	if a.Do == doFill {
		if f := d.world.formOf[a.Thing]; f.Activity != "" {
			e.Properties["activity"] = f.Activity
		}
	}
	return e
}

// row is the line in which a tag is counted: a family has one.
func (d *dry) row(tag string) string {
	if t, ok := d.set.RuleOf(tag); ok && t.Value != nil {
		return t.Name
	}
	return tag
}

func (d *dry) table() string {
	var b strings.Builder
	tags := slices.Clone(d.set.Tags)
	slices.SortStableFunc(tags, func(a, b *rule.Tag) int { return strings.Compare(a.Group+"\x00"+a.Name, b.Group+"\x00"+b.Name) })
	for _, t := range tags {
		names := []string{t.Name}
		if t.Choose != nil {
			names = nil
			for _, c := range t.Choose {
				names = append(names, c.Tag)
			}
		}
		for _, name := range names {
			shown := name
			if t.Value != nil {
				shown += ":…"
			}
			fmt.Fprintf(&b, "| %s | %s | %d | %d |\n", t.Group, shown, d.now[name], d.ever[name])
		}
	}
	return b.String()
}
