//go:build real

package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/services/resolver/resolve"
	"github.com/tagwire/tagwire/services/tagger/tagging"
)

// TestHandOver: taggers and resolvers leave in order and others come while each
// shard has an event every 50 ms. Who leaves tells the group so, nothing is lost
// and nothing counts twice; how long each shard stood still is printed, not
// judged, but for what shows that the group waited for a member that had gone.
func TestHandOver(t *testing.T) {
	seed := uint64(number(t, "TAGWIRE_TEST_SEED", int(time.Now().UnixNano())))
	f := newFleet(t, shape{brokers: 1, roles: []members{{"collector", 1}, {"resolver", 2}, {"tagger", 3}, {"console", 1}}})
	f.activate(rules)
	t.Logf("seed %d (repeat with TAGWIRE_TEST_SEED)", seed)
	p := newPulse(f, rand.New(rand.NewPCG(seed, 6)))
	ctx, stop := context.WithCancel(t.Context())
	var both sync.WaitGroup
	both.Go(func() { p.beat(ctx) })
	both.Go(func() { p.watch(ctx) })
	p.through("nobody moves", func() { rest(ctx, 2*time.Second) })
	for _, role := range []string{"tagger", "resolver"} {
		all := f.of(role)
		last := all[len(all)-1]
		p.through("a "+role+" leaves", func() { p.leave(len(all)-1, last) })
		p.through("a "+role+" comes", func() { p.come(len(all), last) })
		p.through("each "+role+" is replaced", func() {
			for _, w := range all {
				p.leave(len(all)-1, w)
				p.come(len(all), w)
			}
		})
		if two := all[1:]; len(two) > 1 {
			p.through("two "+role+"s leave at once", func() { p.leave(len(all)-2, two...) })
			p.through("two "+role+"s come at once", func() { p.come(len(all), two...) })
		}
	}
	stop()
	both.Wait()
	p.judge()
}

// pulse sends an event to one customer of each shard, again and again, and sees
// when each shard moves.
type pulse struct {
	f         *fleet
	rnd       *rand.Rand
	rdb       *redis.Client
	kafka     *kafka.Client
	customers []int // by shard
	orders    int   // of each

	mu      sync.Mutex
	offset  []int64
	moved   []time.Time
	longest []time.Duration // since the step began
}

func newPulse(f *fleet, rnd *rand.Rand) *pulse {
	f.t.Helper()
	p := &pulse{
		f: f, rnd: rnd, rdb: f.redis.Client(), customers: make([]int, fleetShards),
		offset: make([]int64, fleetShards), moved: make([]time.Time, fleetShards), longest: make([]time.Duration, fleetShards),
		kafka: &kafka.Client{Addr: kafka.TCP(f.kafka.Brokers...)},
	}
	f.t.Cleanup(func() { require.NoError(f.t, p.rdb.Close()) })
	found := map[int]int{}
	for c := 0; len(found) < fleetShards; c++ {
		met := []posted{{Type: "identify", UserID: fmt.Sprint("u", c), MessageID: fmt.Sprint("i", c)}}
		stamp(met, rnd)
		f.post(f.t.Context(), f.t, met, rnd)
		var profile string
		require.Eventually(f.t, func() bool {
			var err error
			profile, err = p.rdb.Get(f.t.Context(), fmt.Sprint("tw:id:user_id:u", c)).Result()
			return err == nil
		}, soon, 10*time.Millisecond, "u%d has no profile", c)
		found[event.Shard(profile, fleetShards)] = c
	}
	for s, c := range found {
		p.customers[s] = c
	}
	return p
}

const beatEvery = 50 * time.Millisecond

// beat sends until ctx ends.
func (p *pulse) beat(ctx context.Context) {
	for rest(ctx, beatEvery) {
		list := make([]posted, 0, len(p.customers))
		for _, c := range p.customers {
			list = append(list, posted{
				Type: "track", UserID: fmt.Sprint("u", c), Event: "order.pay", MessageID: fmt.Sprintf("n%d-%d", c, p.orders),
				Properties: map[string]any{"amount": "1", "currency": "CNY"},
			})
		}
		// What is begun is sent, also when the end has come.
		stamp(list, p.rnd)
		p.f.post(context.WithoutCancel(ctx), p.f.t, list, p.rnd)
		p.orders++
	}
}

// watch notes when the position of a shard moves.
func (p *pulse) watch(ctx context.Context) {
	for rest(ctx, 5*time.Millisecond) {
		now := time.Now()
		cmds := make([]*redis.StringCmd, fleetShards)
		_, err := p.rdb.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for s := range cmds {
				cmds[s] = pipe.HGet(ctx, shard.New(p.rdb, tagging.Generation, s).PosKey(), "offset")
			}
			return nil
		})
		if err != nil {
			if ctx.Err() == nil {
				p.f.t.Error(err)
			}
			return
		}
		p.mu.Lock()
		for s, c := range cmds {
			at, _ := c.Int64() // it is a number
			if at != p.offset[s] || p.moved[s].IsZero() {
				p.offset[s], p.moved[s] = at, now
			}
			p.longest[s] = max(p.longest[s], now.Sub(p.moved[s]))
		}
		p.mu.Unlock()
	}
}

// through prints how long each shard stood still at most while something was
// done, up to its first move afterwards.
func (p *pulse) through(what string, do func()) {
	p.f.t.Helper()
	p.mu.Lock()
	for s := range p.longest {
		p.longest[s] = 0
	}
	p.mu.Unlock()
	do()
	done := time.Now()
	require.Eventually(p.f.t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return !slices.ContainsFunc(p.moved, func(at time.Time) bool { return at.Before(done) })
	}, soon, 10*time.Millisecond, "a shard does not move after: %s", what)
	p.mu.Lock()
	gaps := slices.Clone(p.longest)
	p.mu.Unlock()
	slices.Sort(gaps)
	p.f.t.Logf("%-28s longest gap of a shard: %4d ms; median of the shards: %4d ms", what, gaps[len(gaps)-1].Milliseconds(), gaps[len(gaps)/2].Milliseconds())
	require.Less(p.f.t, gaps[len(gaps)-1], groupWaits, "%s: as long as the group waits for one who is dead", what)
}

// groupWaits is how long a group waits for a member that does not say that it
// goes.
const groupWaits = 6 * time.Second

// leave ends members in order, all at once; when they have ended their group
// knows that.
func (p *pulse) leave(left int, who ...*worker) {
	p.f.t.Helper()
	var all sync.WaitGroup
	errs := make([]error, len(who))
	for i, w := range who {
		all.Go(func() { errs[i] = w.end(syscall.SIGTERM) })
	}
	all.Wait()
	require.NoError(p.f.t, errors.Join(errs...))
	require.Len(p.f.t, p.group(who[0].role).Members, left, "%s went without a word to its group", who[0].name)
	p.whole(who[0].role, left)
}

// come starts members and waits until they take part.
func (p *pulse) come(all int, who ...*worker) {
	p.f.t.Helper()
	for _, w := range who {
		require.NoError(p.f.t, w.start())
	}
	p.whole(who[0].role, all)
}

// whole waits until a group has so many members and all know what is theirs.
func (p *pulse) whole(role string, n int) {
	p.f.t.Helper()
	var g kafka.DescribeGroupsResponseGroup
	require.Eventually(p.f.t, func() bool {
		g = p.group(role)
		return g.GroupState == "Stable" && len(g.Members) == n
	}, soon, 20*time.Millisecond, "the group of the %ss: %v", role, text(func() string { return fmt.Sprintf("%+v", g) }))
}

func (p *pulse) group(role string) kafka.DescribeGroupsResponseGroup {
	p.f.t.Helper()
	id := map[string]string{"tagger": tagging.Group, "resolver": resolve.Group}[role]
	res, err := p.kafka.DescribeGroups(p.f.t.Context(), &kafka.DescribeGroupsRequest{GroupIDs: []string{id}})
	require.NoError(p.f.t, err)
	require.NoError(p.f.t, res.Groups[0].Error)
	return res.Groups[0]
}

// judge: each customer has as many orders as were sent.
func (p *pulse) judge() {
	p.f.t.Helper()
	for _, c := range p.customers {
		var got string
		require.Eventually(p.f.t, func() bool {
			code, b, err := p.f.api(http.MethodGet, fmt.Sprintf("/profiles/user_id:u%d", c), "", "")
			var page struct{ Measures struct{ Orders json.Number } }
			if err != nil || code != http.StatusOK || json.Unmarshal(b, &page) != nil {
				got = fmt.Sprint(code, err, string(b))
				return false
			}
			got = page.Measures.Orders.String()
			return got == fmt.Sprint(p.orders)
		}, soon, 100*time.Millisecond, "orders of u%d: want %d, have %s", c, p.orders, text(func() string { return got }))
	}
	p.f.t.Logf("%d events of each of %d shards counted once", p.orders, fleetShards)
}
