package e2e

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// CDNOW's published purchases: the numbers below follow from the file by plain
// counting, and SQL counts them once more here.
const (
	cdnowOrders    = "69659"
	cdnowCustomers = "23570"
	cdnowDollars   = "2500315.63"
)

var cdnowTags = map[string]int{"消费满100": 6234, "消费满500": 734, "订单满10": 1154}

func cdnow(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "..", "deploy", "examples", "cdnow", name))
	require.NoError(t, err)
	return path
}

func randomSeed(t testing.TB) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if v := os.Getenv("TAGWIRE_TEST_SEED"); v != "" {
		var err error
		seed, err = strconv.ParseUint(v, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("seed %d (repeat with TAGWIRE_TEST_SEED)", seed)
	return seed
}

func (p *product) cdnowRules() {
	p.t.Helper()
	b, err := os.ReadFile(cdnow(p.t, "rules/rules.yaml"))
	require.NoError(p.t, err)
	p.rules(string(b))
}

// liveTags are the counts that the API shows; nil while it does not answer.
func (p *product) liveTags() map[string]int {
	var board struct {
		Population struct{ Known int }
		Tags       []struct {
			Tag   string
			Count int
		}
	}
	a, err := p.try("GET", "/api/v1/tags", nil, "Authorization", "Bearer "+p.at.AdminToken)
	if err != nil || json.Unmarshal(a.body, &board) != nil {
		return nil
	}
	out := map[string]int{}
	for _, t := range board.Tags {
		out[t.Tag] = t.Count
	}
	return out
}

// requireCDNOW: the same numbers from Redis, from bi.tags_now and from SQL over
// the orders, and no drift.
func (p *product) requireCDNOW() {
	p.t.Helper()
	orders := func() string {
		s, err := p.tryBI("SELECT count(), uniqExact(event_id), uniqExact(profile_id), toString(sum(amount)) FROM events FORMAT TSV")
		if err != nil {
			return err.Error()
		}
		return s
	}
	want := strings.Join([]string{cdnowOrders, cdnowOrders, cdnowCustomers, cdnowDollars}, "\t")
	require.Eventually(p.t, func() bool { return orders() == want }, historyIn, 500*time.Millisecond, "%s", later(orders))
	var live map[string]int
	require.Eventually(p.t, func() bool {
		before := live
		live = p.liveTags()
		return live != nil && fmt.Sprint(before) == fmt.Sprint(live) && fmt.Sprint(live) == fmt.Sprint(cdnowTags)
	}, historyIn, time.Second, "%s", later(func() string { return fmt.Sprint(live) }))
	lines := func() string {
		s, err := p.tryBI("SELECT concat(tag, '=', toString(profiles)) FROM tags_now ORDER BY tag FORMAT TSV")
		if err != nil {
			return err.Error()
		}
		return s
	}
	require.Eventually(p.t, func() bool { return lines() == "消费满100=6234\n消费满500=734\n订单满10=1154" }, historyIn, 500*time.Millisecond, "%s", later(lines))
	require.Equal(p.t, "6234\t734\t1154", p.bi(`SELECT countIf(s >= 100), countIf(s >= 500), countIf(n >= 10)
		FROM (SELECT profile_id, sum(amount) AS s, count() AS n FROM events GROUP BY profile_id) FORMAT TSV`))
	var verdict struct {
		Drift       *int
		Checked     int
		Differences []any
	}
	a := p.api("GET", "/verify", nil)
	require.NoError(p.t, json.Unmarshal(a.body, &verdict), "%s", a)
	require.NotNil(p.t, verdict.Drift, "%s", a)
	require.Zero(p.t, *verdict.Drift, "%s", a)
	require.Equal(p.t, cdnowCustomers, strconv.Itoa(verdict.Checked))
}

// TestPurchasesImportedWhileKilled imports the whole file while the process with
// all roles and parts is killed at ten random moments, and then once more.
func TestPurchasesImportedWhileKilled(t *testing.T) {
	p := newProduct(t)
	p.cdnowRules()
	rnd := rand.New(rand.NewPCG(randomSeed(t), 0))
	load := func() (wait func()) {
		cmd := p.command("import", cdnow(t, "testdata/CDNOW_master.txt"), "--map", cdnow(t, "map.yaml"), "--data", p.dir)
		out := &output{}
		cmd.Stdout, cmd.Stderr = out, out
		require.NoError(t, cmd.Start())
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended, unless the test failed
		return func() {
			select {
			case err := <-done:
				require.NoError(t, err, "%s", out.tail())
			case <-time.After(5 * time.Minute):
				require.Fail(t, "the import does not end", "%s", out.tail())
			}
		}
	}
	wait := load()
	for range 10 {
		<-time.After(time.Duration(100+rnd.IntN(1200)) * time.Millisecond) // a random moment, not a wait for something
		p.kill()
		p.restart()
	}
	wait()
	p.requireCDNOW()
	load()()
	p.requireCDNOW()
}

// TestPurchasesSentTwiceInARow sends the file through POST /v1/import, and again;
// then every customer is as it was at any moment of the past.
func TestPurchasesSentTwiceInARow(t *testing.T) {
	p := newProduct(t)
	p.cdnowRules()
	batches := cdnowBatches(t)
	for range 2 {
		for _, b := range batches {
			a := p.send("POST", "/v1/import", b, "Content-Type", "application/json",
				"Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(p.at.WriteKey+":")))
			require.Equal(t, 200, a.code, "%s", a)
			require.Contains(t, string(a.body), `"rejected":[]`)
		}
	}
	p.requireCDNOW()
	p.requirePast()
}

func cdnowBatches(t testing.TB) [][]byte {
	t.Helper()
	f, err := os.Open(cdnow(t, "testdata/CDNOW_master.txt"))
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	type track struct {
		Type       string         `json:"type"`
		Event      string         `json:"event"`
		UserID     string         `json:"userId"`
		MessageID  string         `json:"messageId"`
		Timestamp  string         `json:"timestamp"`
		Properties map[string]any `json:"properties"`
	}
	var out [][]byte
	var batch []track
	flush := func() {
		b, err := json.Marshal(map[string]any{"batch": batch})
		require.NoError(t, err)
		out, batch = append(out, b), nil
	}
	row := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		c := strings.Fields(lines.Text())
		if len(c) != 4 || c[0] == "customer_id" {
			continue
		}
		row++
		batch = append(batch, track{
			Type: "track", Event: "Order Completed", UserID: c[0], MessageID: fmt.Sprint("row-", row),
			Timestamp: c[1][:4] + "-" + c[1][4:6] + "-" + c[1][6:] + "T00:00:00+08:00", Properties: map[string]any{"revenue": c[3]},
		})
		if len(batch) == 1500 {
			flush()
		}
	}
	flush()
	return out
}
