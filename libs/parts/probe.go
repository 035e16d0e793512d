package parts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/libs/warehouse"
)

// The parts, as health checks name them.
const (
	partKafka      = "kafka"
	partRedis      = "redis"
	partClickHouse = "clickhouse"
)

// probeWithin is how long a part may take to give a word. It is below the time
// that a health check has, so that the check can say which part gave none.
const probeWithin = 1500 * time.Millisecond

// probes ask the parts on connections of their own and without patience: the
// working clients wait much longer for an answer that may still come.
type probes struct {
	redis     redis.UniversalClient
	warehouse *warehouse.Warehouse
}

func (p probes) close() error { return errors.Join(p.redis.Close(), p.warehouse.Close()) }

// needs are the parts without which a role cannot do its work; who only does less
// without one, as the console without Kafka, stays ready.
func needs(role string) []string {
	switch role {
	case "collector":
		return []string{partKafka}
	case "resolver", "tagger", "notifier":
		return []string{partKafka, partRedis}
	case "archiver":
		return []string{partKafka, partClickHouse}
	case "console":
		return []string{partRedis}
	}
	return nil
}

// probe registers checks of the parts that roles need, by the names of their checks.
func (p *Parts) probe(checks []telemetry.Check) error {
	var wanted []string
	for _, c := range checks {
		role, _, _ := strings.Cut(c.Name, ".")
		wanted = append(wanted, needs(role)...)
	}
	slices.Sort(wanted)
	for _, part := range slices.Compact(wanted) {
		if _, err := p.Health.Register(telemetry.Check{Name: part, Run: p.asks(part)}); err != nil {
			return err
		}
	}
	return nil
}

func (p *Parts) asks(part string) func(context.Context) (bool, float64, string) {
	ask := map[string]func(context.Context) (telemetry.Words, error){
		partKafka: p.askKafka, partRedis: p.askRedis, partClickHouse: p.askClickHouse,
	}[part]
	return func(ctx context.Context) (bool, float64, string) {
		ctx, cancel := context.WithTimeout(ctx, probeWithin)
		defer cancel()
		words, err := ask(ctx)
		if err != nil {
			return false, 0, fmt.Sprintf("%s (%v)", words, err)
		}
		if words == (telemetry.Words{}) {
			return true, 0, ""
		}
		return true, 0, words.String()
	}
}

func (p *Parts) askKafka(ctx context.Context) (telemetry.Words, error) {
	at := strings.Join(p.Config.Kafka.Brokers, ",")
	silent, err := p.Stream.Reach(ctx)
	if err == nil && len(silent) > 0 {
		of := strings.Join(silent, ", ")
		return telemetry.Words{
			Zh: "Kafka 的 " + of + " 没有应答，其余的应答；请查看它",
			En: of + " of Kafka does not answer, the others do; look at it",
		}, nil
	}
	return outage{
		"Kafka", at,
		"采集器暂存或答复 503，其他角色停在原处", "collectors spool or answer 503, the other roles stand where they are",
	}.words(err), err
}

func (p *Parts) askRedis(ctx context.Context) (telemetry.Words, error) {
	err := store.Reach(ctx, p.probes.redis)
	return outage{
		"Redis", p.Config.Redis.Addr,
		"标签与告警暂停，事件留在 Kafka 里不会丢", "tags and alerts stand still, events wait in Kafka and none is lost",
	}.words(err), err
}

func (p *Parts) askClickHouse(ctx context.Context) (telemetry.Words, error) {
	err := p.probes.warehouse.Ping(ctx)
	return outage{
		"ClickHouse", p.Config.ClickHouse.Addr,
		"历史暂停写入，事件留在 Kafka 里，最多保留 kafka.retention", "history stands still, events wait in Kafka for as long as kafka.retention",
	}.words(err), err
}

// outage is what readiness says of a part that gives no answer.
type outage struct{ part, at, meansZh, meansEn string }

func (o outage) words(err error) telemetry.Words {
	if err == nil {
		return telemetry.Words{}
	}
	return telemetry.Words{
		Zh: fmt.Sprintf("%s（%s）在 %s 内没有应答：%s。请查看它是否在运行、网络是否通、磁盘是否写满；恢复后自动接上", o.part, o.at, probeWithin, o.meansZh),
		En: fmt.Sprintf("%s (%s) does not answer within %s: %s. See whether it runs, can be reached and has room on its disk; all goes on by itself when it is back", o.part, o.at, probeWithin, o.meansEn),
	}
}
