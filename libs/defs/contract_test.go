package defs_test

import (
	"testing"

	"github.com/tagwire/tagwire/libs/defs/defstest"
	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/stream"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

func TestContractOnTheEmbeddedBroker(t *testing.T) {
	defstest.Contract(t, stream.Config{Brokers: embeddedtest.Start(t, embeddedtest.Kafka).KafkaBrokers})
}
