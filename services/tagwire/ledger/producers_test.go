//go:build real

package ledger

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// rules do not depend on the order of events or on when they come.
const rules = `measures:
  orders: {count: order.pay}
  spend: {sum: order.pay, of: event.amount}
  brands: {distinct: page.view, of: event.properties.brand}
tags:
  buyer: {group: g, when: orders >= 1}
  loyal: {group: g, when: orders >= 5}
  rich: {group: g, when: spend >= 500}
  curious: {group: g, when: len(brands) >= 3}
  asked:
    group: g
    event: intent.shown
    when: event.amount >= 0
    lasts: 30d
    alert: {each: match, severity: high, title: asked}
`

// model is what the ledger counts, customer by customer.
type model struct {
	events, alerts int
	forms          int // events besides, numbered apart
	orders, spend  []int
	brands         []map[int]bool
	asked          []bool
	causes         map[string]bool // evidence of each alert
}

// number gives an event its id.
func (m *model) number(e *posted, n int) {
	e.MessageID = fmt.Sprintf("n%07d", n)
	if e.Event == "intent.shown" {
		m.causes[fmt.Sprintf("[{%s}]", e.MessageID)] = true
	}
}

// facts are what must be known of a customer.
type facts struct {
	orders, spend int
	brands, tags  []string
}

func (m *model) customer(c int) facts {
	f := facts{orders: m.orders[c], spend: m.spend[c], brands: []string{}, tags: []string{}}
	for b := range m.brands[c] {
		f.brands = append(f.brands, fmt.Sprint("b", b))
	}
	slices.Sort(f.brands)
	m.held(c, func(tag string) { f.tags = append(f.tags, tag) })
	return f
}

// held names the tags of a customer, in order.
func (m *model) held(c int, add func(tag string)) {
	for _, t := range []struct {
		tag string
		has bool
	}{
		{"asked", m.asked[c]},
		{"buyer", m.orders[c] >= 1},
		{"curious", len(m.brands[c]) >= 3},
		{"loyal", m.orders[c] >= 5},
		{"rich", m.spend[c] >= 500},
	} {
		if t.has {
			add(t.tag)
		}
	}
}

// tags are the counts that must come out.
func (m *model) tags() map[string]int {
	out := map[string]int{}
	for c := range m.orders {
		m.held(c, func(tag string) { out[tag]++ })
	}
	return out
}

func (m *model) sums() (orders, spend int) {
	for c := range m.orders {
		orders += m.orders[c]
		spend += m.spend[c]
	}
	return orders, spend
}

// posted is one event as Segment's clients send it.
type posted struct {
	Type       string         `json:"type"`
	MessageID  string         `json:"messageId"`
	UserID     string         `json:"userId,omitempty"`
	Anonymous  string         `json:"anonymousId,omitempty"`
	Event      string         `json:"event,omitempty"`
	Timestamp  string         `json:"timestamp"`
	Properties map[string]any `json:"properties,omitempty"`
}

func newModel(customers int) *model {
	m := &model{
		orders: make([]int, customers), spend: make([]int, customers), brands: make([]map[int]bool, customers), asked: make([]bool, customers),
		causes: map[string]bool{},
	}
	for c := range customers {
		m.brands[c] = map[int]bool{}
	}
	return m
}

// pick makes an event of a random customer and counts it.
func (m *model) pick(rnd *rand.Rand) posted {
	c := rnd.IntN(len(m.orders))
	m.events++
	e := posted{Type: "track"}
	if rnd.IntN(2) == 0 {
		e.UserID = fmt.Sprint("u", c)
	} else {
		e.Anonymous = fmt.Sprint("a", c)
	}
	switch kind := rnd.IntN(100); {
	case kind < 30:
		amount := 1 + rnd.IntN(120)
		e.Event, e.Properties = "order.pay", map[string]any{"amount": fmt.Sprint(amount), "currency": "CNY"}
		m.orders[c]++
		m.spend[c] += amount
	case kind < 33:
		e.Event, e.Properties = "intent.shown", map[string]any{"amount": "1"}
		m.asked[c] = true
		m.alerts++
	default:
		brand := rnd.IntN(6)
		e.Event, e.Properties = "page.view", map[string]any{"brand": fmt.Sprint("b", brand)}
		m.brands[c][brand] = true
	}
	return e
}

// met is the link between a customer's two identities.
func (m *model) met(c int) posted {
	m.events++
	return posted{Type: "identify", UserID: fmt.Sprint("u", c), Anonymous: fmt.Sprint("a", c)}
}

// history makes numbered events of customers who are met under two identities,
// in no order, with one link each.
func history(rnd *rand.Rand, events, customers int) ([]posted, *model) {
	m := newModel(customers)
	out := make([]posted, 0, events)
	for c := range customers {
		out = append(out, m.met(c))
	}
	for range events - customers {
		out = append(out, m.pick(rnd))
	}
	rnd.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	for i := range out {
		m.number(&out[i], i)
	}
	return out, m
}

const batchOf = 40

// produce posts everything: each batch until it is accepted, now and then once
// more, to whichever collector; at most rate events a second.
func (f *fleet) produce(ctx context.Context, t testing.TB, list []posted, rnd *rand.Rand, rate int) {
	const producers = 6
	var sent, repeated atomic.Int64
	batches := make(chan []posted)
	var wait sync.WaitGroup
	for range producers {
		own := rand.New(rand.NewPCG(rnd.Uint64(), 3))
		wait.Go(func() {
			for b := range batches {
				stamp(b, own)
				n := f.post(ctx, t, b, own)
				if own.IntN(10) == 0 {
					n += f.post(ctx, t, b, own)
				}
				sent.Add(int64(len(b)))
				repeated.Add(int64(n))
			}
		})
	}
	began := time.Now()
	for at := 0; at < len(list) && ctx.Err() == nil; at += batchOf {
		if ahead := time.Duration(at)*time.Second/time.Duration(rate) - time.Since(began); ahead > 0 {
			rest(ctx, ahead)
		}
		batches <- list[at:min(at+batchOf, len(list))]
	}
	close(batches)
	wait.Wait()
	t.Logf("%d events accepted in %.0f s, %d posts repeated", sent.Load(), time.Since(began).Seconds(), repeated.Load())
}

// stamp says when events happened: clients keep that when they post again.
func stamp(list []posted, rnd *rand.Rand) {
	for i := range list {
		list[i].Timestamp = time.Now().Add(-time.Duration(rnd.IntN(30_000)) * time.Millisecond).UTC().Format("2006-01-02T15:04:05.000Z")
	}
}

// post repeats until a collector accepts all; it returns how often it had to.
func (f *fleet) post(ctx context.Context, t testing.TB, list []posted, rnd *rand.Rand) (repeats int) {
	body, err := json.Marshal(map[string]any{"batch": list})
	if err != nil {
		t.Error(err)
		return 0
	}
	collectors := f.of("collector")
	for ; ctx.Err() == nil; repeats++ {
		ask, cancel := context.WithTimeout(ctx, 8*time.Second)
		code, answer, err := call(ask, http.MethodPost, "http://"+collectors[rnd.IntN(len(collectors))].http+"/v1/batch", bytes.NewReader(body), map[string]string{
			"Content-Type": "application/json", "Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(writeKey+":")),
		})
		cancel()
		var verdict struct{ Rejected []json.RawMessage }
		if err == nil && code == http.StatusOK && json.Unmarshal(answer, &verdict) == nil {
			if len(verdict.Rejected) > 0 {
				t.Errorf("refused: %s", verdict.Rejected[0])
			}
			return repeats
		}
		if err == nil && code < 500 && code != http.StatusTooManyRequests {
			t.Errorf("the collector answered %d %.300s", code, answer)
			return repeats
		}
		rest(ctx, time.Duration(100+rnd.IntN(400))*time.Millisecond)
	}
	return repeats
}

// rest waits, and says whether ctx is still on.
func rest(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
