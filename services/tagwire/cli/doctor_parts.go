package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/libs/warehouse"
)

const (
	// maxClock is how far clocks may be apart before stream time stands still.
	maxClock = time.Second
	// reachWithin is how long a part may take to give a first word.
	reachWithin = 5 * time.Second
)

// parts looks at each part by clients that change nothing: it must be able to look
// at parts that are not as they should be. One that gives no answer hides none of
// the others.
func (d *doctor) parts(ctx context.Context, cfg *config.Config, embeddedKafka bool) {
	for _, p := range []struct {
		name string
		look func(context.Context, *config.Config) error
	}{
		{"kafka", func(ctx context.Context, cfg *config.Config) error { return d.kafka(ctx, cfg, embeddedKafka) }},
		{"redis", d.redis},
		{"clickhouse", d.clickhouse},
	} {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		if err := p.look(ctx, cfg); err != nil {
			d.add(levelError, p.name, "不能使用："+err.Error(), "cannot be used: "+err.Error())
		}
		cancel()
	}
}

// tell adds what is weaker than demanded, or that nothing is.
func (d *doctor) tell(name string, weak []telemetry.Words, fine telemetry.Words) {
	for _, w := range weak {
		d.add(levelWarn, name, w.Zh, w.En)
	}
	if len(weak) == 0 {
		d.add(levelOK, name, fine.Zh, fine.En)
	}
}

// silent adds that a part gives no answer.
func (d *doctor) silent(name, at string, err error) {
	d.add(levelError, name, at+" 没有应答，请查看它是否在运行、地址与密码是否正确："+err.Error(), at+" does not answer; see whether it runs, and whether address and password are right: "+err.Error())
}

func (d *doctor) kafka(ctx context.Context, cfg *config.Config, embedded bool) error {
	at, err := parts.KafkaConfig(cfg)
	if err != nil {
		return err
	}
	c, err := stream.New(at, zap.NewNop())
	if err != nil {
		return err
	}
	defer c.Close()
	first, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	quiet, err := c.Reach(first)
	if err != nil {
		d.silent("kafka", strings.Join(cfg.Kafka.Brokers, ","), err)
		return nil
	}
	if len(quiet) > 0 {
		of := strings.Join(quiet, ", ")
		d.add(levelError, "kafka", of+" 没有应答，其余 broker 应答", of+" does not answer, the other brokers do")
	}
	topics := parts.Topics(cfg)
	missing, err := c.Missing(ctx, topics)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		of := strings.Join(missing, ", ")
		d.add(levelError, "kafka", "缺少主题 "+of+"；任何角色启动时会建立它们", "topics are missing: "+of+"; any role makes them when it starts")
	}
	if embedded {
		d.add(levelOK, "kafka", "内嵌，每次写入都落盘；磁盘损坏时没有副本", "embedded, every write is synced; a broken disk has no replica")
		return nil
	}
	weak, err := c.Weaknesses(ctx, topics)
	if err != nil {
		d.add(levelWarn, "kafka", "无法读取设置，请给用户加上集群和主题的 DescribeConfigs 权限："+err.Error(), "its settings cannot be read, give the user DescribeConfigs on the cluster and the topics: "+err.Error())
		return nil
	}
	d.tell("kafka", weak, telemetry.Words{Zh: "副本、确认、选举和保留时间都合要求", En: "replicas, acknowledgement, election and retention are as demanded"})
	return nil
}

func (d *doctor) redis(ctx context.Context, cfg *config.Config) error {
	at, err := parts.RedisConfig(cfg)
	if err != nil {
		return err
	}
	probe, err := store.Probe(at)
	if err != nil {
		return err
	}
	first, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	if err := errors.Join(store.Reach(first, probe), probe.Close()); err != nil {
		d.silent("redis", cfg.Redis.Addr, err)
		return nil
	}
	rdb, err := store.Connect(at)
	if err != nil {
		return err
	}
	defer func() { _ = rdb.Close() }() // only read from
	weak, err := store.Check(ctx, rdb, parts.Expect(cfg))
	if err != nil {
		return err
	}
	d.tell("redis", weak, telemetry.Words{Zh: "每次写入都落盘或有副本确认，不淘汰数据", En: "every write is synced or confirmed by a replica, nothing is evicted"})
	return d.clock(ctx, rdb)
}

// clock compares this machine's with that of Redis, which stream time never passes.
func (d *doctor) clock(ctx context.Context, rdb redis.UniversalClient) error {
	before := d.now()
	now, err := store.Now(ctx, rdb)
	if err != nil {
		return err
	}
	took := d.now().Sub(before)
	off := now.Sub(before.Add(took / 2)).Round(time.Millisecond)
	if off.Abs() > maxClock {
		d.add(levelError, "clock", fmt.Sprintf("本机与 Redis 的时钟相差 %s：流时间会停住，定时标签不动。请在所有机器上启用 NTP（chronyd 或 systemd-timesyncd）", off),
			fmt.Sprintf("the clocks of this machine and of Redis are %s apart: stream time stands still, tags do not move by time. Run NTP (chronyd or systemd-timesyncd) on all machines", off))
		return nil
	}
	d.add(levelOK, "clock", fmt.Sprintf("与 Redis 相差 %s", off), fmt.Sprintf("%s from that of Redis", off))
	return nil
}

func (d *doctor) clickhouse(ctx context.Context, cfg *config.Config) error {
	at, err := parts.ClickHouseConfig(cfg)
	if err != nil {
		return err
	}
	probe, err := warehouse.Probe(at, zap.NewNop())
	if err != nil {
		return err
	}
	first, cancel := context.WithTimeout(ctx, reachWithin)
	defer cancel()
	if err := errors.Join(probe.Ping(first), probe.Close()); err != nil {
		d.silent("clickhouse", cfg.ClickHouse.Addr, err)
		return nil
	}
	w, err := warehouse.New(at, zap.NewNop())
	if err != nil {
		return err
	}
	defer func() { _ = w.Close() }() // only read from
	weak, err := w.Check(ctx)
	if err != nil {
		return err
	}
	d.tell("clickhouse", weak, telemetry.Words{Zh: "版本、设置、去重窗口都合要求", En: "version, settings and deduplication windows are as demanded"})
	return nil
}
