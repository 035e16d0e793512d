package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// manyProfiles is how many customers the start is tried with; scripts/soak start
// says a million.
func manyProfiles(t testing.TB) int {
	t.Helper()
	n := 3000
	if v := os.Getenv("TAGWIRE_TEST_PROFILES"); v != "" {
		var err error
		n, err = strconv.Atoi(v)
		require.NoError(t, err)
	}
	return n
}

// TestStartGoesOnWithAllProfiles imports an order of each of many customers, then
// stops, kills and starts the product: the counts are there again each time. The
// times are reported, not judged: see docs/proofs.md.
func TestStartGoesOnWithAllProfiles(t *testing.T) {
	p := newProduct(t, "TAGWIRE_LOG_LEVEL=debug")
	p.cdnowRules()
	n := manyProfiles(t)
	file := filepath.Join(t.TempDir(), "orders.csv")
	out, err := os.Create(file)
	require.NoError(t, err)
	w := bufio.NewWriter(out)
	_, err = fmt.Fprintln(w, "customer,date,dollars")
	require.NoError(t, err)
	for i := range n {
		_, err = fmt.Fprintf(w, "c%07d,1997%02d%02d,%d.%02d\n", i, 1+i%12, 1+i%28, i%200, i%100)
		require.NoError(t, err)
	}
	require.NoError(t, w.Flush())
	require.NoError(t, out.Close())
	plan := filepath.Join(t.TempDir(), "map.yaml")
	require.NoError(t, os.WriteFile(plan, []byte(`name: many
format: csv
type: order.pay
time: {column: date, format: YYYYMMDD, zone: Asia/Shanghai}
identities: ["user_id:{{customer}}"]
amount: $.dollars
`), 0o600))
	said, err := p.command("import", file, "--map", plan, "--data", p.dir).CombinedOutput()
	require.NoError(t, err, "%s", said)

	wanted := 0 // those of 100 and more
	for i := range n {
		if i%200 >= 100 {
			wanted++
		}
	}
	complete := func() bool { return p.known() == n && p.liveTags()["消费满100"] == wanted }
	require.Eventually(t, complete, historyIn+time.Duration(n)*time.Millisecond, 500*time.Millisecond, "%s",
		later(func() string { return fmt.Sprint(p.known(), p.liveTags()) }))
	// A console whose history is more than a minute behind is not ready, whatever the start takes.
	require.Eventually(t, p.settled, historyIn+time.Duration(n)*time.Millisecond, 500*time.Millisecond, "%s", later(p.underWay))
	for _, end := range []func(){p.stop, p.kill, p.kill, p.stop, p.kill} {
		end()
		began := time.Now()
		p.restart()
		t.Logf("ready after %d ms with %d profiles", time.Since(began).Milliseconds(), n)
		for line := range strings.Lines(p.out.String()) {
			if strings.Contains(line, "start of a part") || strings.Contains(line, "not ready yet") {
				t.Log(line)
			}
		}
		require.True(t, complete(), "%d known, %v", p.known(), p.liveTags())
	}
}

// known is how many known customers the board counts; -1 while it does not say.
func (p *product) known() int {
	var board struct{ Population struct{ Known int } }
	a, err := p.try("GET", "/api/v1/tags", nil, "Authorization", "Bearer "+p.at.AdminToken)
	if err != nil || json.Unmarshal(a.body, &board) != nil {
		return -1
	}
	return board.Population.Known
}
