package demo

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/tagwire/tagwire/libs/event"
)

// history is all that happened before the live shop began, in order of time. It
// follows from seed and start alone.
func (w *world) history() []act {
	var all []act
	for _, c := range w.customers {
		if c.Added != 0 {
			all = append(all, w.life(c)...)
		}
	}
	slices.SortStableFunc(all, func(a, b act) int { return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Customer, b.Customer)) })
	for i := range all {
		all[i].ID, all[i].Past = fmt.Sprintf("past-%d-%06d", w.began, i), true
	}
	return all
}

// life is one customer's past.
func (w *world) life(c *customer) []act {
	r := w.generator(forPast, uint64(c.N))
	l := &life{w: w, c: c, r: r}
	if r.Float64() < 0.4 { // looked around before anybody knew them
		for range 1 + r.IntN(4) {
			l.add(act{Do: doView, At: c.Added - event.Time(r.Int64N(2*dayMS)), Thing: pick(r, w.products).SKU})
		}
	}
	l.add(act{Do: doAdd, At: c.Added, Thing: c.Channel})
	l.add(act{Do: doCard, At: c.Added + 2000})
	if r.Float64() < 0.35 {
		l.add(act{Do: doJoin, At: l.after(c.Added)})
	}
	t := w.tempers[c.Temper]
	for day := c.Added + 5000; day < w.began; day += dayMS {
		for _, d := range []struct {
			rate float64
			do   func(at event.Time)
		}{
			{t.opens, l.open},
			{t.starts, l.enter},
			{t.says, l.say},
			{t.views, l.view},
			{t.pays, l.pay},
			{t.fills, l.fill},
			{t.checkins, l.checkin},
			{t.calls, l.call},
		} {
			for range poisson(r, d.rate) {
				if at := day + event.Time(r.Int64N(dayMS)); at < w.began-60_000 {
					d.do(at)
				}
			}
		}
	}
	return l.sorted()
}

// life collects a customer's acts.
type life struct {
	w    *world
	c    *customer
	r    *rand.Rand
	acts []act
}

func (l *life) add(a act) {
	a.Customer = l.c.N
	if a.Staff == "" {
		a.Staff = l.c.Staff
	}
	l.acts = append(l.acts, a)
}

// after is some moment between at and the end.
func (l *life) after(at event.Time) event.Time {
	return at + 6000 + event.Time(l.r.Int64N(max(1, int64(l.w.began-at)-66_000)))
}

func (l *life) open(at event.Time)  { l.add(act{Do: doOpen, At: at, Thing: pick(l.r, l.w.links)}) }
func (l *life) enter(at event.Time) { l.add(act{Do: doEnter, At: at}) }
func (l *life) view(at event.Time) {
	l.add(act{Do: doView, At: at, Thing: pick(l.r, l.w.products).SKU})
}
func (l *life) fill(at event.Time) { l.add(act{Do: doFill, At: at, Thing: pick(l.r, l.w.forms)}) }
func (l *life) call(at event.Time) { l.add(act{Do: doCall, At: at}) }

func (l *life) checkin(at event.Time) { l.add(act{Do: doCheckin, At: at}) }

func (l *life) say(at event.Time) {
	l.add(act{Do: doSay, At: at, Text: pick(l.r, l.w.says)})
	if l.r.Float64() < 0.7 {
		l.add(act{Do: doReply, At: at + 20_000, Text: pick(l.r, l.w.replies)})
	}
}

func (l *life) pay(at event.Time) {
	p := pick(l.r, l.w.products)
	l.add(act{Do: doPay, At: at, Thing: p.SKU, Cents: p.Price * (1 + l.r.IntN(2))})
	if l.r.Float64() < 0.06 {
		l.add(act{Do: doRefund, At: min(at+dayMS, l.w.began-30_000), Thing: p.SKU, Cents: p.Price})
	}
}

// sorted puts the acts in order and lets the customer log in before the first
// order.
func (l *life) sorted() []act {
	byTime := func(a, b act) int { return cmp.Compare(a.At, b.At) }
	slices.SortStableFunc(l.acts, byTime)
	first := slices.IndexFunc(l.acts, func(a act) bool { return a.Do == doPay })
	if first < 0 {
		return l.acts
	}
	at := l.acts[first].At
	for i := range l.acts {
		l.acts[i].Known = l.acts[i].At >= at
	}
	l.add(act{Do: doLogin, At: at - 1000})
	slices.SortStableFunc(l.acts, byTime)
	return l.acts
}

// day is how many of these acts lie within less than a day of the first.
func day(acts []act) int {
	for i := range acts {
		if acts[i].At-acts[0].At >= dayMS {
			return i
		}
	}
	return len(acts)
}

// poisson draws how often something happens that happens rate times on average.
func poisson(r *rand.Rand, rate float64) int {
	limit, p, n := math.Exp(-rate), 1.0, -1
	for p > limit || n < 0 {
		p *= r.Float64()
		n++
	}
	return n
}
