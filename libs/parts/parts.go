// Package parts makes the clients of Kafka, Redis and ClickHouse, the keys and
// the definitions from a configuration, and runs a role with them. Every role's
// main and the all-in-one use it, so that all of them are wired alike: the same
// code and wire protocols, whether a part is embedded or a cluster.
package parts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/process"
	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/schemas"
)

// Parts are the clients of one process.
type Parts struct {
	Config    *config.Config
	Log       *zap.Logger
	Registry  *prometheus.Registry
	Health    *telemetry.Health
	Stream    *stream.Client
	Redis     redis.UniversalClient
	Master    *seal.Master
	Keys      *seal.Keys
	Defs      *defs.Store
	Warehouse *warehouse.Warehouse

	probes probes
}

// Role is what a service brings to a process.
type Role struct {
	Components []process.Component
	Checks     []telemetry.Check
	Handler    http.Handler // nil: it serves no requests of its own
	Paths      []string     // of Handler; empty: everything that is left
}

// Builder makes a role.
type Builder func(ctx context.Context, p *Parts) (Role, error)

// Open connects; it waits for Kafka and Redis until ctx ends and makes the topics
// that are missing.
func Open(ctx context.Context, cfg *config.Config, log *zap.Logger) (*Parts, error) {
	p := &Parts{Config: cfg, Log: log, Registry: telemetry.NewRegistry()}
	var err error
	if p.Health, err = telemetry.NewHealth(telemetry.HealthOptions{Log: log, Registerer: p.Registry}); err != nil {
		return nil, err
	}
	if err := p.connect(cfg, log); err != nil {
		return nil, err
	}
	if err := p.ready(ctx); err != nil {
		return nil, err
	}
	if p.Master, err = master(cfg); err != nil {
		return nil, err
	}
	if p.Keys, err = seal.OpenKeys(ctx, seal.KeysOptions{Stream: p.Stream, Redis: p.Redis, Master: p.Master, Log: log}); err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	p.Defs, err = defs.Open(ctx, defs.Options{
		Stream: p.Stream, Master: p.Master, Writer: fmt.Sprintf("%s-%d-%d", strings.ReplaceAll(host, "/", "-"), os.Getpid(), time.Now().UnixMilli()), Log: log,
		Validate: map[string]func(json.RawMessage) error{defs.KindRules: validRules},
	})
	return p, err
}

func validRules(body json.RawMessage) error {
	var r defs.Rules
	if err := json.Unmarshal(body, &r); err != nil {
		return fmt.Errorf("read rules: %w", err)
	}
	_, err := rule.Compile(0, r.Files)
	return err
}

func (p *Parts) connect(cfg *config.Config, log *zap.Logger) error {
	kafka, err := KafkaConfig(cfg)
	if err != nil {
		return err
	}
	if p.Stream, err = stream.New(kafka, log); err != nil {
		return err
	}
	rdb, err := RedisConfig(cfg)
	if err != nil {
		return err
	}
	if p.Redis, err = store.Connect(rdb); err != nil {
		return err
	}
	click, err := ClickHouseConfig(cfg)
	if err != nil {
		return err
	}
	if p.Warehouse, err = warehouse.New(click, log); err != nil {
		return err
	}
	if p.probes.redis, err = store.Probe(rdb); err != nil {
		return err
	}
	p.probes.warehouse, err = warehouse.Probe(click, log)
	return err
}

// KafkaConfig says where Kafka is.
func KafkaConfig(cfg *config.Config) (stream.Config, error) {
	trust, err := cfg.Kafka.TLS.Config()
	if err != nil {
		return stream.Config{}, err
	}
	mech, err := mechanism(cfg)
	return stream.Config{Brokers: cfg.Kafka.Brokers, TLS: trust, SASL: mech}, err
}

// RedisConfig says where Redis is.
func RedisConfig(cfg *config.Config) (store.Config, error) {
	trust, err := cfg.Redis.TLS.Config()
	return store.Config{
		Addrs: strings.Split(cfg.Redis.Addr, ","), SentinelMaster: cfg.Redis.SentinelMaster, Cluster: cfg.Redis.Cluster,
		Database: cfg.Redis.Database, SentinelUser: cfg.Redis.SentinelUser, SentinelPassword: cfg.Redis.SentinelPassword.Reveal(),
		User: cfg.Redis.User, Password: cfg.Redis.Password.Reveal(), TLS: trust,
	}, err
}

// ClickHouseConfig says where ClickHouse is.
func ClickHouseConfig(cfg *config.Config) (warehouse.Config, error) {
	trust, err := cfg.ClickHouse.TLS.Config()
	return warehouse.Config{
		Addrs: strings.Split(cfg.ClickHouse.Addr, ","), User: cfg.ClickHouse.User, Password: cfg.ClickHouse.Password.Reveal(),
		Database: cfg.ClickHouse.Database, Cluster: cfg.ClickHouse.Cluster, TLS: trust,
	}, err
}

func mechanism(cfg *config.Config) (sasl.Mechanism, error) {
	switch cfg.Kafka.SASL {
	case "plain":
		return plain.Mechanism{Username: cfg.Kafka.User, Password: cfg.Kafka.Password.Reveal()}, nil
	case "scram-sha-256":
		return scram.Mechanism(scram.SHA256, cfg.Kafka.User, cfg.Kafka.Password.Reveal())
	case "scram-sha-512":
		return scram.Mechanism(scram.SHA512, cfg.Kafka.User, cfg.Kafka.Password.Reveal())
	}
	return nil, nil
}

// Topics is the catalogue as it is configured.
func Topics(cfg *config.Config) []schemas.Topic {
	out := schemas.Topics(cfg.Shards, cfg.RawPartitions)
	for i := range out {
		if out[i].Name == schemas.TopicRaw || out[i].Name == schemas.TopicEvents {
			out[i].Retention = cfg.Kafka.Retention
		}
	}
	return out
}

// master is the configured master key, or the one of the data folder, made at
// the first start. Where parts are external every process must be given the same.
func master(cfg *config.Config) (*seal.Master, error) {
	if text := cfg.MasterKey.Reveal(); text != "" {
		return seal.ParseMaster(text)
	}
	if cfg.KafkaExternal() {
		if _, err := os.Stat(filepath.Join(cfg.Data, "master.key")); err != nil {
			return nil, errors.New("缺少主密钥：各进程须使用同一把，请设置 TAGWIRE_MASTER_KEY / the master key is missing: all processes need the same one, set TAGWIRE_MASTER_KEY")
		}
	}
	return seal.LoadOrCreateMaster(filepath.Join(cfg.Data, "master.key"))
}

// Common are the components that every process with definitions runs.
func (p *Parts) Common() []process.Component {
	return []process.Component{{Name: "definitions", Stage: process.Part, Run: p.Defs.Run}}
}

// Close drops the connections.
func (p *Parts) Close() error {
	p.Stream.Close()
	return errors.Join(p.Redis.Close(), p.Warehouse.Close(), p.probes.close())
}
