package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// entry is what this test reads of a timeline.
type entry struct {
	Time time.Time `json:"time"`
	Kind string    `json:"kind"`
	Tag  string    `json:"tag"`
	Op   string    `json:"op"`
}

// left waits until nobody has the tag and tells when the board showed so.
func (p *product) left(tag string) time.Time {
	p.t.Helper()
	require.Eventually(p.t, func() bool { tags := p.liveTags(); return tags != nil && tags[tag] == 0 }, historyIn, 10*time.Millisecond)
	return time.Now()
}

// changes are the tag changes in a customer's history, by tag and operation.
func (p *product) changes(user string) map[string]entry {
	a, err := p.try("GET", "/api/v1/profiles/"+url.PathEscape("user_id:"+user)+"/timeline?kind=tag", nil, "Authorization", "Bearer "+p.at.AdminToken)
	var page struct{ Items []entry }
	if err != nil || a.code != http.StatusOK || json.Unmarshal(a.body, &page) != nil {
		return nil
	}
	out := map[string]entry{}
	for _, e := range page.Items {
		out[e.Tag+" "+e.Op] = e
	}
	return out
}

// TestTimeAloneMovesTags: G6. One event, then nothing: the tag that lasts and the
// tag of a window leave by the clock, with the due moment in the history; once
// while the product runs, and once when the moment passes while it is dead.
func TestTimeAloneMovesTags(t *testing.T) {
	p := newProduct(t)
	p.rules(`measures:
  近来: {count: page.view, within: 3s}
tags:
  短: {group: 时间, event: page.view, when: 近来 >= 1, lasts: 2s}
  忙: {group: 时间, when: 近来 >= 1}
`)
	exact := func(id string) (due time.Time) {
		var c map[string]entry
		require.Eventually(t, func() bool { c = p.changes("u-" + id); return len(c) >= 4 }, historyIn, 200*time.Millisecond, "%s",
			later(func() string { b, _ := json.Marshal(c); return string(b) }))
		require.Equal(t, 2*time.Second, c["短 expired"].Time.Sub(c["短 applied"].Time))
		require.Equal(t, 3*time.Second, c["忙 removed"].Time.Sub(c["忙 applied"].Time))
		return c["忙 removed"].Time
	}
	require.Equal(t, http.StatusOK, p.track("alive").code)
	require.Eventually(t, func() bool { return p.liveTags()["忙"] == 1 }, historyIn, 10*time.Millisecond)
	p.left("短")
	seen := p.left("忙")
	due := exact("alive")
	require.False(t, seen.Before(due), "it left before its time")
	t.Logf("left %d ms after it was due", seen.Sub(due).Milliseconds())

	require.Equal(t, http.StatusOK, p.track("dead").code)
	require.Eventually(t, func() bool { return p.liveTags()["忙"] == 1 }, historyIn, 10*time.Millisecond)
	p.kill()
	<-time.After(3 * time.Second) // both moments pass
	p.restart()
	began := time.Now()
	seen = p.left("忙")
	exact("dead")
	t.Logf("left %d ms after the product was ready again", seen.Sub(began).Milliseconds())
}
