//go:build real

package ledger

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

// eachEqual compares customers one by one, in Redis and in ClickHouse, the alerts
// of the inbox by the events that raised them, and the days by who entered and
// left.
func (f *fleet) eachEqual(m *model) {
	f.t.Helper()
	live := f.live(len(m.orders))
	want := map[string]facts{}
	for c, l := range live {
		w := m.customer(c)
		require.Equal(f.t, w, l.facts, "customer u%d in Redis, profile %s: %s", c, l.profile, text(func() string { return f.trace(c) }))
		w.brands = nil // a measure: not in BI
		want[l.profile] = w
	}
	require.Len(f.t, want, len(live), "customers that share a profile")
	stored, err := f.stored()
	require.NoError(f.t, err)
	require.Len(f.t, stored, len(want), "known profiles in ClickHouse")
	for profile, w := range want {
		require.Equal(f.t, w, stored[profile], "profile %s in ClickHouse", profile)
	}
	causes := map[string]int{}
	require.NoError(f.t, f.inbox(func(cause string) { causes[cause]++ }))
	require.Len(f.t, causes, len(m.causes), "events that raised an alert")
	for id := range m.causes {
		require.Equal(f.t, 1, causes[id], "alerts of %s in the inbox", id)
	}
	var days []string
	for tag, n := range m.tags() {
		days = append(days, fmt.Sprintf("%s\t%d", tag, n))
	}
	slices.Sort(days)
	f.same("SELECT tag, sum(entered) - sum(left) FROM tags_daily GROUP BY tag ORDER BY tag FORMAT TSV", strings.Join(days, "\n"))
	f.t.Logf("%d customers equal the model one by one, in Redis and in ClickHouse; %d alerts in the inbox, each of its own event", len(live), len(causes))
}

// customer is what the console says of one.
type customer struct {
	profile string
	facts
}

// live asks for all customers.
func (f *fleet) live(n int) []customer {
	f.t.Helper()
	all := make([]customer, n)
	var asking sync.WaitGroup
	const askers = 4
	for first := range askers {
		asking.Go(func() {
			for c := first; c < n; c += askers {
				var err error
				if all[c], err = f.customer(c); err != nil {
					f.t.Errorf("customer u%d: %v", c, err)
					return
				}
			}
		})
	}
	asking.Wait()
	require.False(f.t, f.t.Failed())
	return all
}

func (f *fleet) customer(c int) (out customer, err error) {
	code, b, err := f.api(http.MethodGet, fmt.Sprint("/profiles/user_id:u", c), "", "")
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("%d %.300s", code, b)
	}
	var page struct {
		Profile  string `json:"profile_id"`
		Tags     []struct{ Tag string }
		Measures struct {
			Orders int
			Spend  json.Number
			Brands []string
		}
	}
	if err == nil {
		err = json.Unmarshal(b, &page)
	}
	if err != nil {
		return out, err
	}
	spend, _ := page.Measures.Spend.Int64() // 0 where nothing was spent
	out = customer{page.Profile, facts{page.Measures.Orders, int(spend), append([]string{}, page.Measures.Brands...), []string{}}}
	slices.Sort(out.brands)
	for _, t := range page.Tags {
		out.tags = append(out.tags, t.Tag)
	}
	slices.Sort(out.tags)
	return out, nil
}

// stored is what BI says of known profiles.
func (f *fleet) stored() (map[string]facts, error) {
	rows, err := f.sql(`SELECT profile_id, orders, toInt64(spend), arrayStringConcat(arraySort(tags), ' ') || ' .' FROM profiles
LEFT JOIN (SELECT profile_id, groupArray(tag) AS tags FROM tag_members GROUP BY profile_id) AS held USING (profile_id) WHERE known FORMAT TSV`)
	if err != nil {
		return nil, err
	}
	out := map[string]facts{}
	for line := range strings.Lines(rows) {
		cells := strings.Split(strings.TrimSpace(line), "\t")
		var x facts
		if _, err := fmt.Sscan(cells[1]+" "+cells[2], &x.orders, &x.spend); err != nil {
			return nil, fmt.Errorf("row %q: %w", line, err)
		}
		x.tags = append([]string{}, strings.Fields(strings.TrimSuffix(cells[3], " ."))...)
		out[cells[0]] = x
	}
	return out, nil
}

// inbox gives the event behind each alert, page by page.
func (f *fleet) inbox(each func(cause string)) error {
	for cursor := ""; ; {
		code, b, err := f.api(http.MethodGet, "/alerts?limit=1000&cursor="+cursor, "", "")
		if err == nil && code != http.StatusOK {
			err = fmt.Errorf("alerts: %d %.300s", code, b)
		}
		var page struct {
			Alerts []struct {
				Evidence []struct {
					Event string `json:"event_id"`
				}
			}
			Next string `json:"next_cursor"`
		}
		if err == nil {
			err = json.Unmarshal(b, &page)
		}
		if err != nil {
			return err
		}
		for _, a := range page.Alerts {
			each(fmt.Sprint(a.Evidence)) // of each: match, one event
		}
		if cursor = page.Next; cursor == "" {
			return nil
		}
	}
}

// records calls each with all that a topic holds.
func (f *fleet) records(topic string, each func(partition int, r stream.Record)) {
	f.t.Helper()
	c, err := stream.New(f.kafka.Stream(), zap.NewNop())
	require.NoError(f.t, err)
	defer c.Close()
	ends, err := c.Ends(f.t.Context(), topic)
	require.NoError(f.t, err)
	for p, end := range ends {
		for at := int64(0); at < end; {
			b, err := c.Fetch(f.t.Context(), topic, p, at, time.Second)
			require.NoError(f.t, err)
			for _, r := range b.Records {
				each(p, r)
			}
			at = b.Next
		}
	}
}

// trace is what the log says of a customer: his records, and the links and
// hand-overs of the profiles that he had.
func (f *fleet) trace(c int) string {
	var all []string
	his := map[string]bool{}
	for range 2 { // the first time finds the profiles
		all = nil
		f.records(schemas.TopicEvents, func(p int, rec stream.Record) {
			r, err := event.DecodeRecord(rec.Value)
			if err != nil {
				return
			}
			about := his[r.Profile]
			what := ""
			if e := r.Event; e != nil {
				for _, id := range e.Identities {
					about = about || id.Value == fmt.Sprint("u", c) || id.Value == fmt.Sprint("a", c)
				}
				what = fmt.Sprintf("%s %s at %d received %d", e.EventID, e.Type, e.Time, e.ReceivedAt)
			}
			for _, l := range r.Links {
				about = about || his[l.Younger] || his[l.Older]
				what += fmt.Sprintf(" %s to %s", l.Younger, l.Older)
			}
			if m := r.Merge; m != nil {
				what += fmt.Sprintf(" %s with %s, accepted %t", m.ID, m.Other, m.Accepted)
			}
			if about {
				if r.Event != nil {
					his[r.Profile] = true
				}
				all = append(all, fmt.Sprintf("%s %2d/%-6d %-8s %s %d repair %t for %s: %s", rec.Time.Format("15:04:05.000"), p, rec.Offset, r.Kind, r.Source, r.Number, r.Repair, r.Profile, what))
			}
		})
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// repeats prints how much was put before the consumers twice: without that the
// comparison says little about it.
func (f *fleet) repeats() {
	f.t.Helper()
	var said []string
	for _, topic := range []string{schemas.TopicEvents, schemas.TopicChanges, schemas.TopicAlerts} {
		total, distinct := 0, map[string]bool{}
		f.records(topic, func(p int, r stream.Record) {
			var id struct {
				Source string `json:"s"`
				Number int64  `json:"n"`
				Change string `json:"change_id"`
				Alert  string `json:"alert_id"`
			}
			require.NoError(f.t, json.Unmarshal(r.Value, &id))
			total++
			distinct[fmt.Sprint(p, id.Source, id.Number, id.Change, id.Alert)] = true
		})
		said = append(said, fmt.Sprintf("%d of %d in %s", total-len(distinct), total, topic))
	}
	f.t.Log("published twice:", strings.Join(said, ", "))
}
