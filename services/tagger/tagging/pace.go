package tagging

import (
	"sync/atomic"
	"time"
)

// Beside live records, timers fire in commits that take about so long; a window
// that ends at midnight for everybody is many of them.
const (
	pieceTime  = 8 * time.Millisecond
	leastPiece = 16 // profiles
	restAtMost = 20 * time.Millisecond
	liveFor    = time.Second // after records, more are expected
)

// pace lets the timers of all shards of a tagger fire beside live records: one
// shard at a time, in small pieces, with a rest after each. Without records they
// fire all at once. Safe for concurrent use.
type pace struct {
	last atomic.Int64 // when records were applied, in ns since 1970
	turn chan struct{}
}

func newPace() *pace { return &pace{turn: make(chan struct{}, 1)} }

// records notes that some have come.
func (p *pace) records() { p.last.Store(time.Now().UnixNano()) }

// live says that records come at present.
func (p *pace) live() bool { return time.Now().UnixNano()-p.last.Load() < int64(liveFor) }

// pass gives the turn on after a rest of half as long as the piece took, in which
// processors, Redis and Kafka are there for the records.
func (p *pace) pass(took time.Duration) {
	time.AfterFunc(min(took/2, restAtMost), func() { <-p.turn })
}

// piece is how many profiles an owner takes next, after n took so long: as many as
// fit the time of a piece.
func piece(n int, took time.Duration) int {
	if took > pieceTime {
		return max(leastPiece, n*3/4)
	}
	return min(maxProfiles, n+n/4+1)
}
