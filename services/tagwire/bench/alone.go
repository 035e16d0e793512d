package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/embedded"
	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest"
	"github.com/tagwire/tagwire/services/tagger/tagging"
	"github.com/tagwire/tagwire/services/tagwire/app"
)

// alone measures the collector and the tagger without the other roles, each on
// fresh parts.
func (b *bench) alone(ctx context.Context, round int) error {
	b.say("单独 / collector and tagger alone, round %d of %d", round+1, b.Rounds)
	for name, measure := range map[string]func(context.Context, *parts.Parts, int) error{"collector": b.collector, "tagger": b.tagger} {
		if err := b.fresh(ctx, fmt.Sprintf("%s%d", name, round), func(p *parts.Parts) error { return measure(ctx, p, round) }); err != nil {
			return fmt.Errorf("%s alone: %w", name, err)
		}
	}
	return nil
}

// fresh runs with a Kafka and a Redis of their own.
func (b *bench) fresh(ctx context.Context, name string, do func(*parts.Parts) error) (err error) {
	dir := filepath.Join(b.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	lock, err := embedded.Lock(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release(), os.RemoveAll(dir)) }()
	engines, err := embedded.Start(ctx, embedded.Options{
		Dir: dir, Log: zap.NewNop(), Kafka: true, Redis: true, KafkaAddr: "127.0.0.1:0",
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engines.Close(context.WithoutCancel(ctx))) }()
	cfg := config.Default()
	cfg.Data, cfg.MasterKey, cfg.WriteKey = dir, b.master, "wk_bench"
	cfg.Spool.Dir = filepath.Join(dir, "spool")
	cfg.Limits.RatePerKey = 10_000_000
	cfg.Kafka.Brokers, cfg.Redis.Addr, cfg.Redis.Password = engines.KafkaBrokers, engines.RedisAddr, config.Secret(engines.RedisPassword)
	cfg.ClickHouse.Addr = "127.0.0.1:1" // not used here
	if err := b.copyKeysTo(ctx, &cfg); err != nil {
		return err
	}
	p, err := parts.Open(ctx, &cfg, zap.NewNop())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	return do(p)
}

// copyKeysTo gives fresh parts the definitions and keys of the deployment.
func (b *bench) copyKeysTo(ctx context.Context, cfg *config.Config) error {
	to, err := stream.New(stream.Config{Brokers: cfg.Kafka.Brokers}, zap.NewNop())
	if err != nil {
		return err
	}
	defer to.Close()
	if err := to.EnsureTopics(ctx, schemas.Topics(cfg.Shards, cfg.RawPartitions)); err != nil {
		return err
	}
	return errors.Join(b.copy(ctx, to, schemas.TopicKeys, 1), b.copy(ctx, to, schemas.TopicDefs, 1))
}

// copy appends the records of a topic to the same topic elsewhere.
func (b *bench) copy(ctx context.Context, to *stream.Client, topic string, partitions int) error {
	ranges, err := b.parts.Stream.Ranges(ctx, topic, partitions)
	if err != nil {
		return err
	}
	for p, r := range ranges {
		for at := r.First; at < r.End; {
			got, err := b.parts.Stream.Fetch(ctx, topic, p, at, time.Second)
			if err != nil {
				return err
			}
			msgs := make([]stream.Message, len(got.Records))
			for i, rec := range got.Records {
				msgs[i] = stream.Message{Key: rec.Key, Value: rec.Value, Headers: rec.Headers}
			}
			if _, err := to.Publish(ctx, topic, p, msgs); err != nil {
				return err
			}
			at = got.Next
		}
	}
	return nil
}

// running runs a role until the end of do.
func running(ctx context.Context, p *parts.Parts, build parts.Builder, do func(parts.Role) error) error {
	ctx, cancel := context.WithCancel(ctx)
	r, err := build(ctx, p)
	if err != nil {
		cancel()
		return err
	}
	var wait sync.WaitGroup
	for _, c := range append(p.Common(), r.Components...) {
		wait.Go(func() { _ = c.Run(ctx) }) // ends with ctx; what it fails at is seen by do
	}
	err = do(r)
	cancel()
	wait.Wait()
	return err
}

func (b *bench) collector(ctx context.Context, p *parts.Parts, round int) error {
	return running(ctx, p, ingest.Role, func(r parts.Role) error {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		server := &http.Server{Handler: r.Handler, ReadHeaderTimeout: 10 * time.Second}
		served := make(chan error, 1)
		go func() { served <- server.Serve(l) }()
		s := &site{Endpoints: app.Endpoints{HTTP: "http://" + l.Addr().String(), WriteKey: p.Config.WriteKey.Reveal()}, client: b.site.client}
		bodies, err := newTraffic(b.Seed, fmt.Sprintf("collector%d", round), bulkShare).batches(b.Events)
		if err == nil {
			begun := time.Now()
			err = s.send(ctx, bodies)
			b.report.add(rowCollector, float64(b.Events)/time.Since(begun).Seconds())
		}
		err = errors.Join(err, server.Close())
		if serr := <-served; !errors.Is(serr, http.ErrServerClosed) {
			err = errors.Join(err, serr)
		}
		return err
	})
}

// tagger replays the log of events of the whole run.
func (b *bench) tagger(ctx context.Context, p *parts.Parts, _ int) error {
	if err := b.copy(ctx, p.Stream, schemas.TopicEvents, p.Config.Shards); err != nil {
		return err
	}
	ranges, err := p.Stream.Ranges(ctx, schemas.TopicEvents, p.Config.Shards)
	if err != nil {
		return err
	}
	var total int64
	for _, r := range ranges {
		total += r.End - r.First
	}
	return running(ctx, p, tagging.Role, func(parts.Role) error {
		var begun time.Time // the first commit: joining the group is no work
		err := until(ctx, func(ctx context.Context) (bool, error) {
			var done int64
			for s := range ranges {
				pos, err := shard.New(p.Redis, tagging.Generation, s).Read(ctx)
				if err != nil {
					return false, err
				}
				if pos.Exists {
					done += pos.Offset
					if begun.IsZero() {
						begun = time.Now()
					}
				}
			}
			return done >= total, nil
		})
		b.report.add(rowTagger, float64(total)/time.Since(begun).Seconds())
		return err
	})
}
