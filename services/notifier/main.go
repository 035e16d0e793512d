// Notifier puts alerts into the inbox and sends them to people. Package notify
// says what it guarantees; this program gives it its connections and serves its
// health and metrics. Its one flag names the configuration file.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/process"
	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/notifier/notify"
)

func main() {
	file := flag.String("config", os.Getenv("TAGWIRE_CONFIG"), "configuration file")
	flag.Parse()
	ctx, stop := process.Signals(context.Background())
	err := run(ctx, *file)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "notifier:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, file string) error {
	cfg, notices, err := config.Load(config.Options{File: file, Env: os.Environ(), OtherVariables: []string{"TAGWIRE_CONFIG"}})
	if err != nil {
		return err
	}
	if !cfg.KafkaExternal() || !cfg.RedisExternal() {
		return errors.New("kafka.brokers and redis.addr are needed: the embedded parts run in `tagwire up` only")
	}
	log, err := telemetry.NewLogger(telemetry.LogOptions{Level: cfg.Log.Level, Format: cfg.Log.Format})
	if err != nil {
		return err
	}
	for _, n := range notices {
		log.Warn(n)
	}
	kafka, err := newStream(cfg.Kafka, log)
	if err != nil {
		return err
	}
	defer kafka.Close()
	rdb, err := newRedis(cfg.Redis)
	if err != nil {
		return err
	}
	defer func() { _ = rdb.Close() }() // the process ends
	return serve(ctx, &role{cfg: cfg, log: log, kafka: kafka, redis: rdb})
}

// role is the notifier with its connections.
type role struct {
	cfg    *config.Config
	log    *zap.Logger
	kafka  *stream.Client
	redis  redis.UniversalClient
	health *telemetry.Health
}

// serve runs the notifier beside its health and metrics.
func serve(ctx context.Context, r *role) error {
	registry := telemetry.NewRegistry()
	var err error
	if r.health, err = telemetry.NewHealth(telemetry.HealthOptions{Log: r.log, Registerer: registry}); err != nil {
		return err
	}
	mux := http.NewServeMux()
	telemetry.Mount(mux, r.health, registry)
	return process.Run(ctx, r.log,
		process.Component{Name: "http", Stage: process.Part, Run: func(ctx context.Context) error {
			return telemetry.Serve(ctx, telemetry.ServeOptions{Addr: r.cfg.HTTP, Handler: mux, Log: r.log})
		}},
		process.Component{Name: "notifier", Stage: process.Sink, Run: func(ctx context.Context) error {
			opts := notify.Options{Metrics: telemetry.ForRole(registry, "notifier")}
			return r.run(ctx, opts)
		}},
	)
}

// run opens what needs Kafka and Redis, then serves; no service needs another
// to have started first.
func (r *role) run(ctx context.Context, opts notify.Options) error {
	if err := r.topics(ctx); err != nil {
		return err
	}
	master, err := seal.LoadMaster(filepath.Clean(r.cfg.Data), r.cfg.MasterKey.Reveal())
	if err != nil {
		return err
	}
	keys, err := seal.OpenKeys(ctx, seal.KeysOptions{Stream: r.kafka, Redis: r.redis, Master: master, Log: r.log})
	if err != nil {
		return err
	}
	book, err := defs.Open(ctx, defs.Options{Stream: r.kafka, Master: master, Writer: "notifier", Log: r.log})
	if err != nil {
		return err
	}
	opts.Stream, opts.Redis, opts.Defs, opts.Keys, opts.Log, opts.Config = r.kafka, r.redis, book, keys, r.log, *r.cfg
	n, err := notify.New(opts)
	if err != nil {
		return err
	}
	for _, check := range n.Checks() {
		remove, err := r.health.Register(check)
		if err != nil {
			return err
		}
		defer remove()
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return book.Run(ctx) })
	g.Go(func() error { return n.Run(ctx) })
	return g.Wait()
}

// topics waits for Kafka and makes what is missing of the catalogue.
func (r *role) topics(ctx context.Context) error {
	for {
		err := r.kafka.Ping(ctx)
		if err == nil {
			return r.kafka.EnsureTopics(ctx, schemas.Topics(r.cfg.Shards, r.cfg.RawPartitions))
		}
		r.log.Warn("Kafka does not answer, trying again", zap.Error(err))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Second):
		}
	}
}

func newRedis(cfg config.Redis) (redis.UniversalClient, error) {
	tls, err := cfg.TLS.Config()
	if err != nil {
		return nil, fmt.Errorf("tls to redis: %w", err)
	}
	return store.Connect(store.Config{
		Addrs: strings.Split(cfg.Addr, ","), SentinelMaster: cfg.SentinelMaster, Cluster: cfg.Cluster,
		User: cfg.User, Password: cfg.Password.Reveal(), TLS: tls,
	})
}

func newStream(cfg config.Kafka, log *zap.Logger) (*stream.Client, error) {
	tls, err := cfg.TLS.Config()
	if err != nil {
		return nil, fmt.Errorf("tls to kafka: %w", err)
	}
	var mechanism sasl.Mechanism
	switch cfg.SASL {
	case "plain":
		mechanism = plain.Mechanism{Username: cfg.User, Password: cfg.Password.Reveal()}
	case "scram-sha-256":
		mechanism, err = scram.Mechanism(scram.SHA256, cfg.User, cfg.Password.Reveal())
	case "scram-sha-512":
		mechanism, err = scram.Mechanism(scram.SHA512, cfg.User, cfg.Password.Reveal())
	}
	if err != nil {
		return nil, fmt.Errorf("sasl to kafka: %w", err)
	}
	return stream.New(stream.Config{Brokers: cfg.Brokers, TLS: tls, SASL: mechanism}, log)
}
