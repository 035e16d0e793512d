package partstest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/scram"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/tagwire/tagwire/libs/stream"
)

// KafkaOptions say what Kafka a test wants.
type KafkaOptions struct {
	Brokers  int               // 0: one; each is broker and controller
	Secure   bool              // SASL_SSL with SCRAM-SHA-512; otherwise plain
	Settings map[string]string // of every broker, above those for tests
	// Front is what stands before a broker, such as a proxy: clients are told the
	// address that it returns, and Kafka.Brokers are those; nil: nothing does.
	Front func(broker string) (string, error)
}

// Kafka is a running cluster.
type Kafka struct {
	Brokers        []string
	Nodes          []*Process // as Brokers
	User, Password string     // of a secure one
	TLS            *tls.Config
	mechanism      sasl.Mechanism
}

// Stream is how the product reaches it.
func (k *Kafka) Stream() stream.Config {
	return stream.Config{Brokers: slices.Clone(k.Brokers), TLS: k.TLS, SASL: k.mechanism}
}

// StartKafka runs a cluster until the test ends; it returns when every broker
// knows all.
func StartKafka(t testing.TB, o KafkaOptions) *Kafka {
	t.Helper()
	var k *Kafka
	err := onFreshPorts(func() (err error) {
		k, err = newKafka(t.Context(), t.TempDir(), o)
		if err != nil {
			return err
		}
		return k.start(t.Context())
	})
	if k != nil {
		for _, n := range k.Nodes {
			n.endWithTest(t)
		}
	}
	require.NoError(t, err)
	return k
}

// onFreshPorts starts a part once more, on other ports, when it did not start:
// another program may have taken one meanwhile.
func onFreshPorts(start func() error) error {
	first := start()
	if first == nil {
		return nil
	}
	if again := start(); again != nil {
		return errors.Join(first, again)
	}
	return nil
}

func (k *Kafka) start(ctx context.Context) error {
	var g errgroup.Group
	for _, n := range k.Nodes {
		g.Go(func() error { return n.Start(ctx) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return until(ctx, "every broker knows all", func(ctx context.Context) error {
		for _, addr := range k.Brokers {
			if md, err := k.metadata(ctx, addr); err != nil {
				return err
			} else if len(md.Brokers) < len(k.Brokers) {
				return fmt.Errorf("%s knows %d brokers of %d", addr, len(md.Brokers), len(k.Brokers))
			}
		}
		return nil
	})
}

// broker is one member to be set up.
type broker struct {
	id                           int
	dir                          string
	client, internal, controller int    // ports
	told                         string // address that clients are told
}

// kafkaSettings keep a broker small and quick; what guarantees rest on is left
// as it comes, but for the times after which a dead broker is noticed.
func kafkaSettings(brokers int) map[string]string {
	replicas := strconv.Itoa(min(3, brokers))
	return map[string]string{
		"process.roles": "broker,controller", "controller.listener.names": "CONTROLLER", "inter.broker.listener.name": "INTERNAL",
		"auto.create.topics.enable": "false", "group.initial.rebalance.delay.ms": "0",
		"offsets.topic.num.partitions": "4", "offsets.topic.replication.factor": replicas,
		"transaction.state.log.num.partitions": "1", "transaction.state.log.replication.factor": replicas, "transaction.state.log.min.isr": "1",
		"share.coordinator.state.topic.num.partitions": "1", "share.coordinator.state.topic.replication.factor": replicas, "share.coordinator.state.topic.min.isr": "1",
		"num.network.threads": "2", "num.io.threads": "2", "num.replica.fetchers": "1", "background.threads": "2", "num.recovery.threads.per.data.dir": "1",
		"log.cleaner.threads": "1", "log.cleaner.dedupe.buffer.size": "4194304", "log.cleaner.backoff.ms": "200",
		"broker.heartbeat.interval.ms": "500", "broker.session.timeout.ms": "3000",
	}
}

func newKafka(ctx context.Context, dir string, o KafkaOptions) (*Kafka, error) {
	jars, err := kafkaJars()
	if err != nil {
		return nil, err
	}
	java, err := findJava(ctx)
	if err != nil {
		return nil, err
	}
	k := &Kafka{}
	settings := kafkaSettings(max(1, o.Brokers))
	if o.Secure {
		if err := k.secure(dir, settings); err != nil {
			return nil, err
		}
	} else {
		settings["listener.security.protocol.map"] = "CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT"
	}
	maps.Copy(settings, o.Settings)
	brokers, err := places(dir, max(1, o.Brokers))
	if err != nil {
		return nil, err
	}
	var voters []string
	for _, b := range brokers {
		voters = append(voters, fmt.Sprintf("%d@%s", b.id, address(b.controller)))
	}
	settings["controller.quorum.voters"] = strings.Join(voters, ",")
	run := jvm{java: java, jars: jars}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	id[0] &= 0x7f           // or its text may begin with a dash, as options do
	format := []string{"kafka.tools.StorageTool", "format", "-t", base64.RawURLEncoding.EncodeToString(id[:])}
	if o.Secure {
		format = append(format, "--add-scram", fmt.Sprintf("SCRAM-SHA-512=[name=%s,password=%s]", k.User, k.Password))
	}
	var g errgroup.Group
	for _, b := range brokers {
		b.told = address(b.client)
		if o.Front != nil {
			if b.told, err = o.Front(b.told); err != nil {
				return nil, fmt.Errorf("put something before a broker: %w", err)
			}
		}
		config, err := b.write(settings)
		if err != nil {
			return nil, err
		}
		g.Go(func() error { return run.once(ctx, append(slices.Clone(format), "-c", config)...) })
		k.Brokers = append(k.Brokers, b.told)
		k.Nodes = append(k.Nodes, &Process{
			Name: fmt.Sprintf("Kafka broker %d", b.id), Log: filepath.Join(b.dir, "log"),
			command: func() *exec.Cmd { return run.command("kafka.Kafka", config) },
			ready:   func(ctx context.Context) error { return k.ready(ctx, b) },
		})
	}
	return k, g.Wait()
}

// secure sets SASL_SSL with SCRAM-SHA-512 for clients.
func (k *Kafka) secure(dir string, settings map[string]string) error {
	cert, err := newCertificate(dir)
	if err != nil {
		return err
	}
	k.User, k.Password, k.TLS = "tagwire", rand.Text(), cert.Trust
	if k.mechanism, err = scram.Mechanism(scram.SHA512, k.User, k.Password); err != nil {
		return fmt.Errorf("prepare SCRAM: %w", err)
	}
	maps.Copy(settings, map[string]string{
		"listener.security.protocol.map":                      "CLIENT:SASL_SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"sasl.enabled.mechanisms":                             "SCRAM-SHA-512",
		"listener.name.client.scram-sha-512.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
		"ssl.keystore.type":                                   "PEM", "ssl.keystore.location": cert.Both,
	})
	return nil
}

func places(dir string, n int) ([]broker, error) {
	out := make([]broker, n)
	for i := range out {
		p, err := freePorts(3)
		if err != nil {
			return nil, err
		}
		out[i] = broker{id: i + 1, dir: filepath.Join(dir, fmt.Sprintf("broker-%d", i+1)), client: p[0], internal: p[1], controller: p[2]}
		if err := os.MkdirAll(out[i].dir, 0o700); err != nil {
			return nil, fmt.Errorf("make a broker's folder: %w", err)
		}
	}
	return out, nil
}

// write makes the broker's file of settings.
func (b broker) write(settings map[string]string) (string, error) {
	own := map[string]string{
		"node.id": strconv.Itoa(b.id), "log.dirs": filepath.Join(b.dir, "data"),
		"listeners":            fmt.Sprintf("CLIENT://%s,INTERNAL://%s,CONTROLLER://%s", address(b.client), address(b.internal), address(b.controller)),
		"advertised.listeners": fmt.Sprintf("CLIENT://%s,INTERNAL://%s", b.told, address(b.internal)),
	}
	maps.Copy(own, settings)
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(own)) {
		fmt.Fprintf(&text, "%s=%s\n", name, own[name])
	}
	path := filepath.Join(b.dir, "server.properties")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		return "", fmt.Errorf("write a broker's settings: %w", err)
	}
	return path, nil
}

// ready is nil when the broker is in the cluster, by its own word.
func (k *Kafka) ready(ctx context.Context, b broker) error {
	md, err := k.metadata(ctx, address(b.client))
	if err == nil && !slices.ContainsFunc(md.Brokers, func(m kafka.Broker) bool { return m.ID == b.id }) {
		err = errors.New("the broker is not in the cluster yet")
	}
	return err
}

func (k *Kafka) metadata(ctx context.Context, addr string) (*kafka.MetadataResponse, error) {
	t := &kafka.Transport{TLS: k.TLS, SASL: k.mechanism, DialTimeout: time.Second}
	defer t.CloseIdleConnections()
	c := kafka.Client{Addr: kafka.TCP(addr), Transport: t}
	md, err := c.Metadata(ctx, &kafka.MetadataRequest{})
	if err != nil {
		return nil, fmt.Errorf("ask %s for the cluster: %w", addr, err)
	}
	return md, nil
}

// jvm runs Kafka's programs in little memory.
type jvm struct{ java, jars string }

func (j jvm) command(args ...string) *exec.Cmd {
	flags := []string{
		"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:-UsePerfData", "-Djava.awt.headless=true",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true", "-cp", filepath.Join(j.jars, "*"),
	}
	return exec.Command(j.java, append(flags, args...)...)
}

func (j jvm) once(ctx context.Context, args ...string) error {
	whole := j.command(args...)
	out, err := exec.CommandContext(ctx, whole.Path, whole.Args[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("run %s: %w: %s", args[0], err, out)
	}
	return nil
}
