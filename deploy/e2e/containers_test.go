package e2e_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

const startWithin = 3 * time.Minute

// run starts a container until the test ends.
func run(t *testing.T, name string, more ...testcontainers.ContainerCustomizer) testcontainers.Container {
	t.Helper()
	c, err := testcontainers.Run(t.Context(), name, more...)
	testcontainers.CleanupContainer(t, c)
	require.NoError(t, err)
	return c
}

func endpoint(t *testing.T, c testcontainers.Container, port string) string {
	t.Helper()
	at, err := c.PortEndpoint(t.Context(), port, "")
	require.NoError(t, err)
	return at
}

// kafka runs one broker; its clients are told the port of this machine.
func kafka(t *testing.T) (broker string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	require.NoError(t, l.Close())
	inside := network.MustParsePort("9092/tcp")
	run(t, image(t, "kafka"),
		testcontainers.WithExposedPorts("9092/tcp"),
		testcontainers.WithHostConfigModifier(func(h *container.HostConfig) {
			h.PortBindings = network.PortMap{inside: {{HostPort: port}}}
		}),
		testcontainers.WithEnv(map[string]string{
			"KAFKA_NODE_ID": "1", "KAFKA_PROCESS_ROLES": "broker,controller", "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
			"KAFKA_LISTENERS":                      "PLAINTEXT://:9092,CONTROLLER://:9093",
			"KAFKA_ADVERTISED_LISTENERS":           "PLAINTEXT://127.0.0.1:" + port,
			"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT", "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
			"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1", "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0", "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
		}),
		testcontainers.WithWaitStrategy(wait.ForLog("Kafka Server started").WithStartupTimeout(startWithin)),
	)
	return "127.0.0.1:" + port
}

func valkey(t *testing.T) (addr string) {
	t.Helper()
	c := run(t, image(t, "redis"),
		testcontainers.WithExposedPorts("6379/tcp"),
		testcontainers.WithCmd("valkey-server", "--protected-mode", "no", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"),
		testcontainers.WithWaitStrategy(wait.ForLog("Ready to accept connections").WithStartupTimeout(startWithin)),
	)
	return endpoint(t, c, "6379/tcp")
}

const (
	clickhouseUser     = "tagwire"
	clickhousePassword = "of-a-test"
)

func clickhouse(t *testing.T) (native string) {
	t.Helper()
	c := run(t, image(t, "clickhouse"),
		testcontainers.WithExposedPorts("9000/tcp", "8123/tcp"),
		testcontainers.WithEnv(map[string]string{
			"CLICKHOUSE_USER": clickhouseUser, "CLICKHOUSE_PASSWORD": clickhousePassword, "CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT": "1",
		}),
		testcontainers.WithWaitStrategy(wait.ForHTTP("/ping").WithPort("8123/tcp").WithStartupTimeout(startWithin)),
	)
	return endpoint(t, c, "9000/tcp")
}

// empty is a client to a Redis that holds nothing.
func empty(t testing.TB, addr string) redis.UniversalClient {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { _ = c.Close() }) // the container may be gone first
	require.NoError(t, c.FlushAll(t.Context()).Err())
	return c
}
