package embedded

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"
)

// Options say which parts run, where, and on what.
type Options struct {
	// Dir is the data folder. Whoever calls Start holds Lock(Dir).
	Dir string
	Log *zap.Logger
	// Kafka, Redis and ClickHouse are the parts to run.
	Kafka, Redis, ClickHouse bool
	// Addresses, on loopback. Empty: the documented default, or a free port when that is taken. Given: never replaced.
	KafkaAddr, RedisAddr, ClickHouseNativeAddr, ClickHouseHTTPAddr string
	// EnginesDir is where the engines are; empty: EnginesDir().
	EnginesDir string
}

// Parts are running parts and how to reach them. What was not asked for is empty.
type Parts struct {
	KafkaBrokers                       []string
	RedisAddr, RedisPassword           string
	ClickHouseNative, ClickHouseHTTP   string
	ClickHouseUser, ClickHousePassword string
	BIUser, BIPassword                 string
	Notices                            []Notice // what a person should know, such as a default port that was taken

	broker     *broker
	valkey     *valkey
	clickhouse *clickHouse
	failed     chan error
	closing    chan struct{}
	watchers   sync.WaitGroup
	close      func() error
}

// Start runs the parts that are asked for and returns when all of them answer. When one cannot be started, none is left.
func Start(ctx context.Context, o Options) (*Parts, error) {
	if o.EnginesDir == "" {
		o.EnginesDir = EnginesDir()
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	o.Dir = dir
	if err := usable(o.Dir); err != nil {
		return nil, folderProblem(o.Dir, err)
	}
	s, err := loadSecrets(o.Dir)
	if err != nil {
		return nil, folderProblem(o.Dir, err)
	}
	p := &Parts{failed: make(chan error, 3), closing: make(chan struct{})}
	p.close = sync.OnceValue(p.shut)
	if err := p.start(ctx, o, s); err != nil {
		return nil, errors.Join(err, p.close())
	}
	p.describe(o, s)
	p.watch()
	return p, nil
}

// start runs the parts side by side; each takes a moment, and `up` is to be ready within seconds.
func (p *Parts) start(ctx context.Context, o Options, s secrets) error {
	var g errgroup.Group // without its context: a part that has started must not be stopped by another's error, but by close
	begin := func(name string, wanted bool, start func() error) {
		if !wanted {
			return
		}
		g.Go(func() error {
			began := time.Now()
			err := start()
			o.Log.Debug("start of a part", zap.String("part", name), zap.Duration("took", time.Since(began)), zap.Error(err))
			return err
		})
	}
	var brokerNotice *Notice
	begin("Kafka", o.Kafka, func() (err error) {
		p.broker, brokerNotice, err = startBroker(ctx, o)
		return err
	})
	begin("Redis", o.Redis, func() (err error) {
		p.valkey, err = startValkey(ctx, o, s.Redis)
		return err
	})
	begin("ClickHouse", o.ClickHouse, func() (err error) {
		p.clickhouse, err = startClickHouse(ctx, o, s)
		return err
	})
	if err := g.Wait(); err != nil {
		return err
	}
	p.note(o.Log, brokerNotice)
	return nil
}

func (p *Parts) describe(o Options, s secrets) {
	if p.broker != nil {
		p.KafkaBrokers = []string{p.broker.addr}
	}
	if p.valkey != nil {
		p.RedisAddr, p.RedisPassword = p.valkey.addr, s.Redis
		p.note(o.Log, p.valkey.notice)
	}
	if p.clickhouse != nil {
		p.ClickHouseNative, p.ClickHouseHTTP = p.clickhouse.native, p.clickhouse.http
		p.ClickHouseUser, p.ClickHousePassword = ClickHouseUser, s.ClickHouse
		p.BIUser, p.BIPassword = BIUser, s.BI
		p.note(o.Log, p.clickhouse.notices...)
	}
}

func (p *Parts) note(log *zap.Logger, notices ...*Notice) {
	for _, n := range notices {
		if n != nil {
			p.Notices = append(p.Notices, *n)
			log.Warn(n.En, zap.String("zh", n.Zh))
		}
	}
}

// watch gathers what the parts give up on.
func (p *Parts) watch() {
	var sources []<-chan error
	if p.broker != nil {
		sources = append(sources, p.broker.failed)
	}
	if p.valkey != nil {
		sources = append(sources, p.valkey.child.failed)
	}
	if p.clickhouse != nil {
		sources = append(sources, p.clickhouse.child.failed)
	}
	for _, source := range sources {
		p.watchers.Go(func() {
			select {
			case err := <-source:
				p.failed <- err
			case <-p.closing:
			}
		})
	}
}

// Failed receives the error of a part that ended and could not be brought back. Parts that come back by themselves are
// only logged.
func (p *Parts) Failed() <-chan error { return p.failed }

// Run waits until ctx ends or a part has failed for good, and closes the parts.
func (p *Parts) Run(ctx context.Context) error {
	var failure error
	select {
	case <-ctx.Done():
	case failure = <-p.failed:
	}
	return errors.Join(failure, p.close())
}

// Close ends the parts and returns when no process of theirs is left; a second call waits for the first. The time each
// part gets to end in order is bounded here, so ctx carries no deadline of its own.
func (p *Parts) Close(context.Context) error { return p.close() }

func (p *Parts) shut() error {
	close(p.closing)
	p.watchers.Wait()
	var g errgroup.Group
	if p.broker != nil {
		g.Go(func() error { p.broker.close(); return nil })
	}
	if p.valkey != nil {
		g.Go(p.valkey.close)
	}
	if p.clickhouse != nil {
		g.Go(p.clickhouse.close)
	}
	return g.Wait()
}
