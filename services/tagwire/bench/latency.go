package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/pprof"
	"strings"
	"sync"
	"time"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
)

const (
	warmUp  = 5 * time.Second
	alertIn = 15 * time.Second // after the last event; what has not come by then is missing
)

// shot is one event at its moment.
type shot struct {
	id      string
	intent  bool
	planned time.Time
	body    []byte
	done    time.Time // 2xx read
	err     error
}

// latency sends at a constant rate and follows the stream of alerts.
func (b *bench) latency(ctx context.Context) error {
	if err := b.shoot(ctx, "warm", warmUp, nil); err != nil {
		return err
	}
	b.say("延迟 / latency at %d events/s for %s", b.Rate, b.For)
	if b.Profile != "" {
		f, err := os.Create(b.Profile)
		if err != nil {
			return fmt.Errorf("make the profile: %w", err)
		}
		defer func() { _ = f.Close() }() // a profile that is cut off says so when read
		if err := pprof.StartCPUProfile(f); err != nil {
			return fmt.Errorf("start the profile: %w", err)
		}
		defer pprof.StopCPUProfile()
	}
	return b.shoot(ctx, "rate", b.For, &b.report.Latency)
}

// shoot sends for a while; into is nil for a warm-up.
func (b *bench) shoot(ctx context.Context, name string, length time.Duration, into *Latency) error {
	before, err := b.ends(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	seen, err := b.follow(ctx)
	if err != nil {
		return err
	}
	shots, err := b.shots(newTraffic(b.Seed, name, alertShare), length)
	if err != nil {
		return err
	}
	b.fire(ctx, shots)
	var want int
	for i := range shots {
		if shots[i].intent && shots[i].err == nil {
			want++
		}
	}
	for deadline := time.Now().Add(alertIn); seen.count() < want && time.Now().Before(deadline); {
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	if into == nil {
		return nil
	}
	into.judge(shots, seen, length)
	return b.stages(ctx, shots, seen, before)
}

func (b *bench) shots(t *traffic, length time.Duration) ([]shot, error) {
	n := int(length.Seconds() * float64(b.Rate))
	out := make([]shot, n)
	start := time.Now().Add(500 * time.Millisecond)
	for i := range out {
		at := start.Add(time.Duration(i) * time.Second / time.Duration(b.Rate))
		e := t.next(at)
		body, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("encode an event: %w", err)
		}
		out[i] = shot{id: e.MessageID, intent: e.Event == "intent.shown", planned: at, body: body}
	}
	return out, nil
}

// fire posts every event at its moment, whatever has become of those before.
func (b *bench) fire(ctx context.Context, shots []shot) {
	var wait sync.WaitGroup
	for i := range shots {
		s := &shots[i]
		if d := time.Until(s.planned); d > 0 {
			if err := pause(ctx, d); err != nil {
				s.err = err
				break
			}
		}
		wait.Go(func() {
			s.err = b.site.post(ctx, "/v1/track", s.body)
			s.done = time.Now()
		})
	}
	wait.Wait()
}

// post sends one request of the Segment API; all its events must be accepted.
func (s *site) post(ctx context.Context, path string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.HTTP+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth(s.WriteKey, "")
	res, err := s.client.Do(req)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<16))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return fmt.Errorf("POST %s: %w", path, err)
	}
	var v struct {
		Rejected []json.RawMessage `json:"rejected"`
	}
	if json.Unmarshal(text, &v) == nil && len(v.Rejected) > 0 || res.StatusCode != http.StatusOK {
		return fmt.Errorf("POST %s: %d %.300s", path, res.StatusCode, text)
	}
	return nil
}

// arrivals are the moments at which events' alerts came by the stream.
type arrivals struct {
	mu sync.Mutex
	at map[string]time.Time
}

func (a *arrivals) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.at)
}

func (a *arrivals) of(id string) (time.Time, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, ok := a.at[id]
	return t, ok
}

// follow reads the stream of alerts until ctx ends.
func (b *bench) follow(ctx context.Context) (*arrivals, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.site.apiBase()+"/alerts/stream", nil)
	if err != nil {
		return nil, fmt.Errorf("follow the alerts: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+b.site.AdminToken)
	res, err := b.site.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("follow the alerts: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("follow the alerts: %s", res.Status), res.Body.Close())
	}
	seen := &arrivals{at: map[string]time.Time{}}
	go func() { // ends with ctx, which ends the body
		defer func() { _ = res.Body.Close() }()
		lines := bufio.NewReader(res.Body)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				seen.add(time.Now(), []byte(data))
			}
		}
	}()
	return seen, nil
}

func (a *arrivals) add(now time.Time, data []byte) {
	var one struct {
		Evidence []struct {
			EventID string `json:"event_id"`
		} `json:"evidence"`
	}
	if json.Unmarshal(data, &one) != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range one.Evidence {
		if _, ok := a.at[e.EventID]; !ok {
			a.at[e.EventID] = now
		}
	}
}

// judge makes the numbers of one measurement.
func (l *Latency) judge(shots []shot, seen *arrivals, length time.Duration) {
	var acked, alerted []float64
	missing := 0
	for _, s := range shots {
		if s.err != nil { // refused or unanswered: counted, with the first reason
			if l.Failed++; l.Failed == 1 {
				l.Failure = s.err.Error()
			}
			continue
		}
		acked = append(acked, ms(s.done.Sub(s.planned)))
		if !s.intent {
			continue
		}
		if at, ok := seen.of(s.id); ok {
			alerted = append(alerted, ms(at.Sub(s.planned)))
		} else {
			missing++
		}
	}
	l.Seconds, l.Events, l.Alerts, l.Missing = length.Seconds(), len(shots), len(alerted), missing
	l.Accepted, l.Alerted = quantiles(acked), quantiles(alerted)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// stages tells, from the times in the logs, where the time of the alerts went.
func (b *bench) stages(ctx context.Context, shots []shot, seen *arrivals, from map[string][]stream.Range) error {
	raw, published, alerted := map[string]time.Time{}, map[string]time.Time{}, map[string]time.Time{}
	rawOf := map[string]string{}
	err := b.each(ctx, schemas.TopicRaw, from[schemas.TopicRaw], func(p int, rec stream.Record) error {
		raw[fmt.Sprintf("%s/%d/%d", schemas.TopicRaw, p, rec.Offset)] = rec.Time
		return nil
	})
	err = errors.Join(err, b.each(ctx, schemas.TopicEvents, from[schemas.TopicEvents], func(_ int, rec stream.Record) error {
		r, err := event.DecodeRecord(rec.Value)
		if err == nil && r.Event != nil {
			published[r.Event.EventID], rawOf[r.Event.EventID] = rec.Time, r.Raw
		}
		return err
	}))
	err = errors.Join(err, b.each(ctx, schemas.TopicAlerts, from[schemas.TopicAlerts], func(_ int, rec stream.Record) error {
		var a event.Alert
		err := json.Unmarshal(rec.Value, &a)
		for _, e := range a.Evidence {
			alerted[e.EventID] = rec.Time
		}
		return err
	}))
	if err != nil {
		return err
	}
	var parts [4][]float64
	for _, s := range shots {
		at, ok := seen.of(s.id)
		r, e, a := raw[rawOf[s.id]], published[s.id], alerted[s.id]
		if !ok || r.IsZero() || e.IsZero() || a.IsZero() {
			continue
		}
		for i, d := range []time.Duration{r.Sub(s.planned), e.Sub(r), a.Sub(e), at.Sub(a)} {
			parts[i] = append(parts[i], ms(d))
		}
	}
	for i, name := range []string{"post → raw", "raw → events", "events → alerts", "alerts → SSE"} {
		b.report.Latency.Stages = append(b.report.Latency.Stages, Stage{Name: name, Quantiles: quantiles(parts[i])})
	}
	return nil
}
