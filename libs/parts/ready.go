package parts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/telemetry"
)

// ready waits for Kafka and Redis, makes the topics, refuses a Redis that would
// lose data, and logs what is weaker than demanded.
func (p *Parts) ready(ctx context.Context) error {
	topics := Topics(p.Config)
	for said := false; ; {
		err := p.Stream.EnsureTopics(ctx, topics)
		if err == nil {
			var weak []telemetry.Words
			if weak, err = store.Check(ctx, p.Redis, Expect(p.Config)); err == nil {
				p.warn(ctx, weak)
				return nil
			}
			if errors.Is(err, store.ErrUnfit) {
				return err
			}
		}
		if !said {
			p.Log.Warn("waiting for Kafka and Redis", zap.Error(err))
			said = true
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("reach Kafka and Redis: %w", errors.Join(err, ctx.Err()))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Expect is what the configuration says of Redis.
func Expect(cfg *config.Config) store.Expect {
	return store.Expect{Replicas: cfg.Redis.Replicas, FailsOver: cfg.Redis.Cluster || cfg.Redis.SentinelMaster != ""}
}

// warn logs what Redis and Kafka have that is weaker than demanded. ClickHouse is
// asked by who writes to it, since it may come later. The embedded Kafka has no
// tool and no other master, so the configured retention is given to it.
func (p *Parts) warn(ctx context.Context, weak []telemetry.Words) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if p.Config.Given("kafka.brokers") {
		of, err := p.Stream.Weaknesses(ctx, Topics(p.Config))
		if err != nil {
			p.Log.Warn("Kafka 的设置无法检查，请给用户加上集群和主题的 DescribeConfigs 权限 / the settings of Kafka cannot be checked, give the user DescribeConfigs on the cluster and the topics", zap.Error(err))
		}
		weak = append(weak, of...)
	} else if err := p.Stream.KeepFor(ctx, Topics(p.Config)); err != nil {
		p.Log.Warn("保留时间没有改成 / the retention was not changed to kafka.retention", zap.Error(err))
	}
	for _, w := range weak {
		p.Log.Warn(w.String())
	}
}
