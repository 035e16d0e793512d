package rule

import (
	"math"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/rule/calendar"
	"github.com/tagwire/tagwire/libs/rule/cond"
)

// age is the customer's age by a trait that holds the day of birth: it goes up by
// itself.
func (s scope) age(a arguments) (cond.Node, error) {
	t, err := a.texts(1, 1)
	if err != nil {
		return nil, err
	}
	s.uses.Traits = true
	s.uses.clock()
	return ageNode{t[0], s.c.set.Zone}, nil
}

// ageNode is a number of completed years; absent where the year of birth is not
// known.
type ageNode struct {
	trait string
	zone  *time.Location
}

func (n ageNode) birth(m *cond.Moment) (calendar.Birth, bool) {
	text, _ := m.Profile.Traits[n.trait].Value.(string)
	return calendar.ParseBirth(text)
}

func (n ageNode) Eval(m *cond.Moment) cond.Value { return n.at(m, m.Now) }

func (n ageNode) at(m *cond.Moment, at event.Time) cond.Value {
	b, ok := n.birth(m)
	if !ok {
		return cond.Value{}
	}
	years, ok := b.Age(at, n.zone)
	if !ok {
		return cond.Value{}
	}
	return cond.IntOf(int64(years))
}

// Next is the next birthday.
func (n ageNode) Next(m *cond.Moment) event.Time {
	b, ok := n.birth(m)
	if !ok {
		return 0
	}
	years, _ := b.Age(m.Now, n.zone)
	if years >= oldest {
		return 0
	}
	return b.Reaches(max(years+1, 0), n.zone)
}

// oldest bounds the ages at which something is due.
const oldest = 150

// Cross is the birthday at which the age stands on the other side of the limit:
// that on which it is reached, that on which it is passed, or the birth.
func (n ageNode) Cross(m *cond.Moment, limit cond.Limit) event.Time {
	b, ok := n.birth(m)
	if !ok || limit.Number > oldest || limit.Number < -1 {
		return 0
	}
	was := limit.Holds(n.Eval(m))
	var next event.Time
	for _, years := range []int{0, int(math.Ceil(limit.Number)), int(math.Floor(limit.Number)) + 1} {
		at := b.Reaches(years, n.zone)
		if at > m.Now && limit.Holds(n.at(m, at)) != was {
			next = cond.Earliest(next, at)
		}
	}
	return next
}

func (n ageNode) Kind() cond.Kind { return cond.Number }
