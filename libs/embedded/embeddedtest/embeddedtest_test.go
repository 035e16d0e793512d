package embeddedtest_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// Parts are started when they are wanted first, and shared from then on.
func TestPartsAreSharedByTheTestsOfABinary(t *testing.T) {
	first := embeddedtest.Start(t, embeddedtest.Redis)
	assert.Empty(t, first.KafkaBrokers, "what was not asked for")
	again := embeddedtest.Start(t, embeddedtest.Redis, embeddedtest.Kafka, embeddedtest.ClickHouse)
	assert.Equal(t, first.RedisAddr, again.RedisAddr)
	for _, addr := range []string{again.RedisAddr, again.KafkaBrokers[0], again.ClickHouseNative, again.ClickHouseHTTP} {
		conn, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
}
