package stream_test

import (
	"testing"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/stream/streamtest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// The broker of `tagwire up`, with its files and its held-back answers.
func TestContractOnTheEmbeddedBroker(t *testing.T) {
	streamtest.Contract(t, stream.Config{Brokers: embeddedtest.Start(t, embeddedtest.Kafka).KafkaBrokers})
}
