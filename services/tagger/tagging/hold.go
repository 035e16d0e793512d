package tagging

import (
	"sync"
	"time"
)

// What holds stream time.
const (
	holdKafka    = "kafka"    // does not tell the ends of the log
	holdRedis    = "redis"    // does not answer
	holdClocks   = "clocks"   // of this machine and of Redis are apart
	holdSpool    = "spool"    // a collector keeps events that Kafka does not have
	holdResolver = "resolver" // has not published all of raw
)

func holds() []string { return []string{holdKafka, holdRedis, holdClocks, holdSpool, holdResolver} }

// hold remembers since when what holds stream time.
type hold struct {
	mu     sync.Mutex
	reason string // empty: nothing
	since  time.Time
}

func (h *hold) by(reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if reason != h.reason {
		h.reason, h.since = reason, time.Now()
	}
}

func (h *hold) seconds() map[string]float64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[string]float64{}
	for _, r := range holds() {
		out[r] = 0
	}
	if h.reason != "" {
		out[h.reason] = time.Since(h.since).Seconds()
	}
	return out
}
