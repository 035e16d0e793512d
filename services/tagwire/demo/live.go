package demo

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/tagwire/tagwire/libs/event"
)

// stage makes up what happens next in the live shop.
type stage struct {
	w        *world
	b        *book
	r        *rand.Rand
	run      event.Time // names the run, so that ids never repeat
	n        int
	visitors int
	queue    []act // what follows from what has just happened
	weights  []float64
	total    float64
}

func newStage(w *world, b *book, now event.Time) *stage {
	s := &stage{w: w, b: b, r: w.generator(forLive, uint64(now)), run: now}
	for _, c := range w.customers {
		t := w.tempers[c.Temper]
		rate := t.opens + t.starts + t.says + t.views + t.pays + t.fills
		s.weights = append(s.weights, rate)
		s.total += rate
	}
	return s
}

// chance is how often the live shop tries each deed.
func chances() []struct {
	do     deed
	weight int
} {
	return []struct {
		do     deed
		weight int
	}{
		{doView, 30},
		{doSay, 22},
		{doOpen, 14},
		{doEnter, 8},
		{doFill, 4},
		{doPay, 4},
		{doCart, 4},
		{doCheckin, 2},
		{doAdd, 4},
		{doJoin, 3},
		{doQuit, 1},
		{doLogin, 2},
		{doCall, 1},
		{doRefund, 1},
		{doLeave, 1},
	}
}

// next is the next act, at now.
func (s *stage) next(now event.Time) act {
	var a act
	if len(s.queue) > 0 {
		a, s.queue = s.queue[0], s.queue[1:]
	} else {
		a = s.think(now)
	}
	s.n++
	a.ID, a.At = fmt.Sprintf("live-%d-%d", s.run, s.n), now
	switch a.Do {
	case doAdd, doLeave, doJoin, doQuit, doEnter:
		a.At = seconds(now)
	}
	return a
}

func (s *stage) think(now event.Time) act {
	c := s.somebody()
	do := s.deed()
	p := &s.b.Pages[c.N]
	if !p.Added {
		do = doAdd
	}
	a := act{Do: do, Customer: c.N, Staff: c.Staff}
	if !s.fits(c, p, &a, now) {
		return s.visitor()
	}
	s.follow(&a)
	return a
}

func (s *stage) somebody() *customer {
	x := s.r.Float64() * s.total
	for i, w := range s.weights {
		if x -= w; x < 0 {
			return s.w.customers[i]
		}
	}
	return s.w.customers[0]
}

func (s *stage) deed() deed {
	sum := 0
	for _, c := range chances() {
		sum += c.weight
	}
	x := s.r.IntN(sum)
	for _, c := range chances() {
		if x -= c.weight; x < 0 {
			return c.do
		}
	}
	return doView
}

// visitor is somebody unknown who looks around in the mall.
func (s *stage) visitor() act {
	s.visitors++
	return act{Do: doVisit, Thing: pick(s.r, s.w.products).SKU, Text: fmt.Sprintf("demo-visitor-%d-%d", s.run, s.visitors/6)}
}

// fits says whether the deed suits the customer, and fills in its thing. A
// customer's temper limits it: without that, all would want to buy after a day.
func (s *stage) fits(c *customer, p *page, a *act, now event.Time) bool {
	t := s.w.tempers[c.Temper]
	score := p.points(now)
	switch a.Do {
	case doView:
		a.Thing, a.Known = pick(s.r, s.w.products).SKU, p.Login
		return p.count(doView, now) < t.maxViews
	case doSay:
		a.Text = pick(s.r, s.w.says)
		return score < t.maxScore
	case doOpen:
		a.Thing = pick(s.r, s.w.links)
		return p.count(doOpen, now) < t.maxOpens && score < t.maxScore
	case doEnter:
		return p.count(doEnter, now) < t.maxStarts && score < t.maxScore
	case doFill:
		a.Thing = pick(s.r, s.w.forms)
		return p.count(doFill, now) == 0 && score < t.maxScore
	case doPay, doCart:
		x := pick(s.r, s.w.products)
		a.Thing, a.Cents = x.SKU, x.Price
		return p.Login && now-p.LastPay > event.Time(t.maxPayDays)*dayMS
	case doRefund:
		x := pick(s.r, s.w.products)
		a.Thing, a.Cents = x.SKU, x.Price
		return p.LastPay != 0 && now-p.LastPay < 3*dayMS
	case doLogin:
		return !p.Login
	case doJoin, doQuit:
		return p.Joined == (a.Do == doQuit)
	case doLeave:
		if len(p.Staff) < 2 { // the last one stays, or the shop would run empty
			return false
		}
		a.Staff = pick(s.r, p.Staff)
		return true
	case doAdd:
		return s.adds(c, p, a)
	}
	return true
}

// adds lets a newcomer add their member of staff, and now and then a customer a
// second one.
func (s *stage) adds(c *customer, p *page, a *act) bool {
	a.Thing = c.Channel
	if !p.Added {
		return true
	}
	other := pick(s.r, s.w.customers).Staff
	if len(p.Staff) > 1 || slices.Contains(p.Staff, other) || s.r.IntN(4) > 0 {
		return false
	}
	a.Staff = other
	return true
}

// follow queues what comes after: a card after an addition, an answer after a
// message, somebody who begins to chat says something.
func (s *stage) follow(a *act) {
	then := act{Customer: a.Customer, Staff: a.Staff}
	switch a.Do {
	case doAdd:
		then.Do = doCard
	case doSay:
		if s.r.IntN(10) < 6 {
			return
		}
		then.Do, then.Text = doReply, pick(s.r, s.w.replies)
	case doEnter:
		then.Do, then.Text = doSay, pick(s.r, s.w.says)
	default:
		return
	}
	s.queue = append(s.queue, then)
}
