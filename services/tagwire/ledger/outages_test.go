//go:build real

package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// soon bounds every wait; what is waited for takes seconds.
const soon = 2 * time.Minute

// trial is a fleet whose parts fail one after the other while customers go on.
type trial struct {
	*fleet
	rnd    *rand.Rand
	m      *model
	length time.Duration // of an outage, at least
	rate   int
	opened int // links
	link   string
}

// TestOutages: each part is away, slow and half-open for a while. Meanwhile the
// roles that do not need it go on, those that do say so and name it, memory stays
// bounded; afterwards everything catches up and equals the model.
func TestOutages(t *testing.T) {
	t.Parallel()
	seed := uint64(number(t, "TAGWIRE_TEST_SEED", int(time.Now().UnixNano())))
	o := &trial{
		fleet: newFleet(t, shape{brokers: 1, gates: gates{}}), rnd: rand.New(rand.NewPCG(seed, 1)), rate: number(t, "TAGWIRE_OUTAGE_RATE", 100),
		length: time.Duration(number(t, "TAGWIRE_OUTAGE_SECONDS", 5)) * time.Second, m: newModel(number(t, "TAGWIRE_OUTAGE_CUSTOMERS", 300)),
	}
	t.Logf("seed %d (repeat with TAGWIRE_TEST_SEED), %s away each, %d events/s", seed, o.length, o.rate)
	o.prepare()
	parts := []string{"Redis", "ClickHouse", "Kafka"}
	if one := os.Getenv("TAGWIRE_OUTAGE_PART"); one != "" {
		parts = []string{one}
	}
	for _, part := range parts {
		for _, h := range harms {
			o.outage(part, h)
		}
	}
	o.judge(o.m)
	o.same("SELECT count() FROM events WHERE type = 'link.open' FORMAT TSV", fmt.Sprint(o.opened))
	o.setBack()
}

const formSecret = "s3cret-of-the-form"

// prepare makes rules, a form, a link, and lets every customer be met.
func (o *trial) prepare() {
	o.t.Helper()
	for _, d := range []struct{ method, path, kind, body string }{
		{http.MethodPut, "/rules", "application/yaml", rules},
		{http.MethodPut, "/defs/source/form1", "application/json", `{"kind":"webhook","secret":"` + formSecret + `"}`},
		{http.MethodPut, "/defs/link/price", "application/json", `{"url":"https://shop.example.com/price","title":"price"}`},
	} {
		code, b, err := o.api(d.method, d.path, d.kind, d.body)
		require.NoError(o.t, err)
		require.Less(o.t, code, 300, "%s: %s", d.path, b)
	}
	code, b, err := o.api(http.MethodPost, "/links", "application/json", `{"link":"price","customer":"user_id:u0"}`)
	require.NoError(o.t, err)
	require.Equal(o.t, http.StatusOK, code, "%s", b)
	var made struct{ URL string }
	require.NoError(o.t, json.Unmarshal(b, &made))
	o.link = made.URL[strings.Index(made.URL, "/r/"):]
	var all []posted
	for c := range o.m.orders {
		all = append(all, o.m.met(c))
	}
	o.send(all)
	o.counted("at the start")
}

// send numbers events and posts them until all are accepted.
func (o *trial) send(list []posted) {
	first := o.m.events - len(list)
	for i := range list {
		o.m.number(&list[i], first+i)
	}
	o.produce(o.t.Context(), o.t, list, rand.New(rand.NewPCG(o.rnd.Uint64(), 5)), o.rate)
}

// some events that take so long.
func (o *trial) some(length time.Duration) []posted {
	out := make([]posted, max(1, int(length.Seconds()*float64(o.rate))))
	for i := range out {
		out[i] = o.m.pick(o.rnd)
	}
	return out
}

// lasts: an outage of minutes is a part that is away; slow and half-open, and what
// leads up to a set-back, take a tenth of it.
func (o *trial) lasts(h harm) time.Duration {
	if h.name == "away" {
		return o.length
	}
	return o.brief()
}

func (o *trial) brief() time.Duration { return max(min(o.length, 5*time.Second), o.length/10) }

// outage harms a part until the time is up and those who need it have said so.
func (o *trial) outage(part string, h harm) {
	o.t.Helper()
	began, before := time.Now(), o.memory()
	require.NoError(o.t, o.gates.harm(part, h.do))
	length := o.lasts(h)
	list := o.some(length)
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		o.send(list)
	}()
	peak := o.watch()
	if h.deaf() {
		o.complains(part)
	}
	switch part {
	case "ClickHouse":
		<-accepted
		o.counted("while ClickHouse is " + h.name)
	case "Redis":
		<-accepted
		if !h.deaf() {
			o.counted("while Redis is slow")
		}
	case "Kafka":
		if h.deaf() {
			o.spools()
		} else {
			<-accepted
			o.counted("while Kafka is slow")
		}
	}
	select {
	case <-time.After(time.Until(began.Add(length))):
	case <-o.t.Context().Done():
	}
	lasted := time.Since(began)
	require.NoError(o.t, o.gates.harm(part, h.leave))
	<-accepted
	for _, w := range o.roles {
		require.Eventually(o.t, w.ready, soon, 100*time.Millisecond, "%s after %s was %s: %s", w.name, part, h.name, text(w.tail))
	}
	o.counted("after " + part + " was " + h.name)
	o.bounded(before, peak())
	o.t.Logf("%s %s for %.0f s: all ready and counted %.0f s later", part, h.name, lasted.Seconds(), (time.Since(began) - lasted).Seconds())
}

// counted waits until tags, customers and alerts are those of the model.
func (o *trial) counted(when string) {
	o.t.Helper()
	wanted := fmt.Sprint(o.m.tags(), len(o.m.orders), o.m.alerts)
	var got string
	require.Eventually(o.t, func() bool {
		counts, known, err := o.tags()
		alerts, aerr := 0, error(nil)
		if err == nil {
			alerts, aerr = o.alerts()
		}
		if got = fmt.Sprint(counts, known, alerts); err != nil || aerr != nil {
			got = fmt.Sprint(err, aerr)
		}
		return got == wanted
	}, soon, 200*time.Millisecond, "%s: want %s, have %s", when, wanted, text(func() string { return got }))
}

// alerts counts the inbox.
func (o *trial) alerts() (n int, err error) {
	err = o.inbox(func(string) { n++ })
	return n, err
}

// needs is who cannot work without a part; all others have to stay ready.
var needs = map[string][]string{
	"ClickHouse": {"archiver"},
	"Redis":      {"resolver", "tagger", "notifier", "console"},
	"Kafka":      {"collector"},
}

// mayNeed are those that may go without for a while and so need not say it at once.
var mayNeed = map[string][]string{
	"Kafka": {"resolver", "tagger", "archiver", "notifier", "console"},
}

// complains waits until readiness says who cannot work, and names the part, or
// where it should be.
func (o *trial) complains(part string) {
	o.t.Helper()
	said := map[string]bool{}
	for _, w := range o.roles {
		switch {
		case slices.Contains(needs[part], w.role):
			var last string
			require.Eventually(o.t, func() bool {
				code, body := w.health()
				last = body
				return code == http.StatusServiceUnavailable && (strings.Contains(body, part) || strings.Contains(body, o.gates[part].Listen))
			}, soon, 200*time.Millisecond, "%s does not name %s: %s", w.name, part, text(func() string { return last }))
			if !said[w.role] {
				o.t.Logf("%s: %s", w.name, last)
			}
			said[w.role] = true
		case slices.Contains(mayNeed[part], w.role):
		default:
			require.Eventually(o.t, w.ready, soon, 100*time.Millisecond, "%s does not need %s: %s", w.name, part, text(w.tail))
		}
	}
}

// health is what readiness says.
func (w *worker) health() (int, string) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	code, b, err := call(ctx, http.MethodGet, "http://"+w.http+"/readyz", nil, nil)
	if err != nil {
		return 0, err.Error()
	}
	return code, strings.TrimSpace(string(b))
}
