package tagging

import (
	"container/list"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/profile"
)

// cache keeps profiles as of the last confirmed commit; it is good as long as
// the shard is owned. The least recently used leave.
type cache struct {
	max   int
	by    map[string]*list.Element
	order *list.List // newest in front
}

// held is a profile with what Redis knows of it.
type held struct {
	p      *profile.Profile
	counts []string   // CountKeys as committed
	tags   bool       // they are not as committed
	traits bool       // likewise
	due    event.Time // apply.NextDue, while settled
	// settled: nothing has happened to the profile since due was taken.
	settled bool
}

func newCache(n int) *cache { return &cache{max: n, by: map[string]*list.Element{}, order: list.New()} }

func (c *cache) get(id string) (*held, bool) {
	e, ok := c.by[id]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*held), true
}

func (c *cache) put(h *held) {
	if e, ok := c.by[h.p.ID]; ok {
		e.Value = h
		c.order.MoveToFront(e)
		return
	}
	c.by[h.p.ID] = c.order.PushFront(h)
}

// shrink drops the oldest beyond the limit; called between commits only.
func (c *cache) shrink() {
	for c.order.Len() > c.max {
		e := c.order.Back()
		c.order.Remove(e)
		delete(c.by, e.Value.(*held).p.ID)
	}
}

func (c *cache) clear() {
	c.by, c.order = map[string]*list.Element{}, list.New()
}
