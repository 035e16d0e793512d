//go:build soak

package ledger

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/tagger/tagging"
)

// hotRules keep a window and a set of a profile; with a score they are heavier.
const (
	hotRules = `measures:
  views: {count: page.view, within: 7d}
  brands: {distinct: page.view, of: event.properties.brand}
tags:
  often: {group: g, when: views >= 3}
  curious: {group: g, when: len(brands) >= 3}
`
	hotScore = `measures:
  views: {count: page.view, within: 7d}
  brands: {distinct: page.view, of: event.properties.brand}
  interest: {score: {page.view: 1}, half_life: 3d}
tags:
  often: {group: g, when: views >= 3}
  curious: {group: g, when: len(brands) >= 3}
  keen: {group: g, when: interest >= 10, lasts: 7d}
`
)

// crowd is one shard that is fed without collector and resolver, so that the
// tagger alone is judged.
type crowd struct {
	f      *fleet
	log    *stream.Client
	shard  *shard.Shard
	number int
	rounds int

	mu      sync.Mutex
	waiting map[int64]time.Time // offset → when it was sent
	waited  []time.Duration
	at      int64 // how far the shard is
	end     int64 // how far it was fed
	moved   time.Time
	step    time.Duration // the longest from one commit of records to the next
}

// TestHotProfile: one profile has 5,000 events a second; meanwhile another of the
// same shard has one every 100 ms. How long each of those waits, from before it
// is published until it is committed, is printed: a second at most is wanted.
func TestHotProfile(t *testing.T) {
	rate := number(t, "TAGWIRE_HOT_RATE", 5000)
	length := time.Duration(number(t, "TAGWIRE_HOT_SECONDS", 60)) * time.Second
	f := newFleet(t, shape{brokers: 1, roles: []members{{"resolver", 1}, {"tagger", 1}, {"console", 1}}})
	c := newCrowd(f)
	ctx, stop := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { c.watch(ctx) })
	f.activate(hotRules)
	c.round("without a hot profile", min(length, 10*time.Second), 0)
	c.round("counts and sets", length, rate)
	f.activate(hotScore)
	c.round("a score besides", length, rate)
	stop()
	watching.Wait()
}

func newCrowd(f *fleet) *crowd {
	f.t.Helper()
	c := &crowd{f: f, number: 3, waiting: map[int64]time.Time{}}
	rdb := f.redis.Client()
	f.t.Cleanup(func() { require.NoError(f.t, rdb.Close()) })
	c.shard = shard.New(rdb, tagging.Generation, c.number)
	var err error
	c.log, err = stream.New(f.kafka.Stream(), zap.NewNop())
	require.NoError(f.t, err)
	f.t.Cleanup(c.log.Close)
	return c
}

// feeder writes the events of some profiles as a resolver does.
type feeder struct {
	c        *crowd
	source   string
	profiles []string
	sent     int64
}

func (c *crowd) feeder(partition, profiles int) *feeder {
	d := &feeder{c: c, source: fmt.Sprintf("raw.1/%d", partition)}
	for n := int64(0); len(d.profiles) < profiles; n++ {
		id := event.ProfileID(event.At(time.Now()), partition, n, 0)
		if event.Shard(id, fleetShards) == c.number {
			d.profiles = append(d.profiles, id)
		}
	}
	return d
}

// feed publishes n events, each for the next profile, and returns the offset of
// the first.
func (d *feeder) feed(ctx context.Context, n int) int64 {
	list := make([]stream.Message, n)
	now := event.At(time.Now())
	for i := range list {
		d.sent++
		profile := d.profiles[int(d.sent)%len(d.profiles)]
		own := []event.Identity{{Namespace: "user_id", Value: profile}}
		r := event.Record{
			Kind: event.KindEvent, Source: d.source, Number: d.sent << 4, Place: now, Profile: profile, Own: own,
			Event: &event.Event{
				EventID: fmt.Sprintf("%s-%d", d.source, d.sent), Type: "page.view", Time: now, ReceivedAt: now, Source: "hot", Identities: own,
				Properties: event.Fields{"brand": fmt.Sprint("b", d.sent%6), "url": "https://shop.example.com/a/page/that/is/looked/at"},
			},
		}
		b, err := r.Encode()
		if err != nil {
			d.c.f.t.Error(err)
		}
		list[i] = stream.Message{Key: []byte(profile), Value: b}
	}
	at, err := d.c.log.Publish(ctx, schemas.TopicEvents, d.c.number, list)
	if err != nil && ctx.Err() == nil {
		d.c.f.t.Error(err)
	}
	return at
}

// round feeds for so long and prints how long the others waited.
func (c *crowd) round(what string, length time.Duration, rate int) {
	c.f.t.Helper()
	ctx, cancel := context.WithTimeout(c.f.t.Context(), length)
	defer cancel()
	began := time.Now()
	var feeding sync.WaitGroup
	c.rounds++
	hot, others := c.feeder(2*c.rounds, 1), c.feeder(2*c.rounds+1, 100) // each numbers its own records
	if rate > 0 {
		feeding.Go(func() {
			for rest(ctx, 10*time.Millisecond) {
				if n := int(time.Since(began).Seconds()*float64(rate)) - int(hot.sent); n > 0 {
					hot.feed(c.f.t.Context(), n)
				}
			}
		})
	}
	for next := began; ctx.Err() == nil; next = next.Add(100 * time.Millisecond) {
		rest(ctx, time.Until(next))
		sent := time.Now()
		at := others.feed(c.f.t.Context(), 1)
		c.mu.Lock()
		c.waiting[at], c.end = sent, at+1
		c.mu.Unlock()
	}
	feeding.Wait()
	fed := time.Since(began)
	c.mu.Lock()
	behind := c.end - c.at
	c.mu.Unlock()
	require.Eventually(c.f.t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.waiting) == 0
	}, calm, 10*time.Millisecond)
	c.mu.Lock()
	w, step := c.waited, c.step
	c.waited, c.step = nil, 0
	c.mu.Unlock()
	slices.Sort(w)
	of := func(q float64) int64 { return w[min(len(w)-1, int(q*float64(len(w))))].Milliseconds() }
	c.f.t.Logf("%s: the hot profile had %.0f events/s for %.0f s; %d others waited p50 %d ms, p90 %d ms, p99 %d ms, at most %d ms; the shard was %d records behind at the end and applied them in %.1f s; longest step %d ms",
		what, float64(hot.sent)/fed.Seconds(), fed.Seconds(), len(w), of(0.5), of(0.9), of(0.99), of(1), behind, (time.Since(began) - fed).Seconds(), step.Milliseconds())
}

// watch notes when what was sent is committed.
func (c *crowd) watch(ctx context.Context) {
	for rest(ctx, 2*time.Millisecond) {
		pos, err := c.shard.Read(ctx)
		if err != nil {
			if ctx.Err() == nil {
				c.f.t.Error(err)
			}
			return
		}
		now := time.Now()
		c.mu.Lock()
		if pos.Offset != c.at {
			if len(c.waiting) > 0 {
				c.step = max(c.step, now.Sub(c.moved))
			}
			c.at, c.moved = pos.Offset, now
		}
		for at, sent := range c.waiting {
			if at < pos.Offset {
				c.waited = append(c.waited, now.Sub(sent))
				delete(c.waiting, at)
			}
		}
		c.mu.Unlock()
	}
}
