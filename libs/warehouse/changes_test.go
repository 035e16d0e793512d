package warehouse_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/libs/warehouse/warehousetest"
)

// A customer without an event between takes up several versions of the rules at
// one moment of its clock: the ids of the changes say nothing of their order.
func TestChangesOfOneMomentStandAsTheyWereCommitted(t *testing.T) {
	w := warehousetest.Start(t)
	at := time.UnixMilli(1_700_000_000_000).UTC()
	in := warehouse.Insert{Table: "tag_changes", Token: "t", Columns: []string{
		"change_id", "op", "profile_id", "tag", "cause", "at", "day", "commit", "version",
	}}
	row := func(id, op, cause string, commit int64) []any {
		return []any{id, op, "p", "big", cause, at, at, commit, warehouse.Version(event.Order{Commit: commit})}
	}
	in.Rows = [][]any{
		row("c2", "applied", "e1", 1), row("c9", "removed", "rules:2", 2), row("c1", "applied", "rules:3", 3), row("c5", "removed", "rules:4", 4),
		row("c0", "applied", "rules:5", 5), row("c9", "removed", "rules:2", 6), // written anew by a shard that was moved
	}
	require.NoError(t, w.Insert(t.Context(), in))
	for limit := 1; limit <= 6; limit++ {
		var got []string
		for q := (warehouse.TagChangesQuery{Tag: "big", Limit: limit}); ; {
			page, err := w.TagChanges(t.Context(), q)
			require.NoError(t, err)
			for _, c := range page.Changes {
				got = append(got, c.ChangeID)
			}
			if q.Cursor = page.Next; q.Cursor == "" || len(got) > 5 {
				break
			}
		}
		require.Equal(t, []string{"c9", "c0", "c5", "c1", "c2"}, got, "pages of %d", limit)
	}
	for _, cursor := range []string{"x", ".", "1.c1", "1..c1", "1.-1.c1", "1.1."} {
		_, err := w.TagChanges(t.Context(), warehouse.TagChangesQuery{Tag: "big", Cursor: cursor})
		require.ErrorIs(t, err, warehouse.ErrCursor, cursor)
	}
}
