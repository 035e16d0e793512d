package profile

import (
	"sort"

	"github.com/tagwire/tagwire/libs/event"
)

// walked is a fold's sequence as of its first n facts, beginning at the checkpoint, so
// that a step costs by the facts that are new and not by all. It is not stored; whatever
// comes to lie among those facts ends it.
type walked struct {
	chain *Chain
	times []event.Time // completions that are not in the checkpoint, ascending
	n     int
	at    event.Time // of the newest of the facts
}

// walks are those of a fold. Who asks about the past, as for when something held last,
// asks about one moment behind the other: one of its own is kept for that.
type walks struct{ now, past *walked }

func (ws *walks) meet(f Fact) { ws.now, ws.past = ws.now.meets(f), ws.past.meets(f) }

func (ws *walks) letGo(facts []Fact, drop int, upto event.Time) {
	ws.now, ws.past = ws.now.without(facts, drop, upto), ws.past.without(facts, drop, upto)
}

// upTo is the place of the one that does not lead past so many facts.
func (ws *walks) upTo(n int) **walked {
	if ws.now == nil || n >= ws.now.n {
		return &ws.now
	}
	if ws.past != nil && n < ws.past.n {
		ws.past = nil
	}
	return &ws.past
}

// Facts behind the walked ones. The newest stay there, as many that come a little out of
// order find their place.
const (
	walkMost  = 32
	walkLeast = 16
)

// Completed are the completions of a sequence as of now that are not counted in
// the chain's checkpoint, ascending; earlier is the number of those that are, and
// next is when the first of what waits completes by itself (0: nothing waits). The
// times are good until the fold is asked again or changed.
func (f *Fold) Completed(s Steps, now event.Time) (times []event.Time, earlier int64, next event.Time) {
	if f == nil {
		return nil, 0, 0
	}
	if f.Chain != nil {
		earlier = f.Chain.Done
	}
	upto, n, c := f.upTo(now), 0, &Chain{behind: f.Chain}
	if w := f.stretch(s, upto); w != nil {
		n, times, c = w.n, w.times, &Chain{behind: w.chain, first: w.chain.first}
	} else {
		c.first = c.soonest(s)
	}
	note := func(at event.Time) { times = append(times, at) }
	c.advance(s, f.Facts[n:upto], note)
	c.pass(s, now, note)
	return times, earlier, c.soonest(s)
}

// stretch is the longest walked one that does not lead past so many facts; nil: it is
// not worth while to keep one.
func (f *Fold) stretch(s Steps, upto int) *walked {
	at := f.walks.upTo(upto)
	w := *at
	if w == nil && upto <= walkMost {
		return nil
	}
	if w == nil {
		w = &walked{chain: &Chain{}}
		if f.Chain != nil {
			w.chain = f.Chain.clone()
		}
		w.chain.first = w.chain.soonest(s)
	}
	if upto-w.n > walkMost {
		w.take(s, f.Facts[w.n:f.between(w.n, upto-walkLeast)])
	}
	if w.n > 0 {
		*at = w
	}
	return w
}

// between is the last place up to `to` in front of which a moment ends.
func (f *Fold) between(from, to int) int {
	for to > from && f.Facts[to-1].T == f.Facts[to].T {
		to--
	}
	return to
}

func (w *walked) take(s Steps, facts []Fact) {
	if len(facts) == 0 {
		return
	}
	w.chain.advance(s, facts, func(at event.Time) { w.times = append(w.times, at) })
	w.n, w.at = w.n+len(facts), facts[len(facts)-1].T
	w.chain.clear(s, w.at)
}

// meets is what stays of it when a fact comes.
func (w *walked) meets(f Fact) *walked {
	if w != nil && f.T <= w.at {
		return nil
	}
	return w
}

// without is what stays of it when the first of the facts go into a checkpoint, which
// holds those up to a moment.
func (w *walked) without(facts []Fact, drop int, upto event.Time) *walked {
	if w == nil || drop >= w.n || facts[drop-1].T == facts[drop].T || facts[0].T < upto {
		return nil
	}
	last := facts[drop-1].T
	w.n -= drop
	w.times = w.times[sort.Search(len(w.times), func(i int) bool { return w.times[i] > last }):]
	return w
}
