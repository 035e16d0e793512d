package demo

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/drytest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
	"github.com/tagwire/tagwire/services/collector/ingest/segment"
)

// TestDryNumbers lets the demo's 2,000 customers live their past under the pack's
// rules, in memory, and keeps the READMEs' tables those of the run. The views of
// browsers that never logged in belong to nobody known and are left out.
func TestDryNumbers(t *testing.T) {
	p, set := compiled(t)
	w, err := newWorld(p, started{Seed: 1, Customers: 2000, PastDays: 28, Began: t0()})
	require.NoError(t, err)
	r := reader{t: t, pack: p, world: w}
	r.names, err = schemas.LoadAliases()
	require.NoError(t, err)
	d := drytest.New(set)
	for _, c := range w.customers {
		if c.Added != 0 {
			d.Live(c.ExternalID, r.past(c), w.began)
		}
	}
	require.NotZero(t, d.Now["高意向"])
	for file, head := range map[string]string{
		"README.md":    "2,000 customers (%d of them added in the past), 28 days, %d events. `now` is how many hold the tag at the end, `ever` how many have held it.\n\n| group | tag | now | ever |\n|---|---|---:|---:|\n%s",
		"README.zh.md": "2,000 位客户（其中 %d 位在历史里已添加），28 天，%d 个事件。「现在」是最后一刻有这个标签的客户数，「曾有」是有过的客户数。\n\n| 分组 | 标签 | 现在 | 曾有 |\n|---|---|---:|---:|\n%s",
	} {
		drytest.Keep(t, filepath.Join(example, file), "services/tagwire/demo", fmt.Sprintf(head, d.Customers, d.Events, d.Rows(false)))
	}
}

// reader reads what customers did as the collector does.
type reader struct {
	t     *testing.T
	pack  *pack
	world *world
	names segment.Names
}

// past is one customer's.
func (r *reader) past(c *customer) []event.Event {
	acts := r.world.life(c)
	login := slices.ContainsFunc(acts, func(a act) bool { return a.Do == doLogin })
	var out []event.Event
	for i := range acts {
		a := &acts[i]
		if a.Do == doView && !login {
			continue
		}
		a.ID, a.Past = fmt.Sprintf("%d-%d", c.N, i), true
		out = append(out, *r.read(a))
	}
	return out
}

// read is the event that the collector makes of an imported act, with the store
// of a channel and the activity of a form, as definitions give them.
func (r *reader) read(a *act) *event.Event {
	body, err := json.Marshal(map[string]any{"batch": []any{(&wire{world: r.world}).imported(a)}})
	require.NoError(r.t, err)
	limits := envelope.Limits{EventBytes: 32 << 10, BatchBytes: 500 << 10, BatchEvents: 10, Nesting: 32, EventID: 100}
	request, why := segment.Read(body, segment.Batch, limits)
	require.Nil(r.t, why)
	items := request.Items(envelope.Input{Source: srcPast, Received: r.world.began, Limits: limits, Backfill: true}, r.names)
	require.Len(r.t, items, 1)
	require.Nil(r.t, items[0].Refusal)
	e := items[0].Event
	if e.Channel != "" {
		c, err := bodyOf[defs.Channel](r.pack, defs.KindChannel, e.Channel)
		require.NoError(r.t, err)
		e.StoreID, e.Tags = c.StoreID, c.Tags
	}
	if a.Do == doFill {
		if f := r.world.formOf[a.Thing]; f.Activity != "" {
			e.Properties["activity"] = f.Activity
		}
	}
	return e
}
