package archive

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/schemas"
)

// What a scrape is told: each partition owned, and how far it is in history.
func TestPlacesFollowHistory(t *testing.T) {
	r := newRig(t)
	a := r.archiver(nil)
	require.Empty(t, a.places())
	r.publish(schemas.TopicRejected, 0, []byte("{}"), []byte("not JSON"))
	stop := r.run(a)
	require.Eventually(t, func() bool {
		return slices.Contains(a.places(), telemetry.Place{Topic: schemas.TopicRejected, Partition: 0, Next: 2})
	}, patience, 10*time.Millisecond)
	stop()
	require.Empty(t, a.places(), "what it no longer owns")
}
