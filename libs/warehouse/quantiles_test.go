package warehouse_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/govalues/decimal"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/libs/warehouse/warehousetest"
)

// snapshots are rows of the newest states with one measure each; empty: without.
type snapshots struct{ rows [][]any }

func (s *snapshots) add(id string, commit int64, known, excluded bool, measures map[string]string) {
	at := time.UnixMilli(1_700_000_000_000).UTC()
	o := event.Order{Generation: 1, Shard: event.Shard(id, 8), Commit: commit}
	s.rows = append(s.rows, []any{id, known, excluded, measures, at, at, at, at, at, uint32(1), uint16(o.Shard), commit, warehouse.Version(o)})
}

func (s *snapshots) insert(t *testing.T, w *warehouse.Warehouse, token string) {
	t.Helper()
	require.NoError(t, w.Insert(t.Context(), warehouse.Insert{
		Table: "profiles", Token: token, Columns: []string{
			"profile_id", "known", "excluded", "measures", "first_seen", "last_seen", "clock", "at", "day", "generation", "shard", "commit", "version",
		}, Rows: s.rows,
	}))
	s.rows = nil
}

// naive is the definition: the smallest value with at least p % at or below it.
func naive(sorted []decimal.Decimal, p int) decimal.Decimal {
	for i, v := range sorted {
		if (i+1)*100 >= p*len(sorted) {
			return v
		}
	}
	panic("of nobody")
}

func TestQuantilesAreThoseOfAPlainSort(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	w := warehousetest.Start(t)
	const name = `净'消费`
	all := make([]int, 99)
	for i := range all {
		all[i] = i + 1
	}
	q, err := w.MeasureQuantiles(t.Context(), name, all)
	require.NoError(t, err)
	require.Zero(t, q, "of nobody there are none")

	var s snapshots
	var values []decimal.Decimal
	for n := range 500 + r.IntN(500) {
		id := fmt.Sprintf("p%04d", n)
		s.add(id, 1, true, false, map[string]string{name: "77777.5"}) // an older state
		v := decimal.MustNew(r.Int64N(2_000_000)-200_000, r.IntN(5))
		switch r.IntN(6) {
		case 0:
			v = decimal.Decimal{}
		case 1:
			v = decimal.MustParse("99.999999999999999") // no double tells it from 100
		case 2:
			v = decimal.MustParse("100")
		}
		measures := map[string]string{"other": "1"}
		if !v.IsZero() {
			measures[name] = v.String()
		}
		s.add(id, 2, true, false, measures)
		values = append(values, v)
	}
	s.add("anonymous", 1, false, false, map[string]string{name: "1000000"})
	s.add("staff", 1, true, true, map[string]string{name: "1000000"})
	s.add("merged", 1, true, false, map[string]string{name: "1000000"})
	s.insert(t, w, "s")
	require.NoError(t, w.Insert(t.Context(), warehouse.Insert{
		Table: "merges", Token: "m", Columns: []string{"other", "profile_id", "change_id", "at", "day", "version"},
		Rows: [][]any{{"merged", "p0000", "c", time.UnixMilli(0).UTC(), time.UnixMilli(0).UTC(), uint64(9)}},
	}))

	q, err = w.MeasureQuantiles(t.Context(), name, all)
	require.NoError(t, err)
	require.EqualValues(t, len(values), q.Profiles)
	slices.SortFunc(values, decimal.Decimal.Cmp)
	for i, p := range all {
		require.Zero(t, q.Values[i].Cmp(naive(values, p)), "p%d: %s, not %s", p, q.Values[i], naive(values, p))
	}

	full, err := w.MeasureQuantiles(t.Context(), "other", []int{1, 99})
	require.NoError(t, err)
	require.Equal(t, "1", full.Values[0].String())
	s.add("p0000", 3, true, false, map[string]string{name: "≥1000", "other": "a word"})
	s.insert(t, w, "n")
	_, err = w.MeasureQuantiles(t.Context(), name, all)
	require.NoError(t, err, "of a full window what is known counts")
	_, err = w.MeasureQuantiles(t.Context(), "other", all)
	require.ErrorContains(t, err, "the value of 1 profiles is no number")
}
