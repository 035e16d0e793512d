package tagging

import (
	"container/heap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/shard"
)

// timers are a shard's next due moments, kept in memory by the owner. Those of
// profiles that an open import has touched are held back.
type timers struct {
	by   map[string]shard.Timer
	heap dueHeap
}

func newTimers(stored []shard.Timer) *timers {
	t := &timers{by: make(map[string]shard.Timer, len(stored))}
	for _, s := range stored {
		t.by[s.Profile] = s
		if s.Import == "" {
			t.heap = append(t.heap, dueEntry{s.Due, s.Profile})
		}
	}
	heap.Init(&t.heap)
	return t
}

// get is a profile's timer; zero Due: none.
func (t *timers) get(profile string) shard.Timer { return t.by[profile] }

func (t *timers) set(profile string, next shard.Timer) {
	if t.by[profile] == next {
		return
	}
	if next.Due == 0 {
		delete(t.by, profile)
		return // its old heap entry is skipped when it comes up
	}
	t.by[profile] = next
	if next.Import == "" {
		heap.Push(&t.heap, dueEntry{next.Due, profile})
	}
}

// due takes up to n profiles whose timers are due at or before s, in due order.
func (t *timers) due(s event.Time, n int) []string {
	var out []string
	for len(t.heap) > 0 && t.heap[0].due <= s && len(out) < n {
		e := heap.Pop(&t.heap).(dueEntry)
		if cur := t.by[e.profile]; cur.Due == e.due && cur.Import == "" {
			out = append(out, e.profile)
		}
	}
	return out
}

// again puts profiles back whose firing was not committed.
func (t *timers) again(profiles []string) {
	for _, p := range profiles {
		if cur := t.by[p]; cur.Due != 0 && cur.Import == "" {
			heap.Push(&t.heap, dueEntry{cur.Due, p})
		}
	}
}

// held are the profiles that an import holds back.
func (t *timers) held(imp string) []string {
	var out []string
	for p, e := range t.by {
		if e.Import == imp {
			out = append(out, p)
		}
	}
	return out
}

type dueEntry struct {
	due     event.Time
	profile string
}

type dueHeap []dueEntry

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	return h[i].due < h[j].due || h[i].due == h[j].due && h[i].profile < h[j].profile
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)   { *h = append(*h, x.(dueEntry)) }
func (h *dueHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
