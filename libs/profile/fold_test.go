package profile

import (
	"testing"

	"github.com/govalues/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/event"
)

// An event that reached both customers is one, also when its sender stamped the
// repetition anew: events are told apart by their ids.
func TestMergeKnowsEventsByTheirIds(t *testing.T) {
	for _, times := range [][2]event.Time{{1000, 1000}, {1000, 6000}, {6000, 1000}} {
		for name, shape := range map[string]Shape{
			"lifetime": {Keep: Horizon, Keeps: KeepTotals}, "window": {Keep: 2 * Horizon}, "score": {Score: true},
		} {
			folds := [2]*Fold{{}, {}}
			for i, f := range folds {
				f.Add(shape, Fact{T: times[i], H: 7, N: decimal.MustParse("2.50")}, 6000)
				f.Add(shape, Fact{T: 2000, H: uint64(10 + i), N: decimal.MustParse("1")}, 6000)
			}
			folds[0].Merge(shape, folds[1], 6000)
			require.Len(t, folds[0].Facts, 3, "%s, %v", name, times)
			require.Equal(t, event.Time(1000), folds[0].Facts[0].T, "%s, %v", name, times)
			v := View{Lo: -1, Hi: 6000, Lifetime: name == "lifetime"}
			require.EqualValues(t, 3, folds[0].CountAt(v), "%s, %v", name, times)
			require.Equal(t, "4.50", folds[0].SumAt(v).String(), "%s, %v", name, times)
		}
	}
}

// A customer may have an id twice: stamped anew, and sent again when the first was
// forgotten.
func TestMergeOfAnIdThatStandsTwice(t *testing.T) {
	s := Shape{Keep: Horizon, Keeps: KeepTotals}
	winner, loser := &Fold{}, &Fold{}
	winner.Add(s, Fact{T: 30, H: 7, N: decimal.One}, 50)
	winner.Add(s, Fact{T: 40, H: 8, N: decimal.One}, 50)
	loser.Add(s, Fact{T: 10, H: 7, N: decimal.One}, 50)
	loser.Add(s, Fact{T: 20, H: 7, N: decimal.One}, 50)
	winner.Merge(s, loser, 50)
	require.Equal(t, []Fact{{T: 10, H: 7, N: decimal.One}, {T: 40, H: 8, N: decimal.One}}, winner.Facts)
	require.EqualValues(t, 2, winner.CountAt(Ever(50)))
}

func TestFloatIsFloat64(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, err := decimal.New(rapid.Int64().Draw(t, "coefficient"), rapid.IntRange(0, decimal.MaxScale).Draw(t, "scale"))
		require.NoError(t, err)
		want, ok := d.Float64()
		require.True(t, ok)
		require.InDelta(t, want, float(d), 0, "%s", d)
	})
}
