//go:build real && soak

package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/govalues/decimal"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/tagger/tagging"
)

// taggerRules are twenty measures, a quarter of them over windows that end within the
// measured minute, and a hundred tags.
func taggerRules() string {
	var b strings.Builder
	b.WriteString("measures:\n")
	types := []string{"page.view", "link.open", "chat.message", "order.pay"}
	for i := range 20 {
		typ := types[i%4]
		switch {
		case i < 5:
			fmt.Fprintf(&b, "  短窗%d: {count: %s, within: %ds}\n", i, typ, 30+7*i)
		case i < 14:
			fmt.Fprintf(&b, "  长窗%d: {count: %s, within: %dd}\n", i, typ, 1+3*(i-5))
		case i < 17:
			fmt.Fprintf(&b, "  消费%d: {sum: order.pay, of: event.amount, within: %dd}\n", i, 10*(i-13))
		case i < 19:
			fmt.Fprintf(&b, "  订单%d: {count: %s}\n", i, typ)
		default:
			b.WriteString("  意向分: {score: {link.open: 5, chat.message: 3}, half_life: 3d}\n")
		}
	}
	b.WriteString("tags:\n")
	for i := range 100 {
		name, limit := fmt.Sprintf("长窗%d", i%20), 3+i/20*4
		switch n := i % 20; {
		case n < 5:
			name, limit = fmt.Sprintf("短窗%d", n), 1+i/20*2
		case n >= 19:
			name, limit = "意向分", 20+i
		case n >= 17:
			name = fmt.Sprintf("订单%d", n)
		case n >= 14:
			name, limit = fmt.Sprintf("消费%d", n), 100+10*i
		}
		fmt.Fprintf(&b, "  标签%d: {group: 组%d, when: %s >= %d}\n", i, i%10, name, limit)
	}
	return b.String()
}

// taggerLoad is one of the two loads of the tagger alone.
type taggerLoad struct {
	name   string
	people int
	events int
	pick   func() int
}

func taggerLoads(seed uint64, events int) []taggerLoad {
	rnd := rand.New(rand.NewPCG(seed, 11))
	zipf := rand.NewZipf(rnd, 1.1, 1, 100_000-1)
	return []taggerLoad{
		{"Zipf 1.1 over 100,000 profiles", 100_000, events, func() int { return int(zipf.Uint64()) }},
		{"uniformly over 1,000,000 profiles", 1_000_000, events / 2, func() int { return rnd.IntN(1_000_000) }},
	}
}

// justTagger measures the tagger alone under both loads, and what Redis alone makes of
// the same profiles.
func (r *realBench) justTagger(ctx context.Context) error {
	if err := errors.Join(r.rest(ctx), r.stopAll()); err != nil {
		return err
	}
	for _, l := range taggerLoads(r.Seed, r.Events) {
		if err := r.taggerUnder(ctx, l); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	stored, err := r.profiles(ctx)
	if err != nil {
		return err
	}
	for range r.Rounds {
		if err := errors.Join(
			r.shared("commit scripts alone", func() error { return r.commits(ctx, stored) }), r.pipelined(ctx, stored),
		); err != nil {
			return err
		}
	}
	return nil
}

// taggerUnder writes the records as the resolver would, and lets the tagger take them.
func (r *realBench) taggerUnder(ctx context.Context, l taggerLoad) error {
	r.say("打标 / tagger alone, %s, %d events", l.name, l.events)
	if err := r.publish(ctx, l); err != nil {
		return err
	}
	name := "tagger alone, " + l.name
	var counters map[string]float64
	err := r.only(ctx, "tagger", func() error {
		return r.shared(name, func() error {
			rate, err := r.progress(ctx, r.taggedTo, schemas.TopicEvents)
			r.report.add(name+" (events/s)", rate)
			if err == nil {
				counters, err = r.workers["tagger"].counters(ctx, r.site.client)
			}
			return err
		})
	})
	r.worked(name, int64(l.events))
	if err != nil {
		return err
	}
	r.report.add(name+": events a written profile", counters["tagwire_tagger_records_total"]/max(counters["tagwire_tagger_profiles_written_total"], 1))
	bytes, err := r.bytesOfProfiles(ctx)
	r.report.add(name+": bytes of a profile in Redis", bytes)
	return err
}

// publish makes the events of a load, a minute of them, and appends them to the log.
func (r *realBench) publish(ctx context.Context, l taggerLoad) error {
	numbers := make([]int64, realShards)
	begun := event.At(time.Now().Add(-2 * time.Minute))
	waiting := map[int][]stream.Message{}
	for n := range l.events {
		rec := l.record(n, begun.Add(time.Minute*time.Duration(n)/time.Duration(l.events)))
		s := event.Shard(rec.Profile, realShards)
		numbers[s]++
		rec.Source, rec.Number = fmt.Sprintf("bench.%d/%d", l.people, s), numbers[s]
		v, err := rec.Encode()
		if err != nil {
			return err
		}
		waiting[s] = append(waiting[s], stream.Message{Key: []byte(rec.Profile), Value: v})
		if n%20_000 == 19_999 || n == l.events-1 {
			if err := r.parts.Stream.PublishAll(ctx, schemas.TopicEvents, waiting); err != nil {
				return err
			}
			waiting = map[int][]stream.Message{}
		}
	}
	return nil
}

func (l taggerLoad) record(n int, at event.Time) event.Record {
	who := l.pick()
	own := []event.Identity{{Namespace: "user_id", Value: fmt.Sprintf("bench-%d-%d", l.people, who)}}
	id := event.DeriveID("bench", strconv.Itoa(l.people), strconv.Itoa(n))
	e := &event.Event{
		EventID: strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-"), Time: at, ReceivedAt: at, SentAt: at,
		Source: "bench", Identities: own, Channel: "抖音",
	}
	switch n % 10 {
	case 0, 1, 2, 3:
		e.Type, e.Object = "page.view", &event.Object{Type: "link", ID: fmt.Sprint("l", n%500), Title: "春季新品资料"}
	case 4, 5, 6:
		e.Type, e.Object = "link.open", &event.Object{Type: "link", ID: fmt.Sprint("l", n%500), Title: "会员日活动"}
	case 7, 8:
		e.Type, e.StaffID, e.From = "chat.message", fmt.Sprint("staff-", n%30), "customer"
	default:
		amount := decimal.MustNew(int64(2000+n%80_000), 2)
		e.Type, e.Amount, e.Currency = "order.pay", &amount, "CNY"
	}
	profile := event.ProfileID(1_760_000_000_000, who%8, int64(l.people+who), 0)
	return event.Record{Kind: event.KindEvent, Place: at, Profile: profile, Own: own, Event: e, Raw: fmt.Sprint("raw.1/3/", n)}
}

// counters are a role's own, as it shows them.
func (w *worker) counters(ctx context.Context, c *http.Client) (map[string]float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.http+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	res, err := c.Do(req)
	if err != nil {
		return nil, fmt.Errorf("read the counters of %s: %w", w.role, err)
	}
	defer func() { _ = res.Body.Close() }()
	out := map[string]float64{}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), " "); ok {
			if v, err := strconv.ParseFloat(value, 64); err == nil {
				out[name] = v
			}
		}
	}
	return out, lines.Err()
}

// bytesOfProfiles is what a profile takes in Redis, on average of some of each shard.
func (r *realBench) bytesOfProfiles(ctx context.Context) (float64, error) {
	sum, n := int64(0), 0
	for s := range realShards {
		sh := shard.New(r.parts.Redis, tagging.Generation, s)
		iter := r.parts.Redis.Scan(ctx, 0, sh.ProfilePattern(), 100).Iterator()
		for some := 0; some < 200 && iter.Next(ctx); some++ {
			took, err := r.parts.Redis.MemoryUsage(ctx, iter.Val()).Result()
			if err != nil {
				return 0, fmt.Errorf("what a profile takes: %w", err)
			}
			sum, n = sum+took, n+1
		}
		if err := iter.Err(); err != nil {
			return 0, fmt.Errorf("scan profiles: %w", err)
		}
	}
	return float64(sum) / max(float64(n), 1), nil
}
