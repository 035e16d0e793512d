//go:build real

package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// number reads how much a run is to do.
func number(t testing.TB, name string, otherwise int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	require.NoError(t, err, name)
	return n
}

// calm is how long after the nemesis everything has to come to rest.
const calm = 4 * time.Minute

// TestLedger: accepted ⊆ stored, each once; tags, counts, sums and alerts equal
// the model, in total and customer by customer, in Redis, the inbox and
// ClickHouse; verify finds no difference.
func TestLedger(t *testing.T) {
	t.Parallel()
	ledger(t, shape{brokers: 1, gates: gates{}})
}

func ledger(t *testing.T, s shape) {
	if s.events == 0 {
		s.events, s.rate = 30_000, 600
	}
	events := number(t, "TAGWIRE_LEDGER_EVENTS", s.events)
	rate := number(t, "TAGWIRE_LEDGER_RATE", s.rate)
	seed := uint64(number(t, "TAGWIRE_TEST_SEED", int(time.Now().UnixNano())))
	t.Logf("seed %d (repeat with TAGWIRE_TEST_SEED), %d events at %d/s", seed, events, rate)
	rnd := rand.New(rand.NewPCG(seed, 1))
	f := newFleet(t, s)
	f.activate(rules)

	list, m := history(rnd, events, max(100, events/20))
	ctx, stop := context.WithCancel(t.Context())
	var harm sync.WaitGroup
	n := &nemesis{f: f, t: t, rnd: rand.New(rand.NewPCG(seed, 2)), zombies: s.zombies}
	harm.Go(func() { n.run(ctx) })
	f.produce(t.Context(), t, list, rnd, rate)
	stop()
	harm.Wait()
	require.GreaterOrEqual(t, n.woken, s.zombies, "too few events for so much harm")
	f.judge(m)
	f.eachEqual(m)
	f.repeats()
}

// judge waits until everything has come to rest and compares.
func (f *fleet) judge(m *model) {
	f.t.Helper()
	began := time.Now()
	f.storedOnce(m)
	wanted := fmt.Sprint(m.tags(), len(m.orders))
	var got string
	require.Eventually(f.t, func() bool {
		counts, known, err := f.tags()
		if got = fmt.Sprint(counts, known); err != nil {
			got = err.Error()
		}
		return got == wanted
	}, calm, 500*time.Millisecond, "want %s, have %s", wanted, text(func() string { return got }))
	f.same("SELECT count(), uniqExact(alert_id) FROM alerts FORMAT TSV", fmt.Sprintf("%d\t%d", m.alerts, m.alerts))
	orders, spend := m.sums()
	f.same("SELECT count(), sum(orders), toInt64(sum(spend)) FROM profiles WHERE known FORMAT TSV", fmt.Sprintf("%d\t%d\t%d", len(m.orders), orders, spend))
	var verdict struct {
		Drift       *int
		Differences []any
	}
	require.Eventually(f.t, func() bool {
		code, b, err := f.api(http.MethodGet, "/verify", "", "")
		return err == nil && code == http.StatusOK && json.Unmarshal(b, &verdict) == nil && verdict.Drift != nil && *verdict.Drift == 0
	}, calm, time.Second, "verify: %s", text(func() string { return fmt.Sprintf("%+v", verdict) }))
	f.t.Logf("at rest and equal after %.0f s: %d events, %s, %d alerts, drift 0", time.Since(began).Seconds(), m.events, wanted, m.alerts)
}

// storedOnce: the history holds exactly the events that were accepted.
func (f *fleet) storedOnce(m *model) {
	f.t.Helper()
	var got string
	wanted := fmt.Sprintf("%d\t%d", m.events, m.events)
	require.Eventually(f.t, func() bool {
		s, err := f.sql("SELECT count(), uniqExact(event_id) FROM events WHERE startsWith(event_id, 'n') FORMAT TSV")
		if got = s; err != nil {
			got = err.Error()
		}
		return got == wanted
	}, calm, 500*time.Millisecond, "events in the history: want %s, have %s", wanted, text(func() string { return got }))
	ids, err := f.sql("SELECT event_id FROM events WHERE startsWith(event_id, 'n') ORDER BY event_id FORMAT TSV")
	require.NoError(f.t, err)
	for i, id := range strings.Fields(ids) {
		require.Equal(f.t, fmt.Sprintf("n%07d", i), id)
	}
}

// same waits until a question has this answer.
func (f *fleet) same(query, wanted string) {
	f.t.Helper()
	var got string
	require.Eventually(f.t, func() bool {
		s, err := f.sql(query)
		if got = s; err != nil {
			got = err.Error()
		}
		return got == wanted
	}, calm, 500*time.Millisecond, "%s: want %s, have %s", query, wanted, text(func() string { return got }))
}
