package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What operators look at: who serves what, and that nothing is left to do once
// all has been done.
func TestMetricsTellThatAllIsServedAndDone(t *testing.T) {
	p := newProduct(t)
	for i := range 20 {
		require.Equal(t, http.StatusOK, p.track(fmt.Sprintf("m%d", i)).code)
	}
	values := func() map[string]float64 {
		out := map[string]float64{}
		body := p.send(http.MethodGet, "/metrics", nil).body
		for _, m := range regexp.MustCompile(`(?m)^(tagwire_\S+) (\S+)$`).FindAllSubmatch(body, -1) {
			v, err := strconv.ParseFloat(string(m[2]), 64)
			require.NoError(t, err)
			out[string(m[1])] = v
		}
		return out
	}
	var last string
	require.Eventually(t, func() bool {
		v := values()
		last = ""
		want := func(name string, value float64) {
			if got, ok := v[name]; !ok || got != value {
				last += fmt.Sprintf("%s is %v (there: %v), not %v\n", name, got, ok, value)
			}
		}
		for group, topic := range map[string]string{"tagger": "events.1", "resolver": "raw.1", "notifier": "alerts.1"} {
			all := v[fmt.Sprintf(`tagwire_partitions{group=%q,topic=%q}`, group, topic)]
			if all < 1 {
				last += group + " has no partitions\n"
			}
			want(fmt.Sprintf(`tagwire_partitions_owned{group=%q,topic=%q}`, group, topic), all)
			for n := range int(all) {
				want(fmt.Sprintf(`tagwire_lag_records{group=%q,partition="%d",topic=%q}`, group, n, topic), 0)
			}
		}
		want(`tagwire_partitions_owned{group="archiver",topic="events.1"}`, 8)
		want(`tagwire_lag_records{group="archiver",partition="7",topic="events.1"}`, 0)
		for s := range 8 {
			want(fmt.Sprintf(`tagwire_tagger_outbox_entries{shard="%d"}`, s), 0)
		}
		for _, reason := range []string{"clocks", "kafka", "redis", "spool"} {
			want(fmt.Sprintf(`tagwire_stream_time_held_seconds{reason=%q}`, reason), 0)
		}
		want(`tagwire_collector_spool_max_bytes`, 1<<30)
		return last == "" && v["tagwire_resolver_records_total"] >= 20
	}, time.Minute, 100*time.Millisecond, "%s", &lazy{&last})
}

// lazy is printed as its text is when the test has failed.
type lazy struct{ text *string }

func (l *lazy) String() string { return *l.text }
