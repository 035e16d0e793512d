package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/zap"
)

// brokerConfigs: what the package comment says is switched off or replaced here.
func brokerConfigs() map[string]string {
	return map[string]string{
		"log.cleaner.backoff.ms":    "31536000000", // kfake's own retention and compaction: once a year, that is, never
		"log.retention.ms":          "-1",
		"log.segment.bytes":         "8388608",
		"offsets.retention.minutes": "525600",
	}
}

// broker is Kafka in this process, with a janitor that does retention and starts it anew when its offsets could not be
// written.
type broker struct {
	dir     string
	addr    string
	log     *zap.Logger
	cluster atomic.Pointer[kfake.Cluster]
	commits *groupCommit
	torn    chan struct{} // the offset log has a torn end
	cancel  context.CancelFunc
	done    chan struct{}
	failed  chan error
}

func startBroker(ctx context.Context, o Options) (*broker, *Notice, error) {
	dir := filepath.Join(o.Dir, "kafka")
	l, notice, err := place{part: "Kafka", given: o.KafkaAddr, standard: DefaultKafkaAddr}.listen()
	if err != nil {
		return nil, nil, err
	}
	b := &broker{
		dir: dir, addr: l.Addr().String(), log: o.Log,
		torn: make(chan struct{}, 1), done: make(chan struct{}), failed: make(chan error, 1),
	}
	if err := b.open(l); err != nil {
		return nil, nil, errors.Join(err, l.Close())
	}
	ctx, b.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go b.keep(ctx)
	return b, notice, nil
}

// open repairs and compacts what is on disk, then serves it.
func (b *broker) open(l net.Listener) error {
	if err := repair(b.dir); err != nil {
		return folderProblem(b.dir, err)
	}
	if err := compactTopics(b.dir, time.Now(), b.log); err != nil {
		return folderProblem(b.dir, err)
	}
	b.commits = newGroupCommit(newLogFiles(b.dir).sync, func(err error) {
		select {
		case b.failed <- problem(ErrPartDied, err,
			"内置 Kafka 的日志写不进磁盘：请检查磁盘后重新启动。没有确认过的数据，发送方会重发",
			"The log of the embedded Kafka cannot be brought to disk: check the disk, then start again. Senders repeat what was not acknowledged"):
		default: // it is known already
		}
	})
	durable := durableListener{Listener: l, commit: b.commits, partition: func(topic string, n int32) string {
		return partitionDir(b.dir, topic, n)
	}}
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.ClusterID("tagwire"),
		kfake.DataDir(b.dir),
		kfake.BrokerConfigs(brokerConfigs()),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return durable, nil }),
		kfake.WithLogger(brokerLog{log: b.log.Named("kafka"), torn: b.torn}),
	)
	if err != nil {
		return fmt.Errorf("start the embedded Kafka: %w", folderProblem(b.dir, err))
	}
	b.cluster.Store(cluster)
	return nil
}

// keep does retention now and then, and reopens the broker when its offset log is torn: whatever it appended behind the
// torn entry would not be found again.
func (b *broker) keep(ctx context.Context) {
	defer close(b.done)
	debug.FreeOSMemory() // the whole log has just gone through memory
	tick := time.NewTicker(retainEvery)
	defer tick.Stop()
	b.trim(ctx) // the less there is, the faster the next start
	for {
		select {
		case <-ctx.Done():
			b.cluster.Load().Close()
			return
		case <-b.torn:
			if err := b.reopen(ctx); err != nil {
				b.failed <- err
				return
			}
		case <-tick.C:
			b.trim(ctx)
		}
	}
}

func (b *broker) trim(ctx context.Context) {
	if err := b.retain(ctx, time.Now()); err != nil && ctx.Err() == nil {
		b.log.Warn("retention of the embedded Kafka", zap.Error(err))
	}
}

func (b *broker) reopen(ctx context.Context) error {
	b.cluster.Load().Close()
	pause := retryFirst
	for try := 1; ; try++ {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", b.addr)
		if err == nil {
			if err = b.open(l); err == nil {
				b.log.Info("part is back", zap.String("part", "Kafka"))
				return nil
			}
			err = errors.Join(err, l.Close())
		}
		if try == retryGiveUp || !sleep(ctx, pause) {
			return problem(ErrPartDied, err,
				"内置 Kafka 写不了磁盘，重开也没有成功", "The embedded Kafka could not write to disk, and opening it again did not help")
		}
		b.log.Error("part does not come back yet", zap.String("part", "Kafka"), zap.Int("try", try), zap.Error(err))
		pause = min(2*pause, retryMost)
	}
}

func (b *broker) close() {
	b.cancel()
	<-b.done
}

// brokerLog passes kfake's warnings on and notices the one that must not be lived with.
type brokerLog struct {
	log  *zap.Logger
	torn chan struct{}
}

// Logf implements kfake.Logger.
func (l brokerLog) Logf(level kfake.LogLevel, format string, args ...any) {
	if level > kfake.LogLevelWarn || level == kfake.LogLevelNone {
		return
	}
	l.log.Warn(fmt.Sprintf(format, args...))
	if strings.HasPrefix(format, "persist group entry write") {
		select {
		case l.torn <- struct{}{}:
		default: // it is known already
		}
	}
}
