package profile

import (
	"math"
	"time"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
)

// rough is a decayed score as of the newest of n kept facts, made by letting it decay
// from fact to fact: what comes next costs one step. ScoreAt adds up all facts, and is
// what a score is; rough says which of two sides of a number it stands on whenever the
// number is not within their rounding. It is not stored.
type rough struct {
	halfLife time.Duration
	n        int // facts; 0 or less: not begun
	at       event.Time
	sum      float64
	size     float64 // of all values that were added or moved, whatever their signs
	steps    int     // roundings
}

// roundings in a row, after which the score is made anew.
const manySteps = 8 * MaxFacts

// RoughScoreAt is ScoreAt of a lifetime up to an error that is not passed. ok is false
// when only ScoreAt can tell.
func (f *Fold) RoughScoreAt(halfLife time.Duration, now event.Time) (score, within float64, ok bool) {
	if f == nil || halfLife <= 0 || len(f.Facts) == 0 || f.Facts[len(f.Facts)-1].T > now || hasFaded(halfLife, f.Facts[len(f.Facts)-1].T, now) {
		return 0, 0, false
	}
	r := &f.rough
	if r.halfLife != halfLife || r.n <= 0 || r.steps > manySteps {
		*r = rough{halfLife: halfLife}
		for _, h := range f.Hours {
			r.add(h.N, h.T)
		}
	}
	for _, fact := range f.Facts[r.n:] {
		r.add(fact.N, fact.T)
		r.n++
	}
	k := math.Exp2(-float64(now.Sub(r.at)) / float64(halfLife))
	// Each step, here and in ScoreAt, rounds by less than 2^-50 of what there is.
	steps := r.steps + len(f.Hours) + len(f.Facts) + 16
	return r.sum * k, r.size * k * float64(steps) * 0x1p-50, true
}

func (r *rough) add(n decimal.Decimal, t event.Time) {
	if t != r.at {
		k := math.Exp2(-float64(t.Sub(r.at)) / float64(r.halfLife))
		r.sum, r.size, r.at = r.sum*k, r.size*k, t
	}
	p := float(n)
	r.sum, r.size, r.steps = r.sum+p, r.size+math.Abs(p), r.steps+1
}

// moved is for points that are from now on as old as what they are kept with.
func (r *rough) moved(n decimal.Decimal, from, to event.Time) {
	if r.n <= 0 {
		*r = rough{}
		return
	}
	p := float(n)
	was := p * math.Exp2(-float64(r.at.Sub(from))/float64(r.halfLife))
	is := p * math.Exp2(-float64(r.at.Sub(to))/float64(r.halfLife))
	r.sum, r.size, r.steps = r.sum-was+is, r.size+math.Abs(was)+math.Abs(is), r.steps+2
}
