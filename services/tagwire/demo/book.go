package demo

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/tagwire/tagwire/libs/event"
)

// What 高意向 means, once more and by hand: three opens and two conversations
// that the customer began within 7 days, or 60 points of which half is gone after
// 3 days; and 7 days longer than that held.
const (
	tagName     = "高意向"
	window      = 7 * dayMS
	needOpens   = 3
	needStarts  = 2
	needPoints  = 60.0
	halfLife    = 3 * dayMS
	lasts       = 7 * dayMS
	pointsOpen  = 5
	pointsFill  = 20
	pointsStart = 6
	pointsSay   = 3
	// keepFacts is how long a fact can matter: beyond it a form's 20 points have
	// become less than a thousandth.
	keepFacts = 45 * dayMS
)

// fact is what the book keeps of an act.
type fact struct {
	At  event.Time `json:"t"`
	Did deed       `json:"d"`
}

func (f fact) points() float64 {
	switch f.Did {
	case doOpen:
		return pointsOpen
	case doFill:
		return pointsFill
	case doEnter:
		return pointsStart
	case doSay:
		return pointsSay
	}
	return 0
}

// page is what the book knows of one customer.
type page struct {
	Facts   []fact     `json:"f,omitempty"` // in order of time
	Added   bool       `json:"a,omitempty"`
	Login   bool       `json:"l,omitempty"`
	Joined  bool       `json:"j,omitempty"`
	Staff   []string   `json:"s,omitempty"` // who have added the customer
	LastPay event.Time `json:"p,omitzero"`
	// Unsure is set when an act may or may not have arrived; until it no longer
	// matters the customer is not compared.
	Unsure event.Time `json:"u,omitzero"`
}

// book is the shop's own list.
type book struct {
	Pages []page `json:"pages"`
	Sent  int64  `json:"sent"`
	Past  int    `json:"past"` // acts of the past that were sent
}

func newBook(customers int) *book { return &book{Pages: make([]page, customers)} }

// note takes an acknowledged act down.
func (b *book) note(a *act) {
	b.Sent++
	if a.Past {
		b.Past++
	}
	if a.Do == doVisit || a.Customer < 0 || a.Customer >= len(b.Pages) {
		return
	}
	p := &b.Pages[a.Customer]
	switch a.Do {
	case doAdd:
		p.Added = true
		p.Staff = append(p.Staff, a.Staff)
	case doLeave:
		p.Staff = slices.DeleteFunc(p.Staff, func(s string) bool { return s == a.Staff })
	case doJoin, doQuit:
		p.Joined = a.Do == doJoin
	case doLogin:
		p.Login = true
	case doPay:
		p.LastPay = a.At
	case doOpen, doFill, doEnter, doSay, doView:
		f := fact{a.At, a.Do}
		i, _ := slices.BinarySearchFunc(p.Facts, f, func(x, y fact) int { return cmp.Or(cmp.Compare(x.At, y.At), 1) })
		p.Facts = slices.Insert(p.Facts, i, f)
	}
}

// forget drops what can matter no longer.
func (b *book) forget(now event.Time) {
	for i := range b.Pages {
		p := &b.Pages[i]
		n := 0
		for n < len(p.Facts) && p.Facts[n].At < now-keepFacts {
			n++
		}
		p.Facts = slices.Delete(p.Facts, 0, n)
		if p.Unsure != 0 && p.Unsure < now-keepFacts {
			p.Unsure = 0
		}
	}
}

// count is how often a customer did something in (now-7d, now].
func (p *page) count(did deed, now event.Time) int {
	n := 0
	for _, f := range p.Facts {
		if f.Did == did && f.At <= now && f.At > now-window {
			n++
		}
	}
	return n
}

// points are what is left at a moment of all that was earned up to it.
func (p *page) points(now event.Time) float64 {
	sum := 0.0
	for _, f := range p.Facts {
		if f.At <= now {
			sum += f.points() * math.Exp2(-float64(now-f.At)/halfLife)
		}
	}
	return sum
}

// wanted says whether the customer is 高意向 at a moment. Between two moments at
// which something comes or leaves a window, the windows stand still and the
// points only fall: so each such stretch holds whole, not at all, or up to where
// the points fall below what is needed.
func (p *page) wanted(at event.Time) bool {
	turns := make([]event.Time, 0, 2*len(p.Facts)+1)
	for _, f := range p.Facts {
		for _, t := range []event.Time{f.At, f.At + window} {
			if t <= at {
				turns = append(turns, t)
			}
		}
	}
	turns = append(turns, at+1)
	slices.Sort(turns)
	for i := len(turns) - 2; i >= 0; i-- {
		from, to := turns[i], turns[i+1]
		if to+lasts <= at {
			return false // what held before is over
		}
		end := from // first moment at which it does not hold
		if p.count(doOpen, from) >= needOpens && p.count(doEnter, from) >= needStarts {
			end = to
		} else if s := p.points(from); s >= needPoints {
			end = min(to, from+event.Time(math.Floor(halfLife*math.Log2(s/needPoints)))+1)
		}
		if end > from && end+lasts > at {
			return true
		}
	}
	return false
}

// edge is how far two clocks may differ about one act: a link's time is that of
// the server, which the shop can only guess.
const edge = event.Time(2 * time.Second / time.Millisecond)

// verdict is what the book says of one customer.
type verdict int

const (
	isNot verdict = iota
	is
	unsure // changes at this very moment, or an act may or may not have arrived
)

func (b *book) verdict(n int, at event.Time) verdict {
	p := &b.Pages[n]
	if n == 0 || !p.Added { // the test number is in no count
		return isNot
	}
	if p.Unsure != 0 {
		return unsure
	}
	before, after := p.wanted(at-edge), p.wanted(at+edge)
	switch {
	case before != after:
		return unsure
	case after:
		return is
	}
	return isNot
}
