// Package streamtest gives tests a Kafka: kfake, which speaks Kafka's wire
// protocol in process, with the topics of the catalogue.
//
// It guarantees a broker of its own per call, gone with the test. It does not
// keep anything on disk and does not elect leaders: what needs that runs on a
// real Kafka. Only tests import it.
package streamtest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

// Numbers of partitions that Start makes: few, so that tests are quick, and more
// than one, so that what depends on partitions shows.
const (
	Shards = 4
	Raw    = 2
)

// Kafka is a running fake with a client to it.
type Kafka struct {
	*stream.Client
	Cluster *kfake.Cluster // faults: ControlKey on a produce or fetch
	Brokers []string
}

// Start runs a Kafka with the catalogue's topics until the test ends.
func Start(t testing.TB) *stream.Client { return StartKafka(t).Client }

// StartKafka is Start with the cluster behind the client, for injecting faults
// and for second clients.
func StartKafka(t testing.TB) *Kafka {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	k := &Kafka{Cluster: cluster, Brokers: cluster.ListenAddrs()}
	k.Client = k.Connect(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, k.EnsureTopics(ctx, schemas.Topics(Shards, Raw)))
	return k
}

// Connect makes one more client, as another process would have it.
func (k *Kafka) Connect(t testing.TB) *stream.Client {
	t.Helper()
	c, err := stream.New(stream.Config{Brokers: k.Brokers}, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}
