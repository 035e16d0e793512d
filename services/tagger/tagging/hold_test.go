package tagging

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestHoldTellsSinceWhenWhatHoldsStreamTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h hold
		assert.Equal(t, map[string]float64{holdKafka: 0, holdRedis: 0, holdClocks: 0, holdSpool: 0, holdResolver: 0}, h.seconds())
		h.by(holdSpool)
		time.Sleep(30 * time.Second)
		h.by(holdSpool)
		assert.InDelta(t, 30, h.seconds()[holdSpool], 0)
		h.by(holdRedis)
		assert.Zero(t, h.seconds()[holdSpool])
		time.Sleep(time.Second)
		assert.InDelta(t, 1, h.seconds()[holdRedis], 0)
		h.by("")
		assert.Zero(t, h.seconds()[holdRedis])
	})
}
