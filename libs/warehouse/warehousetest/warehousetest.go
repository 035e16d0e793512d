// Package warehousetest gives tests a warehouse on the real engine, and holds
// the contract that every ClickHouse must pass: [Contract] and [Crash].
//
// Only tests import it. The test binary needs
// func TestMain(m *testing.M) { embeddedtest.Main(m) }.
package warehousetest

import (
	"context"
	"hash/fnv"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/warehouse"
)

// Start opens a warehouse with databases of its own on the embedded engine,
// migrated and checked; they are gone with the test.
func Start(t testing.TB) *warehouse.Warehouse {
	t.Helper()
	h := fnv.New32a()
	_, _ = h.Write([]byte(t.Name())) // never fails
	name := "t" + strconv.FormatUint(uint64(h.Sum32()), 36)
	return StartNamed(t, name, name+"_bi")
}

// StartNamed is Start with the names of the databases: the user bi may read the
// database bi only.
func StartNamed(t testing.TB, database, bi string) *warehouse.Warehouse {
	t.Helper()
	w := Open(t, database, bi)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, w.Migrate(ctx, nil))
	fine(t, w)
	return w
}

// fine: nothing is refused, nothing is weak.
func fine(t testing.TB, w *warehouse.Warehouse) {
	t.Helper()
	weak, err := w.Check(t.Context())
	require.NoError(t, err)
	require.Empty(t, weak)
}

// Open is StartNamed before migration.
func Open(t testing.TB, database, bi string) *warehouse.Warehouse {
	t.Helper()
	parts := embeddedtest.Start(t, embeddedtest.ClickHouse)
	w, err := warehouse.New(warehouse.Config{
		Addrs: []string{parts.ClickHouseNative}, User: parts.ClickHouseUser, Password: parts.ClickHousePassword, Database: database, BIDatabase: bi,
	}, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context()) // the test's own has ended
		require.NoError(t, w.Exec(ctx, "DROP DATABASE IF EXISTS "+bi))
		require.NoError(t, w.Exec(ctx, "DROP DATABASE IF EXISTS "+database))
		require.NoError(t, w.Close())
	})
	return w
}

// Table reads a query as lines, fields separated by |, in the order of the
// answer. A missing value is \N.
func Table(t testing.TB, w *warehouse.Warehouse, query string) []string {
	t.Helper()
	rows, err := w.Query(t.Context(), "SELECT formatRowNoNewline('CustomSeparated', *) FROM ("+query+
		") SETTINGS format_custom_field_delimiter = '|', format_custom_escaping_rule = 'Raw'")
	require.NoError(t, err, query)
	defer func() { _ = rows.Close() }()
	out := []string{}
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		out = append(out, line)
	}
	require.NoError(t, rows.Err(), query)
	return out
}

// Count reads a query of one number.
func Count(t testing.TB, w *warehouse.Warehouse, query string) uint64 {
	t.Helper()
	var n uint64
	require.NoError(t, w.Scalar(t.Context(), "SELECT toUInt64(*) FROM ("+query+")", &n), query)
	return n
}

// Views are the names of the views for BI.
func Views(t testing.TB, w *warehouse.Warehouse) []string {
	t.Helper()
	return Table(t, w, "SELECT name FROM system.tables WHERE database = '"+w.BIDatabase()+"' ORDER BY name")
}

// Han says that a text holds Chinese, and Latin that it holds English.
func Han(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r >= 0x4e00 && r <= 0x9fff })
}

// Latin says that a text holds English.
func Latin(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' })
}
