//go:build real && soak

package ledger

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/tagger/tagging"
)

// midnightRules: a crowd's window ends at one moment; live customers have another.
const midnightRules = `measures:
  visits: {count: page.view, within: %ds}
  clicks: {count: link.open, within: 1d}
tags:
  came: {group: g, when: visits >= 1}
  live: {group: g, when: clicks >= 1}
`

const (
	midnightLive  = 1000                  // customers who go on meanwhile
	midnightEvery = 10 * time.Millisecond // five of them have an event
	midnightQuiet = 20 * time.Second      // of live events alone, before
)

// night is a deployment with a crowd in it.
type night struct {
	f      *fleet
	log    *stream.Client
	redis  redis.UniversalClient
	shards []*shard.Shard
	crowd  [fleetShards][]string
	live   [fleetShards][]string
	sent   [fleetShards]int64 // live records
	turn   int

	mu      sync.Mutex
	waiting [fleetShards]map[int64]time.Time // first offset of a group → when it was sent
	waits   []wait
}

// wait is how long a group of live events waited to be committed.
type wait struct {
	sent time.Time
	took time.Duration
}

// TestMidnight: N customers whose tag ends at the same millisecond, while others
// have 500 events a second. How long each of those takes, from before it is
// published until it is committed, is printed for the time before and the time in
// which the crowd's timers fire; in the end the counts are exact.
func TestMidnight(t *testing.T) {
	n := number(t, "TAGWIRE_MIDNIGHT_CUSTOMERS", 100_000)
	x := &night{f: newFleet(t, shape{brokers: 1, roles: []members{{"resolver", 1}, {"tagger", number(t, "TAGWIRE_MIDNIGHT_TAGGERS", 1)}, {"console", 1}}})}
	x.redis = x.f.redis.Client()
	t.Cleanup(func() { require.NoError(t, x.redis.Close()) })
	for s := range fleetShards {
		x.shards = append(x.shards, shard.New(x.redis, tagging.Generation, s))
		x.waiting[s] = map[int64]time.Time{}
	}
	var err error
	x.log, err = stream.New(x.f.kafka.Stream(), zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(x.log.Close)
	lasts := 60 + n/number(t, "TAGWIRE_MIDNIGHT_RATE", 3000) // long enough for all to be there before
	x.f.activate(fmt.Sprintf(midnightRules, lasts))
	x.people(n)

	began := event.At(time.Now())
	midnight := began.Add(time.Duration(lasts) * time.Second)
	x.arrive(began)
	x.settled("came", n, midnight.Std())
	t.Logf("%d customers were there after %.0f s; their tag ends %.0f s later", n, time.Since(began.Std()).Seconds(), time.Until(midnight.Std()).Seconds())

	ctx, stop := context.WithCancel(t.Context())
	var going sync.WaitGroup
	going.Go(func() { x.goOn(ctx) })
	going.Go(func() { x.watch(ctx) })
	rest(ctx, time.Until(midnight.Std().Add(-midnightQuiet)))
	x.settled("live", midnightLive, midnight.Std())
	rest(ctx, time.Until(midnight.Std()))
	over := midnight.Std()
	require.Eventually(t, func() bool {
		counts, _, err := x.f.tags()
		over = time.Now()
		return err == nil && counts["came"] == 0
	}, 20*time.Minute, 100*time.Millisecond)
	stop()
	going.Wait()
	before := x.took(midnight.Std().Add(-midnightQuiet), midnight.Std())
	during := x.took(midnight.Std(), over)
	t.Logf("before: %s", before)
	t.Logf("during: %s, in which %d tags ended, %.0f/s", during, n, float64(n)/over.Sub(midnight.Std()).Seconds())
	t.Logf("during / before: p50 %.1f, p99 %.1f", during.p(0.5)/before.p(0.5), during.p(0.99)/before.p(0.99))
	x.settled("live", midnightLive, time.Now().Add(calm))
	counts, known, err := x.f.tags()
	require.NoError(t, err)
	require.Equal(t, n+midnightLive, known)
	require.Zero(t, counts["came"])
	require.Less(t, during.p(0.99), 1000.0, "milliseconds")
}

// people makes the ids of all, by shard.
func (x *night) people(n int) {
	for i := range n + midnightLive {
		id := event.ProfileID(event.At(time.Now()), i%256, int64(i), 0)
		s := event.Shard(id, fleetShards)
		if i < n {
			x.crowd[s] = append(x.crowd[s], id)
		} else {
			x.live[s] = append(x.live[s], id)
		}
	}
}

func record(t testing.TB, source string, number int64, profile string, e event.Event) stream.Message {
	own := []event.Identity{{Namespace: "user_id", Value: profile}}
	e.EventID, e.Source, e.Identities = fmt.Sprintf("%s-%d", source, number), "midnight", own
	r := event.Record{Kind: event.KindEvent, Source: source, Number: number << 4, Place: e.Time, Profile: profile, Own: own, Event: &e}
	b, err := r.Encode()
	require.NoError(t, err)
	return stream.Message{Key: []byte(profile), Value: b}
}

// arrive gives each of the crowd one event, all of the same millisecond.
func (x *night) arrive(at event.Time) {
	x.f.t.Helper()
	const most = 500
	for from := 0; ; from += most {
		list := map[int][]stream.Message{}
		for s, people := range x.crowd {
			for i := from; i < min(from+most, len(people)); i++ {
				list[s] = append(list[s], record(x.f.t, fmt.Sprint("raw.1/10", s), int64(i+1), people[i], event.Event{Type: "page.view", Time: at, ReceivedAt: at}))
			}
		}
		if len(list) == 0 {
			return
		}
		require.NoError(x.f.t, x.log.PublishAll(x.f.t.Context(), schemas.TopicEvents, list))
	}
}

// settled waits until a tag has so many holders.
func (x *night) settled(tag string, n int, until time.Time) {
	x.f.t.Helper()
	var got string
	require.Eventually(x.f.t, func() bool {
		counts, _, err := x.f.tags()
		if got = fmt.Sprint(counts[tag]); err != nil {
			got = err.Error()
		}
		return got == fmt.Sprint(n)
	}, max(time.Second, time.Until(until)), 200*time.Millisecond, "%s: want %d, have %s: is it set up too slowly? TAGWIRE_MIDNIGHT_RATE is how many a second are expected", tag, n, text(func() string { return got }))
}

// goOn lets five live customers of one shard after the other have an event.
func (x *night) goOn(ctx context.Context) {
	for next := time.Now(); ctx.Err() == nil; next = next.Add(midnightEvery) {
		rest(ctx, time.Until(next))
		x.turn++
		s := x.turn % fleetShards
		var list []stream.Message
		now := event.At(time.Now())
		for range 5 {
			x.sent[s]++
			who := x.live[s][int(x.sent[s])%len(x.live[s])]
			list = append(list, record(x.f.t, fmt.Sprint("raw.1/20", s), x.sent[s], who, event.Event{Type: "link.open", Time: now, ReceivedAt: now}))
		}
		sent := time.Now()
		at, err := x.log.Publish(x.f.t.Context(), schemas.TopicEvents, s, list)
		if err != nil {
			x.f.t.Error(err)
			return
		}
		x.mu.Lock()
		x.waiting[s][at+4] = sent
		x.mu.Unlock()
	}
}

// watch notes when what was sent is committed, until nothing waits any more.
func (x *night) watch(ctx context.Context) {
	for {
		left := 0
		for s, sh := range x.shards {
			x.mu.Lock()
			open := len(x.waiting[s])
			x.mu.Unlock()
			if left += open; open == 0 {
				continue
			}
			pos, err := sh.Read(context.WithoutCancel(ctx))
			if err != nil {
				x.f.t.Error(err)
				return
			}
			now := time.Now()
			x.mu.Lock()
			for at, sent := range x.waiting[s] {
				if at < pos.Offset {
					x.waits = append(x.waits, wait{sent, now.Sub(sent)})
					delete(x.waiting[s], at)
				}
			}
			x.mu.Unlock()
		}
		if ctx.Err() != nil && left == 0 {
			return
		}
		rest(context.WithoutCancel(ctx), time.Millisecond)
	}
}

// waits are milliseconds, rising.
type waits []float64

func (w waits) p(q float64) float64 {
	if len(w) == 0 {
		return 0
	}
	return w[min(len(w)-1, int(q*float64(len(w))))]
}

func (w waits) String() string {
	return fmt.Sprintf("%d groups of live events took p50 %.0f ms, p90 %.0f ms, p99 %.0f ms, at most %.0f ms", len(w), w.p(0.5), w.p(0.9), w.p(0.99), w.p(1))
}

// took are the waits of what was sent in a stretch of time.
func (x *night) took(from, to time.Time) (out waits) {
	for _, w := range x.waits {
		if !w.sent.Before(from) && w.sent.Before(to) {
			out = append(out, float64(w.took.Microseconds())/1000)
		}
	}
	slices.Sort(out)
	return out
}
