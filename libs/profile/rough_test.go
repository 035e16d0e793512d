package profile

import (
	"math"
	"testing"
	"time"

	"github.com/govalues/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tagwire/tagwire/libs/event"
)

// Whatever comes late, leaves a full window or merges: the rough score is the score up
// to what it says.
func TestRoughScoreIsWithinWhatItSays(t *testing.T) {
	const begun = event.Time(1_760_000_000_000)
	rapid.Check(t, func(t *rapid.T) {
		halfLife := rapid.SampledFrom([]time.Duration{time.Hour, 3 * 24 * time.Hour, 365 * 24 * time.Hour}).Draw(t, "half-life")
		shape := Shape{Keep: Horizon, Score: true, Keeps: KeepHours}
		f, clock, id := &Fold{}, begun, uint64(0)
		add := func(f *Fold, ago int64, points int64) {
			id++
			f.Add(shape, Fact{T: clock - event.Time(ago), H: id, N: decimal.MustNew(points, 1)}, clock)
		}
		points := rapid.Int64Range(-50, 100)
		for range rapid.IntRange(1, 6).Draw(t, "stretches") {
			step := rapid.Int64Range(0, 900_000).Draw(t, "step")
			for range rapid.SampledFrom([]int{1, 3, 700, 2100}).Draw(t, "events") {
				clock += event.Time(step)
				add(f, 0, points.Draw(t, "points"))
			}
			add(f, rapid.Int64Range(0, 90_000_000).Draw(t, "late"), 30)
			if rapid.IntRange(0, 3).Draw(t, "merge") == 0 {
				o := &Fold{}
				add(o, 5_000_000, 70)
				f.Merge(shape, o, clock)
			}
			now := clock + event.Time(rapid.Int64Range(0, 100_000_000).Draw(t, "later"))
			score := f.ScoreAt(halfLife, Ever(now), now)
			rough, within, ok := f.RoughScoreAt(halfLife, now)
			require.True(t, ok)
			require.LessOrEqual(t, math.Abs(rough-score), within)
			require.LessOrEqual(t, within, 1e-6)
		}
	})
}
