//go:build clients

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const perClient = 10_000

// clientsDir is where scripts/test has put Segment's clients, as they are
// published.
func clientsDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("TAGWIRE_CLIENTS_DIR")
	if dir == "" {
		cache := os.Getenv("XDG_CACHE_HOME")
		if cache == "" {
			home, err := os.UserHomeDir()
			require.NoError(t, err)
			cache = filepath.Join(home, ".cache")
		}
		dir = filepath.Join(cache, "tagwire", "clients")
	}
	require.DirExists(t, dir, "scripts/test fetches Segment's clients")
	return dir
}

// client runs a program that sends through a client and gives the ids of what
// the client says was sent.
func (p *product) client(name string, args ...string) []string {
	p.t.Helper()
	cmd := exec.Command(name, append(args, p.at.HTTP, p.at.WriteKey, strconv.Itoa(perClient))...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	require.NoError(p.t, cmd.Run(), "%s: %.3000s", name, errs.String())
	p.t.Logf("%s: %d events in %.1f s", name, perClient, time.Since(began).Seconds())
	ids := strings.Fields(out.String())
	require.Equal(p.t, perClient, len(ids), "%.2000s", errs.String())
	return ids
}

func TestSegmentClientsOfServers(t *testing.T) {
	dir := clientsDir(t)
	p := newProduct(t)
	node := p.client("node", "testdata/node.mjs", filepath.Join(dir, "npm", "node_modules"))
	python := p.client("python3", "testdata/python.py", filepath.Join(dir, "python"))
	p.inHistoryOnce(slices.Concat(node, python))
	require.Equal(t, "attribute.set\t2000\norder.pay\t16000\npage.view\t2000", p.bi("SELECT type, count() FROM events GROUP BY type ORDER BY type"))
	require.Equal(t, "1000\t200000", p.bi("SELECT uniqExact(profile_id), toFloat64(sum(amount)) FROM events"), "500 users of each client, 12.5 an order")
	require.Equal(t, "1000\t16000\t200000", p.bi("SELECT count(), sum(orders), toFloat64(sum(spend)) FROM profiles WHERE known"))
}
