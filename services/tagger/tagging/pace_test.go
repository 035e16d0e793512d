package tagging

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/shard"
)

// Pieces shrink while they take too long, and grow up to what a commit may hold.
func TestPiecesFitTheirTime(t *testing.T) {
	n := maxProfiles
	for range 50 {
		n = piece(n, pieceTime+1)
	}
	require.Equal(t, leastPiece, n)
	grown := piece(n, pieceTime)
	require.Greater(t, grown, n)
	for range 50 {
		n = piece(n, pieceTime)
	}
	require.Equal(t, maxProfiles, n)
}

// While records come, timers wait for a turn that only one shard of the tagger has;
// without records every shard goes on at once.
func TestTimersTakeTurnsWhileRecordsCome(t *testing.T) {
	tagger := &Tagger{pace: newPace()}
	of := func(due event.Time) *owner {
		return &owner{t: tagger, pos: shard.Pos{Stream: 10}, timers: newTimers([]shard.Timer{{Profile: "p", Due: due}})}
	}
	one, two, early := of(10), of(9), of(11)
	turn, free := early.spareTime()
	require.Nil(t, turn, "its timers are not due")
	require.Nil(t, free)
	for _, o := range []*owner{one, two} {
		turn, free = o.spareTime()
		require.Nil(t, turn)
		<-free
	}

	tagger.pace.records()
	turn, free = one.spareTime()
	require.Nil(t, free)
	turn <- struct{}{}
	turn, _ = two.spareTime()
	select {
	case turn <- struct{}{}:
		require.Fail(t, "two shards at a time")
	default:
	}
	tagger.pace.pass(time.Millisecond)
	turn <- struct{}{} // after the rest of the first
}
