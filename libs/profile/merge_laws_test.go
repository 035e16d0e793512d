package profile

import (
	"testing"
	"time"

	"github.com/govalues/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/event"
)

const lawsClock = event.Time(100 * 3600 * 1000)

// drawFacts are facts of one customer; some of them may stand at another one too.
func drawFacts(t *rapid.T, from uint64) []Fact {
	n := rapid.IntRange(0, 12).Draw(t, "facts")
	var out []Fact
	for i := range n {
		out = append(out, Fact{
			T: lawsClock - event.Time(rapid.IntRange(0, 90*60).Draw(t, "minutes ago")*60_000), H: from + uint64(i),
			N: decimal.MustNew(int64(rapid.IntRange(1, 3).Draw(t, "n")), 0), S: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "s"),
		})
	}
	return out
}

// shapes are what each kind of measure has its fold keep.
func shapes() map[string]Shape {
	return map[string]Shape{
		"count, sum, avg": {Keep: Horizon, Keeps: KeepTotals}, "first, last, time_since": {Keep: Horizon, Keeps: KeepEnds},
		"distinct": {Keep: Horizon, Keeps: KeepValues}, "top": {Keep: Horizon, Keeps: KeepTally},
		"min, max": {Keep: Horizon, Keeps: KeepExtremes}, "score": {Score: true, Keeps: KeepHours},
		"window": {Keep: 3 * 24 * time.Hour, Keeps: KeepHours}, "all": {Keep: 2 * Horizon, Keeps: 63},
		"sequence": {Keep: 5 * 24 * time.Hour, Steps: &Steps{Not: []bool{false, true}, Within: time.Hour}},
	}
}

// Each measure's merge is commutative and associative, also where customers share
// events that they still keep.
func TestMergeOfFoldsIsCommutativeAndAssociative(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		shared := drawFacts(rt, 1000)
		var facts [3][]Fact
		for i := range facts {
			facts[i] = drawFacts(rt, uint64(100*(i+1)))
			for _, f := range shared {
				if f.T > lawsClock.Add(-Horizon) && rapid.Bool().Draw(rt, "shared") {
					facts[i] = append(facts[i], f)
				}
			}
		}
		for name, s := range shapes() {
			fold := func(i int) *Fold {
				f := &Fold{}
				for _, fact := range facts[i] {
					f.Add(s, fact, lawsClock)
				}
				return f
			}
			join := func(a, b *Fold) *Fold {
				a.Merge(s, b, lawsClock)
				return a
			}
			require.Equal(rt, join(fold(0), fold(1)), join(fold(1), fold(0)), "%s: commutative", name)
			require.Equal(rt, join(join(fold(0), fold(1)), fold(2)), join(fold(0), join(fold(1), fold(2))), "%s: associative", name)
		}
	})
}

// A merge takes effect once: the same merge id again changes nothing.
func TestMergeIsIdempotentPerID(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		shape := func(string) (Shape, bool) { return Shape{Keep: 2 * Horizon, Keeps: 63}, true }
		make1 := func(id string, facts []Fact) *Profile {
			p := New(id)
			p.FirstSeen, p.Clock = 1, lawsClock
			for _, f := range facts {
				s, _ := shape("k")
				p.FoldOf("k").Add(s, f, lawsClock)
			}
			return p
		}
		a, b := drawFacts(rt, 100), drawFacts(rt, 200)
		once, twice := make1("a", a), make1("a", a)
		require.True(rt, once.Absorb(make1("b", b), "m", Keeping{Shape: shape}))
		require.True(rt, twice.Absorb(make1("b", b), "m", Keeping{Shape: shape}))
		require.False(rt, twice.Absorb(make1("b", b), "m", Keeping{Shape: shape}))
		require.Equal(rt, once, twice)
	})
}
