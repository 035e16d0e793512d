package notify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/services/notifier/notify/message"
)

const (
	courierRoom = 16 // deliveries that a courier holds; all others wait in Redis
	maxPause    = time.Minute
)

// job is one delivery for a courier.
type job struct {
	alertID string
	target  string
	kind    string
	reports chan<- report   // of the owner's tenure that gave it
	gone    <-chan struct{} // closed when that has ended
}

// report is what a courier tells an owner. A start waits for the alert as it is
// now, nil when the delivery is not wanted any more.
type report struct {
	alertID, target string
	start           bool
	goOn            chan *inbox.Entry // of a start
	noted           chan struct{}     // of an end: closed when it is in the ledger
	err             error             // of an end
	at              event.Time
}

// pool is the couriers of one generation.
type pool struct {
	n     *Notifier
	start func(*courier)
	done  sync.WaitGroup

	mu       sync.Mutex
	couriers map[string]*courier
}

// newPool makes a pool whose couriers end with ctx.
func newPool(ctx context.Context, n *Notifier) *pool {
	p := &pool{n: n, couriers: map[string]*courier{}}
	p.start = func(c *courier) {
		for range c.width() {
			p.done.Go(func() { c.run(ctx) })
		}
	}
	return p
}

// give hands a job to the courier of its target; false when that has no room.
func (p *pool) give(j job) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.couriers[j.target]
	if c == nil {
		c = &courier{n: p.n, target: j.target, kind: j.kind, jobs: make(chan job, courierRoom)}
		p.couriers[c.target] = c
		p.start(c)
	}
	select {
	case c.jobs <- j:
		return true
	default:
		return false
	}
}

func (p *pool) wait() { p.done.Wait() }

// failing names the targets whose last try failed, with the channel.
func (p *pool) failing() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, target := range slices.Sorted(maps.Keys(p.couriers)) {
		if name := p.couriers[target].failing(); name != "" {
			out = append(out, name)
		}
	}
	return out
}

// courier sends to one target. What is wrong there keeps nobody else waiting.
type courier struct {
	n      *Notifier
	target string
	kind   string
	jobs   chan job

	mu      sync.Mutex
	fails   int
	resting time.Time // nothing is sent before
	channel string    // that failed last
}

// width is how many messages are under way at once.
func (c *courier) width() int {
	if c.kind == defs.RouteWebhook {
		return 4
	}
	return 1
}

func (c *courier) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-c.jobs:
			c.deliver(ctx, j)
		}
	}
}

// deliver makes one try: noted before, made, noted after. An end by ctx leaves
// the note of the start; whoever owns the partition next tries again.
func (c *courier) deliver(ctx context.Context, j job) {
	if c.rest(ctx) != nil || c.turn(ctx) != nil {
		return
	}
	begin := report{alertID: j.alertID, target: c.target, start: true, goOn: make(chan *inbox.Entry, 1), at: c.n.now()}
	if !tell(ctx, j, begin) {
		return
	}
	var e *inbox.Entry
	select {
	case <-ctx.Done():
	case <-j.gone:
	case e = <-begin.goOn:
	}
	if e == nil {
		return
	}
	d := e.OnTarget(c.target)
	err := c.send(ctx, e, d)
	if err != nil && ctx.Err() != nil {
		return
	}
	c.learn(d.Channel, err)
	end := report{alertID: j.alertID, target: c.target, noted: make(chan struct{}), err: err, at: c.n.now()}
	if !tell(ctx, j, end) {
		return
	}
	select { // so that a death repeats no more than what is under way
	case <-ctx.Done():
	case <-j.gone:
	case <-end.noted:
	}
}

// tell gives a report to the owner, unless its tenure is over.
func tell(ctx context.Context, j job, r report) bool {
	select {
	case <-ctx.Done():
		return false
	case <-j.gone:
		return false
	case j.reports <- r:
		return true
	}
}

func (c *courier) send(ctx context.Context, e *inbox.Entry, d *inbox.Delivery) error {
	routes := c.n.router.routes()
	ch, ok := routes.channels[d.Channel]
	if !ok || ch.kind != c.kind {
		return message.Refused("the channel %s is no longer defined", d.Channel)
	}
	ctx, cancel := context.WithTimeout(ctx, c.n.opts.Config.Notify.Timeout)
	defer cancel()
	m, err := c.n.builder.Build(ctx, deliveryID(e.AlertID, d), &e.Alert, routes.recipients(e))
	if err != nil {
		return err
	}
	if err := c.n.senders[c.kind].Send(ctx, ch.to, m); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("no answer within %s: %w", c.n.opts.Config.Notify.Timeout, err)
		}
		return err
	}
	return nil
}

// deliveryID is the same at every try of a round.
func deliveryID(alertID string, d *inbox.Delivery) string {
	return event.DeriveID("delivery", alertID, d.Channel, fmt.Sprint(d.Round))
}

// rest waits out the pause that failures have earned.
func (c *courier) rest(ctx context.Context) error {
	c.mu.Lock()
	wait := time.Until(c.resting)
	c.mu.Unlock()
	if wait <= 0 {
		return ctx.Err()
	}
	return sleep(ctx, wait)
}

// turn waits for a robot's limit.
func (c *courier) turn(ctx context.Context) error {
	if c.kind != defs.RouteRobot {
		return nil
	}
	for {
		wait, err := c.n.pace.Take(ctx, c.target)
		if err == nil && wait == 0 {
			return nil
		}
		if err != nil {
			c.n.log.Warn("read a robot's turns again", zap.Error(err))
			wait = maxRetry
		}
		if err := sleep(ctx, min(wait, time.Second)); err != nil { // asked again, for others take turns too
			return err
		}
	}
}

// learn sets the pause after a failure. What the channel refuses for good says
// nothing about the next message.
func (c *courier) learn(channel string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.fails, c.channel = 0, ""
		return
	}
	f := message.AsFailure(err)
	if f.Permanent {
		return
	}
	c.fails++
	c.channel = channel
	pause := max(f.RetryAfter, backoff(c.n.opts.Backoff, c.fails))
	c.resting = time.Now().Add(pause)
	c.n.log.Warn("alert not delivered, trying again", zap.String("channel", channel), zap.Duration("after", pause), zap.Error(err))
}

func (c *courier) failing() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.TrimSpace(c.channel)
}

// backoff doubles from first to a minute, spread by half so that couriers do
// not knock together.
func backoff(first time.Duration, tries int) time.Duration {
	d := first
	for range tries - 1 {
		if d = 2 * d; d >= maxPause {
			d = maxPause
			break
		}
	}
	return d/2 + rand.N(d/2+1)
}
