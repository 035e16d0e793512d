package live

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

// Event is one event with what became of it.
type Event struct {
	EventID    string     `json:"event_id"`
	Type       string     `json:"type"`
	Time       event.Time `json:"time"`
	ReceivedAt event.Time `json:"received_at"`
	Source     string     `json:"source"`
	Profile    string     `json:"profile_id,omitempty"`
	Verdict    string     `json:"verdict"` // accepted, rejected
	Reason     string     `json:"reason,omitempty"`
	Detail     string     `json:"detail,omitempty"`
	Applied    []string   `json:"tags_applied,omitempty"`
	Removed    []string   `json:"tags_removed,omitempty"`
	Alerts     []string   `json:"alerts,omitempty"`
	DidYouMean string     `json:"did_you_mean,omitempty"`
	StageTo    string     `json:"stage,omitempty"` // entered
}

// The verdicts.
const (
	Accepted = "accepted"
	Rejected = "rejected"
)

// subscriberRoom is how many events wait for a slow listener.
const subscriberRoom = 512

// FeedOptions are what a feed is made of; Suggest may be left out.
type FeedOptions struct {
	Stream        *stream.Client
	Shards        int
	RawPartitions int
	Log           *zap.Logger
	Registerer    prometheus.Registerer
	Suggest       func(eventType string) string // a known type that a strange one resembles
}

// Feed follows the ends of the topics while somebody listens. Safe for
// concurrent use.
type Feed struct {
	opt     FeedOptions
	dropped prometheus.Counter
	clients prometheus.Gauge

	mu      sync.Mutex // guards subs, wanted
	subs    map[*Subscription]struct{}
	wanted  chan struct{} // closed and made anew when the number of listeners changes
	reading chan struct{} // closed while the ends are being followed
}

// Subscription is one listener.
type Subscription struct {
	C       <-chan Event
	c       chan Event
	source  string
	dropped atomic.Int64
	feed    *Feed
}

// Dropped is how many events the listener was too slow for.
func (s *Subscription) Dropped() int64 { return s.dropped.Load() }

// Close ends the subscription.
func (s *Subscription) Close() {
	f := s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.subs, s)
	f.clients.Set(float64(len(f.subs)))
	f.changed()
}

// NewFeed registers its metrics.
func NewFeed(o FeedOptions) (*Feed, error) {
	f := &Feed{
		opt: o, subs: map[*Subscription]struct{}{}, wanted: make(chan struct{}), reading: make(chan struct{}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{Name: "tagwire_console_live_events_dropped_total", Help: "Live events that a listener was too slow for."}),
		clients: prometheus.NewGauge(prometheus.GaugeOpts{Name: "tagwire_console_live_event_listeners", Help: "Listeners to live events."}),
	}
	for _, c := range []prometheus.Collector{f.dropped, f.clients} {
		if err := o.Registerer.Register(c); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Subscribe listens from now on, to one source or with an empty one to all.
func (f *Feed) Subscribe(source string) *Subscription {
	s := &Subscription{c: make(chan Event, subscriberRoom), source: source, feed: f}
	s.C = s.c
	f.mu.Lock()
	defer f.mu.Unlock()
	f.subs[s] = struct{}{}
	f.clients.Set(float64(len(f.subs)))
	f.changed()
	return s
}

// Following is closed while the ends are being followed: what is accepted after
// that is shown.
func (f *Feed) Following() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reading
}

// changed tells Run that the number of listeners is another; the caller holds mu.
func (f *Feed) changed() {
	close(f.wanted)
	f.wanted = make(chan struct{})
}

func (f *Feed) listeners() (n int, change <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.subs), f.wanted
}

// Run follows the topics whenever somebody listens, until ctx ends.
func (f *Feed) Run(ctx context.Context) error {
	for {
		n, change := f.listeners()
		if n > 0 {
			err := f.session(ctx)
			if ctx.Err() != nil {
				return nil
			}
			if err == nil {
				continue
			}
			f.opt.Log.Warn("live events are read anew from now", zap.Error(err))
			change = nil
		}
		var again <-chan time.Time
		if n > 0 {
			again = time.After(time.Second)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-change:
		case <-again:
		}
	}
}

// errAlone ends a session to which nobody listens any more.
var errAlone = errors.New("nobody listens")

// session follows the ends until nobody listens or a topic fails.
func (f *Feed) session(ctx context.Context) error {
	topics := map[string]int{
		schemas.TopicEvents: f.opt.Shards, schemas.TopicChanges: f.opt.Shards,
		schemas.TopicAlerts: f.opt.Shards, schemas.TopicRejected: f.opt.RawPartitions,
	}
	var from []stream.Position
	for topic, n := range topics {
		ranges, err := f.opt.Stream.Ranges(ctx, topic, n)
		if err != nil {
			return err
		}
		for p, r := range ranges {
			from = append(from, stream.Position{Topic: topic, Partition: p, Offset: r.End})
		}
	}
	f.mu.Lock()
	close(f.reading)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.reading = make(chan struct{})
	}()
	j := newJoin(f.opt.Suggest, f.send)
	g, gctx := errgroup.WithContext(ctx)
	for _, at := range from {
		g.Go(func() error {
			return f.opt.Stream.Follow(gctx, at, func(b stream.Batch) error {
				for _, r := range b.Records {
					j.take(at.Topic, r)
				}
				return nil
			})
		})
	}
	g.Go(func() error { return j.run(gctx) })
	g.Go(func() error {
		for {
			n, change := f.listeners()
			if n == 0 {
				return errAlone
			}
			select {
			case <-gctx.Done():
				return gctx.Err()
			case <-change:
			}
		}
	})
	if err := g.Wait(); !errors.Is(err, errAlone) {
		return err
	}
	return nil
}

// send hands an event to all who listen; it never waits.
func (f *Feed) send(e Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.subs {
		if s.source != "" && s.source != e.Source {
			continue
		}
		select {
		case s.c <- e:
		default:
			s.dropped.Add(1)
			f.dropped.Inc()
		}
	}
}
