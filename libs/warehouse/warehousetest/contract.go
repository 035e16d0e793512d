package warehousetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/warehouse"
)

// Contract is what every ClickHouse must do for history to be exact. w is
// migrated and empty.
func Contract(t *testing.T, w *warehouse.Warehouse) {
	t.Run("a second migration changes nothing", func(t *testing.T) {
		before := Count(t, w, "SELECT count() FROM "+w.Database()+".schema_versions")
		require.NoError(t, w.Migrate(t.Context(), nil))
		require.Equal(t, before, Count(t, w, "SELECT count() FROM "+w.Database()+".schema_versions"))
		fine(t, w)
	})
	t.Run("a table without a window is found", func(t *testing.T) {
		require.NoError(t, w.Exec(t.Context(), "CREATE TABLE "+w.Database()+".plain (a String) ENGINE = MergeTree ORDER BY a"))
		weak, err := w.Check(t.Context())
		require.NoError(t, err, "a warning, no refusal")
		require.Len(t, weak, 1)
		require.Contains(t, weak[0].En, "ALTER TABLE "+w.Database()+".plain MODIFY SETTING non_replicated_deduplication_window = 10000")
		for blocks, found := range map[string]int{"10": 1, "10000": 0} {
			require.NoError(t, w.Exec(t.Context(), "ALTER TABLE "+w.Database()+".plain MODIFY SETTING non_replicated_deduplication_window = "+blocks))
			weak, err := w.Check(t.Context())
			require.NoError(t, err)
			require.Len(t, weak, found, blocks)
		}
		require.NoError(t, w.Exec(t.Context(), "DROP TABLE "+w.Database()+".plain SYNC"))
	})
	t.Run("every table, view and column is explained in zh and en", func(t *testing.T) { explained(t, w) })
	t.Run("the same token inserts nothing, in targets too", func(t *testing.T) { repeated(t, w) })
	t.Run("a set over many months is whole after a repetition", func(t *testing.T) { months(t, w) })
	t.Run("every view answers and counts what stands twice once", func(t *testing.T) { views(t, w) })
	t.Run("too many partitions are an error", func(t *testing.T) {
		err := w.Insert(t.Context(), snapshots("wide", warehouse.MaxPartitions+1))
		require.ErrorContains(t, err, "code: 252")
	})
	t.Run("an insert that was broken off can be tried again", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		in := snapshots("broken", 3)
		require.Error(t, w.Insert(ctx, in))
		require.NoError(t, w.Insert(t.Context(), in))
		require.EqualValues(t, 3, Count(t, w, "SELECT count() FROM "+w.Database()+".profiles WHERE startsWith(profile_id, 'broken')"))
	})
}

func explained(t *testing.T, w *warehouse.Warehouse) {
	db := "database IN ('" + w.Database() + "', '" + w.BIDatabase() + "')"
	for _, line := range Table(t, w, "SELECT database, name, comment FROM system.tables WHERE engine != 'MaterializedView' AND "+db) {
		require.True(t, Han(line) && Latin(line), line)
	}
	require.Positive(t, Count(t, w, "SELECT count() FROM system.columns WHERE "+db))
	for _, line := range Table(t, w, `SELECT c.table, c.name, c.comment FROM system.columns AS c INNER JOIN system.tables AS v ON v.database = c.database AND v.name = c.table
WHERE v.engine != 'MaterializedView' AND c.`+db+` AND (NOT match(c.comment, '\\p{Han}') OR NOT match(c.comment, '[A-Za-z]{2}'))`) {
		t.Errorf("not explained in both languages: %s", line)
	}
	for _, line := range Table(t, w, `SELECT table, name, type FROM system.columns WHERE database = '`+w.BIDatabase()+`' AND match(type, 'JSON|Tuple|Array|Map|AggregateFunction|Enum|Variant|Dynamic')`) {
		t.Errorf("not a scalar, which BI tools need: %s", line)
	}
}

// snapshots are profiles seen in as many months: the table has no partition,
// what is fed from it has one a month.
func snapshots(name string, n int) warehouse.Insert {
	in := warehouse.Insert{Table: "profiles", Columns: []string{"profile_id", "known", "identities", "at", "day", "version"}, Token: "profiles-" + name}
	for i := range n {
		at := time.Date(2000, time.Month(1+i), 15, 0, 0, 0, 0, time.UTC)
		id := fmt.Sprintf("%s%d", name, i)
		in.Rows = append(in.Rows, []any{id, true, []string{"user_id:" + id}, at, at, uint64(i + 1)})
	}
	return in
}

// fed are the table of the snapshots and all that is fed from it.
var fed = []string{"profiles", "profile_daily", "profile_flags", "profile_places", "identities"}

func repeated(t *testing.T, w *warehouse.Warehouse) {
	in := snapshots("again", 1)
	for range 3 {
		require.NoError(t, w.Insert(t.Context(), in))
	}
	for _, table := range fed {
		require.EqualValues(t, 1, Count(t, w, "SELECT count() FROM "+w.Database()+"."+table+" WHERE profile_id = 'again0'"), table)
	}
	other := in
	other.Token += "-other" // as after another cut of the log: only reading through the key tells
	require.NoError(t, w.Insert(t.Context(), other))
	for _, table := range fed {
		require.EqualValues(t, 1, Count(t, w, "SELECT count() FROM "+w.Database()+"."+table+" FINAL WHERE profile_id = 'again0'"), table)
	}
}

func months(t *testing.T, w *warehouse.Warehouse) {
	in := snapshots("long", warehouse.MaxPartitions-10)
	require.NoError(t, w.Insert(t.Context(), in))
	require.NoError(t, w.Insert(t.Context(), in))
	for _, table := range fed {
		require.EqualValues(t, len(in.Rows), Count(t, w, "SELECT count() FROM "+w.Database()+"."+table+" WHERE startsWith(profile_id, 'long')"), table)
	}
}

// views: each can be asked, and a row that the tables hold twice is one there.
func views(t *testing.T, w *warehouse.Warehouse) {
	in := snapshots("viewed", 1)
	require.NoError(t, w.Insert(t.Context(), in))
	in.Token += "-other"
	require.NoError(t, w.Insert(t.Context(), in))
	require.EqualValues(t, 1, Count(t, w, "SELECT count() FROM "+w.BIDatabase()+".profiles WHERE profile_id = 'viewed0'"))
	for _, view := range Views(t, w) {
		require.NoError(t, w.Exec(t.Context(), "SELECT * FROM "+w.BIDatabase()+"."+view+" LIMIT 1 FORMAT Null"), view)
	}
}

// Crash is what a ClickHouse must do when it is killed: an insert that was
// acknowledged is there, one that was broken off or is given again with its token
// stands once. kill ends it at once and starts it again.
func Crash(t *testing.T, w *warehouse.Warehouse, kill func() error) {
	t.Helper()
	acknowledged := snapshots("acked", 2)
	require.NoError(t, w.Insert(t.Context(), acknowledged))
	require.NoError(t, kill())
	for _, in := range []warehouse.Insert{acknowledged, snapshots("later", 2)} {
		require.Eventually(t, func() bool { // a first try may meet a connection of before
			return w.Insert(t.Context(), in) == nil
		}, time.Minute, 50*time.Millisecond)
		require.NoError(t, w.Insert(t.Context(), in))
	}
	for _, table := range fed {
		for _, name := range []string{"acked", "later"} {
			require.EqualValues(t, 2, Count(t, w, "SELECT count() FROM "+w.Database()+"."+table+" WHERE startsWith(profile_id, '"+name+"')"), "%s in %s", name, table)
		}
	}
	fine(t, w)
}
