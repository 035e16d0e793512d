package warehouse_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/parts/partstest"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/libs/warehouse/warehousetest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

func TestContract(t *testing.T) { warehousetest.Contract(t, warehousetest.Start(t)) }

// The tokens of inserts outlive the process that took them.
func TestContractOfAKill(t *testing.T) {
	c := partstest.StartClickHouse(t)
	w, err := warehouse.New(c.Warehouse(), zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	require.NoError(t, w.Migrate(t.Context(), nil))
	warehousetest.Crash(t, w, func() error { return errors.Join(c.Kill(), c.Start(t.Context())) })
}

func TestVersionSortsAsOrderDoes(t *testing.T) {
	order := rapid.Custom(func(t *rapid.T) event.Order {
		return event.Order{
			Generation: rapid.IntRange(0, 4095).Draw(t, "generation"), Shard: rapid.IntRange(0, 63).Draw(t, "shard"),
			Commit: rapid.Int64Range(0, 1<<34-1).Draw(t, "commit"), Position: rapid.IntRange(0, 1<<18-1).Draw(t, "position"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := order.Draw(t, "a"), order.Draw(t, "b")
		before := a.Generation < b.Generation || a.Generation == b.Generation && (a.Commit < b.Commit || a.Commit == b.Commit && a.Position < b.Position)
		if before != (warehouse.Version(a) < warehouse.Version(b)) {
			t.Fatalf("%v and %v sort otherwise as numbers", a, b)
		}
	})
}

func TestFirstInTheLogWins(t *testing.T) {
	require.Greater(t, warehouse.FirstWins(1, 5, 9), warehouse.FirstWins(1, 6, 0))
	require.Greater(t, warehouse.FirstWins(1, 5, 0), warehouse.FirstWins(1, 5, 1))
	require.Greater(t, warehouse.FirstWins(1, 1<<40, 63), warehouse.FirstWins(2, 0, 0))
}

func TestNamesThatAreNotPlainAreRefused(t *testing.T) {
	_, err := warehouse.New(warehouse.Config{Addrs: []string{"127.0.0.1:1"}, Database: "a; DROP"}, zap.NewNop())
	require.ErrorContains(t, err, "letters, digits")
	_, err = warehouse.New(warehouse.Config{}, zap.NewNop())
	require.ErrorContains(t, err, "Addrs")
}

func TestCursorsOfOthersAreRefused(t *testing.T) {
	w := warehousetest.Start(t)
	for _, cursor := range []string{"x", ".", "zzzzzzzzzzzzzzzz.a", "-!.b"} {
		_, err := w.Timeline(t.Context(), warehouse.TimelineQuery{Profile: "p", Cursor: cursor})
		require.ErrorIs(t, err, warehouse.ErrCursor, cursor)
	}
}

func TestTextsOfPeopleAreNoStatements(t *testing.T) {
	w := warehousetest.Start(t)
	for _, evil := range []string{`'; DROP TABLE x; --`, `\`, `\'`, "a\x00b", `' OR 1=1 --`} {
		page, err := w.Timeline(t.Context(), warehouse.TimelineQuery{Profile: evil})
		require.NoError(t, err, evil)
		require.Empty(t, page.Entries)
		members, err := w.Members(t.Context(), warehouse.MembersQuery{Tag: evil, After: evil})
		require.NoError(t, err, evil)
		require.Empty(t, members.Members)
	}
}
