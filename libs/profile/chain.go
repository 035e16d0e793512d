package profile

import (
	"cmp"
	"slices"
	"time"

	"github.com/tagwire/tagwire/libs/event"
)

// Steps is a sequence: what must come one after the other within a time, and what
// must not come in between. A fact's number holds, as bits, the steps that its
// event matches.
type Steps struct {
	Not    []bool // of each step: it must not come
	Within time.Duration
}

// positive is the number of steps that must come.
func (s Steps) positive() (n int) {
	for _, not := range s.Not {
		if !not {
			n++
		}
	}
	return n
}

// waits says that the sequence ends with what must not come: it is complete when
// its time is over.
func (s Steps) waits() bool { return s.Not[len(s.Not)-1] }

// Chain is where a sequence stands, by the value that correlates its events ("" where
// none does).
type Chain struct {
	Runs map[string]*Run `cbor:"1,keyasint,omitempty"`
	Done int64           `cbor:"2,keyasint,omitempty"` // completions
	Upto event.Time      `cbor:"3,keyasint,omitempty"` // of the newest fact that is taken in

	behind *Chain     // another, which stays as it is: runs are taken over from it when something happens to them
	first  event.Time // not later than when the first of what waits completes by itself; 0: nothing waits
}

// Run is one correlation. A sequence completes once and then starts over: what came
// before a completion is used up.
type Run struct {
	Starts []event.Time `cbor:"1,keyasint,omitempty"` // by the steps done: when the newest such run began; 0: none
	Armed  event.Time   `cbor:"2,keyasint,omitempty"` // all that must come has come and the time runs: when that run began
}

// walk takes facts into the checkpoint. Older ones than those that are in it, which
// only a merge can bring, find no place any more: what lies so far back is counted
// as each of the two customers had it.
func (c *Chain) walk(s Steps, facts []Fact) {
	for len(facts) > 0 && facts[0].T < c.Upto {
		facts = facts[1:]
	}
	if len(facts) == 0 {
		return
	}
	c.first = c.soonest(s)
	c.advance(s, facts, func(event.Time) { c.Done++ })
	c.Upto = facts[len(facts)-1].T
	c.clear(s, c.Upto)
}

// clear lets go of runs that can complete no more.
func (c *Chain) clear(s Steps, now event.Time) {
	for key, r := range c.Runs {
		live := r.Armed != 0
		for i, t := range r.Starts {
			if t != 0 && now >= t.Add(s.Within) {
				r.Starts[i] = 0
			}
			live = live || r.Starts[i] != 0
		}
		if !live {
			delete(c.Runs, key)
		}
	}
}

// advance takes facts in order of time; equal times match either way.
func (c *Chain) advance(s Steps, facts []Fact, done func(event.Time)) {
	for len(facts) > 0 {
		n := 1
		for n < len(facts) && facts[n].T == facts[0].T {
			n++
		}
		c.pass(s, facts[0].T, done)
		c.moment(s, facts[:n], done)
		facts = facts[n:]
	}
}

// pass lets time go by: what waits longer than its time completes.
func (c *Chain) pass(s Steps, now event.Time, done func(event.Time)) {
	if c.first == 0 || c.first > now {
		return
	}
	var times []event.Time
	for key, r := range c.waiting {
		due := r.Armed.Add(s.Within)
		if due > now {
			continue
		}
		times = append(times, due)
		c.run(key).restart(due)
	}
	slices.Sort(times)
	for _, t := range times {
		done(t)
	}
	c.first = c.soonest(s)
}

// waiting are the runs whose time runs.
func (c *Chain) waiting(yield func(string, *Run) bool) {
	for key, r := range c.Runs {
		if r.Armed != 0 && !yield(key, r) {
			return
		}
	}
	if c.behind == nil {
		return
	}
	for key, r := range c.behind.Runs {
		if r.Armed == 0 {
			continue
		}
		if _, mine := c.Runs[key]; !mine && !yield(key, r) {
			return
		}
	}
}

// soonest is when the first of what waits completes by itself; 0: nothing waits.
func (c *Chain) soonest(s Steps) (next event.Time) {
	if !s.waits() {
		return 0
	}
	for _, r := range c.waiting {
		if due := r.Armed.Add(s.Within); next == 0 || due < next {
			next = due
		}
	}
	return next
}

// run is one that may be changed; nil when there is none.
func (c *Chain) run(key string) *Run {
	r := c.Runs[key]
	if r != nil || c.behind == nil {
		return r
	}
	if r = c.behind.Runs[key]; r != nil {
		r = r.clone()
		c.put(key, r)
	}
	return r
}

func (c *Chain) put(key string, r *Run) {
	if c.Runs == nil {
		c.Runs = map[string]*Run{}
	}
	c.Runs[key] = r
}

// restart uses up what came up to a completion.
func (r *Run) restart(at event.Time) {
	r.Armed = 0
	for i, t := range r.Starts {
		if t <= at {
			r.Starts[i] = 0
		}
	}
}

// moment takes the facts of one moment in the order of the steps that they match,
// so that their ids do not decide; what only must not come stands behind them.
func (c *Chain) moment(s Steps, facts []Fact, done func(event.Time)) {
	if len(facts) > 1 {
		facts = slices.Clone(facts)
		slices.SortStableFunc(facts, func(a, b Fact) int {
			return cmp.Or(cmp.Compare(s.lowest(a), s.lowest(b)), cmp.Compare(a.H, b.H))
		})
	}
	for _, fact := range facts {
		bits := steps(fact)
		if r := c.run(fact.S); r != nil {
			r.forbid(s, bits)
		}
		c.step(s, fact, bits, done)
	}
}

func steps(f Fact) uint64 {
	n, _, _ := f.N.Int64(0)
	return uint64(n) //nolint:gosec // bits, never negative: a sequence has at most 32 steps
}

// lowest is the first step that must come and that the fact matches; behind all
// steps when it matches none.
func (s Steps) lowest(f Fact) int {
	bits := steps(f)
	for i, not := range s.Not {
		if !not && bits&(1<<i) != 0 {
			return i
		}
	}
	return len(s.Not)
}

// step lets a fact take every run forward that it can, the farthest first, and
// begin one. Of the runs that have done the same steps only the newest is kept:
// whatever completes an older one completes it too.
func (c *Chain) step(s Steps, fact Fact, bits uint64, done func(event.Time)) {
	n := s.positive()
	at := n // place among the steps that must come
	for i, not := range slices.Backward(s.Not) {
		if not {
			continue
		}
		at--
		if bits&(1<<i) == 0 {
			continue
		}
		r, start := c.run(fact.S), fact.T
		if at > 0 {
			if r == nil || r.Starts[at-1] == 0 || fact.T >= r.Starts[at-1].Add(s.Within) {
				continue
			}
			start = r.Starts[at-1]
		}
		if r == nil {
			r = &Run{Starts: make([]event.Time, n)}
			c.put(fact.S, r)
		}
		switch {
		case at < n-1:
			r.Starts[at] = max(r.Starts[at], start)
		case !s.waits():
			done(fact.T)
			r.restart(fact.T)
			return // what came up to a completion is used up, this fact too
		case r.Armed == 0:
			r.Armed = start
			if due := start.Add(s.Within); c.first == 0 || due < c.first {
				c.first = due
			}
		}
	}
}

// forbid ends the runs in which the fact must not come now.
func (r *Run) forbid(s Steps, bits uint64) {
	at := -1 // place of the step that must come before
	for i, not := range s.Not {
		if !not {
			at++
			continue
		}
		if bits&(1<<i) == 0 {
			continue
		}
		if at == len(r.Starts)-1 {
			r.Armed = 0
		} else {
			r.Starts[at] = 0
		}
	}
}

func (c *Chain) clone() *Chain {
	out := &Chain{Done: c.Done, Upto: c.Upto, Runs: make(map[string]*Run, len(c.Runs))}
	for key, r := range c.Runs {
		out.Runs[key] = r.clone()
	}
	return out
}

func (r *Run) clone() *Run { return &Run{Starts: slices.Clone(r.Starts), Armed: r.Armed} }

// merge unites two customers' checkpoints: of each run the newest start, of what
// waits the oldest.
func (c *Chain) merge(o *Chain) {
	c.Done += o.Done
	c.Upto = max(c.Upto, o.Upto)
	for key, r := range o.Runs {
		mine, ok := c.Runs[key]
		if !ok {
			c.put(key, r)
			continue
		}
		for i := range mine.Starts {
			if i < len(r.Starts) {
				mine.Starts[i] = max(mine.Starts[i], r.Starts[i])
			}
		}
		if mine.Armed == 0 || r.Armed != 0 && r.Armed < mine.Armed {
			mine.Armed = r.Armed
		}
	}
}
