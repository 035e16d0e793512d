package archive

import (
	"maps"
	"sync"
)

// history remembers, for those who ask, up to which offset each owned partition
// is in ClickHouse.
type history struct {
	mu   sync.Mutex
	next map[int]int64
}

func newHistory(partitions []int) *history {
	h := &history{next: map[int]int64{}}
	for _, p := range partitions {
		h.next[p] = -1 // not known yet
	}
	return h
}

func (h *history) reach(partition int, next int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next[partition] = next
}

func (h *history) all() map[int]int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.next)
}
