//go:build chroot

package roots_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/parts/partstest"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/schemas"
)

const (
	password = "of-a-test"
	patience = time.Minute
)

// assembled are the roots of the parts.
func assembled(t *testing.T) map[string]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "../../../scripts/build-images")
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	require.NoError(t, err)
	roots := map[string]string{}
	for line := range strings.Lines(string(out)) {
		part, root, _ := strings.Cut(strings.TrimSpace(line), " ")
		roots[part] = root
	}
	require.Len(t, roots, 4)
	return roots
}

// enter goes into a root as a container does: a user without rights, nothing to
// write but /data and /tmp. The shell stays, as the first process: all of them end
// with it, and it with the test, which a process that changes its user would not.
const enter = `mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" &&
mount -t tmpfs -o mode=1777 tmpfs "$0/tmp" && mount -t tmpfs -o mode=1777 tmpfs "$0/data" && chroot --userspec=10001:10001 "$0" "$@"
exit $?`

func inside(root string, env []string, args ...string) *exec.Cmd {
	cmd := exec.Command("unshare", append([]string{"--mount", "--pid", "--fork", "--kill-child", "sh", "-c", enter, root}, args...)...)
	cmd.Env = append([]string{"PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/data", "TMPDIR=/tmp"}, env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// run runs a program of a root until the test ends.
func run(t *testing.T, root string, env []string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	cmd := inside(root, env, args...)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("%s said: %s", args[0], text)
		}
		require.NoError(t, log.Close())
	})
}

// The product and its parts, each in its root as in a container of its own: a
// part answers by its own protocol, then one event goes from its post to bi.events.
func TestPartsWorkInTheirRoots(t *testing.T) {
	roots := assembled(t)
	broker, controller, redisAddr, native, web := partstest.FreeAddress(t), partstest.FreeAddress(t), partstest.FreeAddress(t), partstest.FreeAddress(t), partstest.FreeAddress(t)
	_, redisPort, err := net.SplitHostPort(redisAddr)
	require.NoError(t, err)
	run(t, roots["kafka"], []string{
		"KAFKA_NODE_ID=1", "KAFKA_PROCESS_ROLES=broker,controller", "KAFKA_CONTROLLER_QUORUM_VOTERS=1@" + controller,
		"KAFKA_LISTENERS=PLAINTEXT://" + broker + ",CONTROLLER://" + controller, "KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://" + broker,
		"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT", "KAFKA_CONTROLLER_LISTENER_NAMES=CONTROLLER",
		"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR=1", "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS=4", "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS=0", "KAFKA_AUTO_CREATE_TOPICS_ENABLE=false",
	}, "start", "kafka")
	run(t, roots["redis"], nil, "valkey-server", "--port", redisPort, "--dir", "/data", "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction")
	run(t, roots["clickhouse"], []string{
		"TAGWIRE_ENGINES_DIR=/opt/engines", "CLICKHOUSE_PASSWORD=" + password, "CLICKHOUSE_LISTEN_NATIVE=" + native, "CLICKHOUSE_LISTEN_HTTP=" + web,
	}, "start", "clickhouse")

	t.Run("kafka", func(t *testing.T) { kafkaKeeps(t, broker) })
	t.Run("redis", func(t *testing.T) {
		rdb := redis.NewClient(&redis.Options{Addr: redisAddr})
		t.Cleanup(func() { require.NoError(t, rdb.Close()) })
		require.Eventually(t, func() bool { return rdb.Ping(t.Context()).Err() == nil }, patience, 20*time.Millisecond)
	})
	history, err := warehouse.New(warehouse.Config{Addrs: []string{native}, User: "tagwire", Password: password}, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, history.Close()) })
	t.Run("clickhouse", func(t *testing.T) {
		var version string
		require.Eventually(t, func() bool { return history.Scalar(t.Context(), "SELECT version()", &version) == nil }, patience, 20*time.Millisecond)
		require.Regexp(t, `^\d+\.\d+`, version)
	})
	if t.Failed() {
		return
	}
	http := partstest.FreeAddress(t)
	run(t, roots["tagwire"], []string{
		"TAGWIRE_KAFKA_BROKERS=" + broker, "TAGWIRE_REDIS_ADDR=" + redisAddr, "TAGWIRE_CLICKHOUSE_ADDR=" + native,
		"TAGWIRE_CLICKHOUSE_USER=tagwire", "TAGWIRE_CLICKHOUSE_PASSWORD=" + password, "TAGWIRE_HTTP=" + http, "TAGWIRE_DATA=/data",
		"TAGWIRE_MASTER_KEY=" + strings.Repeat("0123456789abcdef", 4), "TAGWIRE_WRITE_KEY=write-key-of-a-test", "ZONEINFO=/usr/share/tagwire/zoneinfo.zip",
	}, "tagwire", "up")
	t.Run("tagwire", func(t *testing.T) { eventReachesBI(t, roots["tagwire"], http, history) })
}

func kafkaKeeps(t *testing.T, broker string) {
	c, err := stream.New(stream.Config{Brokers: []string{broker}}, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(c.Close)
	topic := schemas.Topic{Name: "kept", Partitions: 1, Retention: time.Hour, MaxMessages: 1 << 20}
	require.Eventually(t, func() bool { return c.EnsureTopics(t.Context(), []schemas.Topic{topic}) == nil }, patience, 50*time.Millisecond)
	require.Eventually(t, func() bool {
		_, err := c.Publish(t.Context(), topic.Name, 0, []stream.Message{{Value: []byte("x")}})
		return err == nil
	}, patience, 50*time.Millisecond, "a new partition has no leader for a moment")
	b, err := c.Fetch(t.Context(), topic.Name, 0, 0, 5*time.Second)
	require.NoError(t, err)
	require.NotEmpty(t, b.Records)
	require.Equal(t, "x", string(b.Records[0].Value))
}

func eventReachesBI(t *testing.T, root, http string, history *warehouse.Warehouse) {
	require.Eventually(t, func() bool {
		return inside(root, nil, "healthz", "http://"+http+"/healthz").Run() == nil
	}, patience, 200*time.Millisecond, "the image's own health check")
	require.Eventually(t, func() bool {
		return post(t, "http://"+http+"/v1/track", `{"messageId":"root-1","userId":"u1","event":"page.view"}`) == 200
	}, patience, 100*time.Millisecond, "a new partition has no leader for a moment, and senders repeat after a 503")
	require.Eventually(t, func() bool {
		var n uint64
		return history.Scalar(t.Context(), "SELECT count() FROM bi.events WHERE event_id = 'root-1'", &n) == nil && n == 1
	}, patience, 100*time.Millisecond)
}

func post(t *testing.T, url, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	req.SetBasicAuth("write-key-of-a-test", "")
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }() // read to its end
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	t.Log(fmt.Sprint(res.Status, " ", string(text)))
	return res.StatusCode
}
