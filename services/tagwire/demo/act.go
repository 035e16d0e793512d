package demo

import (
	"github.com/tagwire/tagwire/libs/event"
)

// deed is what a customer, or staff towards a customer, does.
type deed string

const (
	doAdd     deed = "add"     // adds a member of staff by a channel's code
	doCard    deed = "card"    // the shop's CRM sends what it knows of a customer
	doLeave   deed = "leave"   // deletes the member of staff
	doJoin    deed = "join"    // joins a group
	doQuit    deed = "quit"    // leaves it
	doEnter   deed = "enter"   // opens a conversation with the customer service
	doSay     deed = "say"     // writes
	doReply   deed = "reply"   // staff writes
	doCall    deed = "call"    // calls
	doOpen    deed = "open"    // opens a link, file or activity
	doFill    deed = "fill"    // fills in a form
	doView    deed = "view"    // looks at a product
	doVisit   deed = "visit"   // somebody unknown looks at a product
	doLogin   deed = "login"   // logs in at the mall: browser and customer are one
	doCart    deed = "cart"    // puts into the cart
	doPay     deed = "pay"     // pays
	doRefund  deed = "refund"  // gets money back
	doCheckin deed = "checkin" // checks in at an activity
)

// act is one deed, whole: what is sent is made of it alone, so that sending it
// again sends the same.
type act struct {
	ID       string     `json:"id"`
	Do       deed       `json:"do"`
	Customer int        `json:"c"`
	At       event.Time `json:"at"`
	Staff    string     `json:"s,omitempty"`
	Thing    string     `json:"x,omitempty"` // link, form, SKU, channel, by deed
	Text     string     `json:"t,omitempty"`
	Cents    int        `json:"m,omitempty"`
	Known    bool       `json:"u,omitempty"` // the mall knows who it is
	Past     bool       `json:"p,omitempty"`
}

// counted says that the book has to remember the act.
func (a *act) counted() bool {
	switch a.Do {
	case doReply, doVisit, doCard, doCall, doCart, doRefund, doCheckin:
		return false
	}
	return true
}
