package telemetry_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/telemetry"
)

func TestPlacesTellWhatIsOwnedAndHowFarItIsBehind(t *testing.T) {
	reg := prometheus.NewRegistry()
	owned := []telemetry.Place{{Topic: "events", Partition: 1, Next: 90}, {Topic: "events", Partition: 2, Next: -1}}
	ends := []int64{5, 100, 7}
	var away error
	require.NoError(t, telemetry.Places{
		Group: "tagger", Topics: map[string]int{"events": 3}, Owned: func() []telemetry.Place { return owned },
		Ends: func(context.Context, string) ([]int64, error) { return ends, away },
	}.Register(reg))
	require.NoError(t, telemetry.Places{
		Group: "resolver", Topics: map[string]int{"raw": 0}, Owned: func() []telemetry.Place { return nil },
	}.Register(reg), "several roles in one process")
	owns := `
# HELP tagwire_partitions_owned Partitions that this process serves.
# TYPE tagwire_partitions_owned gauge
tagwire_partitions_owned{group="resolver",topic="raw"} 0
tagwire_partitions_owned{group="tagger",topic="events"} 2
# HELP tagwire_partitions Partitions that somebody of the group has to serve.
# TYPE tagwire_partitions gauge
tagwire_partitions{group="tagger",topic="events"} 3
`
	require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP tagwire_lag_records Records that the group has not worked off, by partition owned here.
# TYPE tagwire_lag_records gauge
tagwire_lag_records{group="tagger",partition="1",topic="events"} 10
`+owns)))
	ends[1] = 300 // it stands still while records come
	require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP tagwire_lag_records Records that the group has not worked off, by partition owned here.
# TYPE tagwire_lag_records gauge
tagwire_lag_records{group="tagger",partition="1",topic="events"} 210
`), "tagwire_lag_records"))
	away = errors.New("no Kafka")
	require.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(owns)), "no lag is better than a wrong one")
}
