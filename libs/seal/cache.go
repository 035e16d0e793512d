package seal

import (
	"container/list"
	"sync"
	"time"
)

// cache keeps the keys used last, so that sealing costs no round trip.
type cache struct {
	mu    sync.Mutex
	limit int
	order *list.List // of *key, the last used in front
	byID  map[string]*list.Element
}

func newCache(limit int) *cache {
	return &cache{limit: limit, order: list.New(), byID: map[string]*list.Element{}}
}

// get finds those read since; the others, each once, are missing.
func (c *cache) get(ids []string, since time.Time) (found map[string]*key, missing []string) {
	found = make(map[string]*key, len(ids))
	asked := map[string]bool{}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		if found[id] != nil || asked[id] {
			continue
		}
		e := c.byID[id]
		if e == nil || held(e).read.Before(since) {
			asked[id] = true
			missing = append(missing, id)
			continue
		}
		c.order.MoveToFront(e)
		found[id] = held(e)
	}
	return found, missing
}

func (c *cache) put(keys map[string]*key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, k := range keys {
		if e := c.byID[id]; e != nil {
			e.Value = k
			c.order.MoveToFront(e)
			continue
		}
		c.byID[id] = c.order.PushFront(k)
	}
	for c.order.Len() > c.limit {
		last := c.order.Back()
		delete(c.byID, held(last).id)
		c.order.Remove(last)
	}
}

func (c *cache) drop(ids []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		if e := c.byID[id]; e != nil {
			delete(c.byID, id)
			c.order.Remove(e)
		}
	}
}

// held is what an element of the order holds: only keys are put in.
func held(e *list.Element) *key {
	k, _ := e.Value.(*key)
	return k
}
