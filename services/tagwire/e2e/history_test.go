package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// historyIn is far beyond what the archiver takes for what these tests send.
const historyIn = 90 * time.Second

// settled says that nothing that was accepted is still under way.
func (p *product) settled() bool { return p.underWay() == "" }

// underWay names what is not done, with its lag.
func (p *product) underWay() string {
	var report struct {
		Ready  bool `json:"ready"`
		Checks []struct {
			Name       string  `json:"name"`
			OK         bool    `json:"ok"`
			LagSeconds float64 `json:"lag_seconds"`
		} `json:"checks"`
	}
	a, err := p.try("GET", "/readyz", nil)
	if err != nil || json.Unmarshal(a.body, &report) != nil || !report.Ready {
		return "not ready"
	}
	for _, c := range report.Checks {
		if c.LagSeconds > 0 && c.Name != "console" { // the console's is the age of its newest look at the counts
			return fmt.Sprintf("%s is %v s behind", c.Name, c.LagSeconds)
		}
	}
	return ""
}

// inHistoryOnce requires that exactly these events are in bi.events, each once,
// when all that was accepted has arrived.
func (p *product) inHistoryOnce(ids []string) {
	p.t.Helper()
	want := slices.Sorted(slices.Values(ids))
	require.Equal(p.t, len(want), len(slices.Compact(slices.Clone(want))), "the clients' ids are distinct")
	var got []string
	require.Eventually(p.t, func() bool {
		s, err := p.tryBI("SELECT event_id FROM events ORDER BY event_id")
		got = strings.Fields(s)
		return err == nil && len(got) >= len(want) && p.settled()
	}, historyIn, 250*time.Millisecond, "%s", later(func() string { return missing(want, got) + " " + p.underWay() }))
	slices.Sort(got)
	require.True(p.t, slices.Equal(want, got), "%s", later(func() string { return missing(want, got) }))
}

// hasAll requires that each of these events is in bi.events once; there may be
// others, whose answers were lost.
func (p *product) hasAll(ids []string) {
	p.t.Helper()
	var got []string
	require.Eventually(p.t, func() bool {
		s, err := p.tryBI("SELECT event_id, count() FROM events GROUP BY event_id")
		if err != nil {
			return false
		}
		count := map[string]string{}
		got = strings.Fields(s)
		for i := 0; i+1 < len(got); i += 2 {
			count[got[i]] = got[i+1]
		}
		return !slices.ContainsFunc(ids, func(id string) bool { return count[id] != "1" })
	}, historyIn, 250*time.Millisecond, "%d were accepted; %s", len(ids), later(func() string { return fmt.Sprintf("%.2000s", got) }))
}

// later is a text that is made only when it is needed.
type later func() string

func (l later) String() string { return l() }

func missing(want, got []string) string {
	count := map[string]int{}
	for _, id := range got {
		count[id]++
	}
	var lost, twice, strange []string
	for _, id := range want {
		switch n := count[id]; {
		case n == 0:
			lost = append(lost, id)
		case n > 1:
			twice = append(twice, id)
		}
		delete(count, id)
	}
	for id := range count {
		strange = append(strange, id)
	}
	b, _ := json.Marshal(map[string]any{"lost": len(lost), "twice": len(twice), "strange": len(strange), "samples": [][]string{lost[:min(3, len(lost))], twice[:min(3, len(twice))], strange[:min(3, len(strange))]}})
	return string(b)
}
