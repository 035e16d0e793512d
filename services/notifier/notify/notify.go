package notify

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/notifier/notify/email"
	"github.com/tagwire/tagwire/services/notifier/notify/message"
	"github.com/tagwire/tagwire/services/notifier/notify/outbound"
	"github.com/tagwire/tagwire/services/notifier/notify/robot"
	"github.com/tagwire/tagwire/services/notifier/notify/webhook"
)

// Group is the consumer group.
const Group = "notifier"

// Definitions is the copy of definitions that routing reads: defs.Store.
type Definitions interface {
	Get(kind, id string) (defs.Def, bool)
	List(kind string) []defs.Def
	Changed() <-chan struct{}
}

// Options are what a notifier needs. From Tick on they may be left out.
type Options struct {
	Stream  *stream.Client
	Redis   redis.UniversalClient
	Defs    Definitions
	Keys    message.Opener
	Log     *zap.Logger
	Metrics prometheus.Registerer
	Config  config.Config // PublicURL, Shards, SMTP, WeCom, Notify

	Clock    func() time.Time
	Keep     inbox.Keep
	Tick     time.Duration // how often time is looked at; 1 s
	Backoff  time.Duration // before the second try of a channel; 1 s, doubling to 1 min
	Language message.Language
	Mailer   *email.Mailer // nil: from Config.SMTP
}

func (o *Options) check() error {
	switch {
	case o.Stream == nil:
		return errors.New("notify: Options.Stream is nil")
	case o.Redis == nil:
		return errors.New("notify: Options.Redis is nil")
	case o.Defs == nil:
		return errors.New("notify: Options.Defs is nil")
	case o.Keys == nil:
		return errors.New("notify: Options.Keys is nil")
	case o.Log == nil:
		return errors.New("notify: Options.Log is nil")
	case o.Metrics == nil:
		return errors.New("notify: Options.Metrics is nil")
	case o.Config.Shards <= 0:
		return fmt.Errorf("notify: Options.Config.Shards is %d", o.Config.Shards)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Tick <= 0 {
		o.Tick = time.Second
	}
	if o.Backoff <= 0 {
		o.Backoff = time.Second
	}
	if o.Config.Notify.Timeout <= 0 {
		o.Config.Notify.Timeout = 10 * time.Second
	}
	if o.Config.Notify.RetryFor <= 0 {
		o.Config.Notify.RetryFor = 24 * time.Hour
	}
	o.Keep = o.Keep.Defaults()
	return nil
}

// sender sends on one kind of channel.
type sender interface {
	Send(ctx context.Context, to message.Address, m *message.Message) error
}

// Notifier is the role. Run it once.
type Notifier struct {
	opts    Options
	log     *zap.Logger
	metrics *metrics
	router  *router
	builder message.Builder
	senders map[string]sender
	pace    inbox.Pace

	mu       sync.Mutex
	owners   map[int]*owner // that live now
	couriers *pool
}

// New makes a notifier.
func New(opts Options) (*Notifier, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	cfg := opts.Config
	client, err := outbound.NewClient(cfg.Notify.Timeout, cfg.Notify.PrivateTargets)
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(opts.Metrics)
	if err != nil {
		return nil, err
	}
	mailer := opts.Mailer
	if mailer == nil {
		mailer = &email.Mailer{SMTP: cfg.SMTP, Timeout: cfg.Notify.Timeout, Now: opts.Clock}
	}
	n := &Notifier{
		opts: opts, log: opts.Log, metrics: m, router: newRouter(opts.Defs, opts.Log),
		builder: message.Builder{Keys: opts.Keys, PublicURL: cfg.PublicURL, Language: opts.Language},
		senders: map[string]sender{
			defs.RouteRobot:   &robot.Robot{Client: client, Base: cfg.WeCom.RobotBase},
			defs.RouteEmail:   mailer,
			defs.RouteWebhook: &webhook.Webhook{Client: client, Now: opts.Clock},
		},
		pace:   inbox.Pace{Redis: opts.Redis, Most: robot.PerMinute, Window: time.Minute},
		owners: map[int]*owner{},
	}
	return n, telemetry.Places{
		Group: Group, Topics: map[string]int{schemas.TopicAlerts: cfg.Shards}, Owned: n.places, Ends: opts.Stream.Ends,
	}.Register(opts.Metrics)
}

// Run serves the partitions that the group gives it until ctx ends. An offset
// that the log no longer has ends it: nothing resets by itself.
func (n *Notifier) Run(ctx context.Context) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	err := n.opts.Stream.RunGroup(ctx, Group, []string{schemas.TopicAlerts}, func(ctx context.Context, g *stream.Generation) {
		n.generation(ctx, g.Partitions[schemas.TopicAlerts], g, fail)
	})
	if f, ok := errors.AsType[*fatalError](context.Cause(ctx)); ok {
		return fmt.Errorf("notifier: %w", f.err)
	}
	return err
}

// fatalError ends the role.
type fatalError struct{ err error }

func (f *fatalError) Error() string { return f.err.Error() }

// offsets tells the group how far a partition has been read: stream.Generation.
type offsets interface {
	Commit(ctx context.Context, topic string, offsets map[int]stream.OffsetMeta) error
}

// generation serves what one membership owns and returns when it has ended and
// all its goroutines have.
func (n *Notifier) generation(ctx context.Context, partitions []int, g offsets, fail context.CancelCauseFunc) {
	couriers := newPool(ctx, n)
	n.setPool(couriers)
	var done sync.WaitGroup
	for _, p := range partitions {
		done.Go(func() {
			o := newOwner(n, g, p, couriers)
			n.setOwner(p, o)
			defer n.setOwner(p, nil)
			if err := o.run(ctx); err != nil && ctx.Err() == nil {
				n.log.Error("inbox partition cannot be served", zap.Int("partition", p), zap.Error(err))
				fail(&fatalError{err})
			}
		})
	}
	done.Wait()
	<-ctx.Done()
	couriers.wait()
	n.setPool(nil)
}

func (n *Notifier) setOwner(p int, o *owner) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if o == nil {
		delete(n.owners, p)
		return
	}
	n.owners[p] = o
}

func (n *Notifier) setPool(c *pool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.couriers = c
}

func (n *Notifier) now() event.Time { return event.At(n.opts.Clock()) }
