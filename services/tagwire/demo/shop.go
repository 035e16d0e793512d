package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/process"
)

// Options of a shop; zero values have defaults.
type Options struct {
	Dir       string        // where journal and demo-check.json are kept; needed
	Seed      uint64        // default 1
	Customers int           // default 2,000
	PastDays  int           // default 28
	Speed     float64       // live acts a second; default 3
	Check     time.Duration // how often the counts are compared; default 30 s
	Log       *zap.Logger
}

// Site is where the shop's product is, and the key to its API.
type Site struct {
	HTTP       string
	AdminToken string
	Transport  http.RoundTripper // nil: the default
}

// Shop is the simulation.
type Shop struct {
	opt     Options
	log     *zap.Logger
	pack    *pack
	begun   chan struct{} // closed when Begin has set the shop up
	parts   *parts.Parts
	site    Site
	wire    *wire
	world   *world
	book    *book
	journal *journal
	start   started
	pending []act
	metrics *metrics
	checks  int
	failed  int
	refused int64
}

// New makes a shop; nothing is sent before Begin.
func New(o Options) (*Shop, error) {
	if o.Dir == "" {
		return nil, errors.New("demo: Options.Dir is missing")
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Customers <= 0 {
		o.Customers = 2000
	}
	if o.PastDays <= 0 {
		o.PastDays = 28
	}
	if o.Speed <= 0 {
		o.Speed = 3
	}
	if o.Check <= 0 {
		o.Check = 30 * time.Second
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	p, err := readPack()
	if err != nil {
		return nil, err
	}
	return &Shop{opt: o, log: o.Log, pack: p, begun: make(chan struct{})}, nil
}

// Role is the shop as a part of the process; it waits for Begin.
func (s *Shop) Role(_ context.Context, p *parts.Parts) (parts.Role, error) {
	s.parts = p
	s.log = p.Log.Named("demo")
	var err error
	if s.metrics, err = newMetrics(p.Registry); err != nil {
		return parts.Role{}, err
	}
	return parts.Role{Components: []process.Component{{Name: "demo", Stage: process.Source, Run: s.run}}}, nil
}

// Begin sets the shop up: definitions, rules, journal. It is called once, when
// everything answers.
func (s *Shop) Begin(ctx context.Context, site Site) error {
	s.site = site
	first := started{Seed: s.opt.Seed, Customers: s.opt.Customers, PastDays: s.opt.PastDays, Began: event.At(time.Now())}
	var err error
	if s.journal, s.start, s.book, s.pending, err = openJournal(s.opt.Dir, first); err != nil {
		return err
	}
	if s.world, err = newWorld(s.pack, s.start); err != nil {
		return err
	}
	if err := s.pack.install(ctx, s.parts.Defs, s.sources()); err != nil {
		return err
	}
	if s.wire, err = s.connect(); err != nil {
		return err
	}
	if err := s.putRules(ctx); err != nil {
		return err
	}
	close(s.begun)
	return nil
}

// Expected are the customers who must be 高意向 at a moment, by the shop's own
// book: their ids in WeCom, sorted. Those who cannot be told are not among them.
// It is called by the goroutine that runs the shop, or when that has ended.
func (s *Shop) Expected(at event.Time) []string {
	var out []string
	for n := range s.book.Pages {
		if s.book.verdict(n, at) == is {
			out = append(out, externalID(n))
		}
	}
	return out // by number, which is the order of the ids
}

// run sends the past, then lives. It is the only goroutine that touches the book.
func (s *Shop) run(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.begun:
	}
	err := s.play(ctx)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = nil
	}
	return errors.Join(err, s.journal.close())
}

func (s *Shop) play(ctx context.Context) error {
	if err := s.finish(ctx); err != nil {
		return err
	}
	if err := s.sendPast(ctx); err != nil {
		return err
	}
	s.log.Info("demo: the past has been sent, the live shop begins", zap.Int("acts", s.book.Past), zap.Int("customers", s.start.Customers), zap.Float64("acts_per_second", s.opt.Speed))
	stage := newStage(s.world, s.book, event.At(time.Now()))
	next := time.NewTimer(0)
	defer next.Stop()
	check := time.NewTicker(s.opt.Check)
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-check.C:
			if err := s.check(ctx); err != nil {
				return err
			}
		case <-next.C:
			a := stage.next(event.At(time.Now()))
			if err := s.perform(ctx, &a); err != nil {
				return err
			}
			next.Reset(time.Duration(stage.r.ExpFloat64() / s.opt.Speed * float64(time.Second)))
		}
	}
}

// finish sends again what was being sent when the last run ended.
func (s *Shop) finish(ctx context.Context) error {
	for i := range s.pending {
		a := &s.pending[i]
		if a.Do == doOpen { // has no id of ours: nobody knows whether it arrived
			if err := s.lose(a); err != nil {
				return err
			}
			continue
		}
		if err := s.deliver(ctx, a); err != nil {
			return err
		}
	}
	s.pending = nil
	return nil
}

// lose gives an act up whose fate is not known.
func (s *Shop) lose(a *act) error {
	s.book.Pages[a.Customer].Unsure = a.At
	return s.journal.write(entry{Lost: a.ID})
}

// perform journals an act and sends it.
func (s *Shop) perform(ctx context.Context, a *act) error {
	if a.counted() {
		if err := s.journal.write(entry{Act: a}); err != nil {
			return err
		}
	}
	if err := s.deliver(ctx, a); err != nil {
		return err
	}
	if s.journal.size < maxJournal {
		return nil
	}
	s.book.forget(event.At(time.Now()))
	return s.journal.rewrite(s.start, s.book, nil)
}

// deliver sends an act until it is acknowledged, or given up.
func (s *Shop) deliver(ctx context.Context, a *act) error {
	for {
		err := s.wire.send(ctx, a)
		if err == nil {
			s.metrics.acts.WithLabelValues(string(a.Do), "accepted").Inc()
			s.book.note(a)
			if a.counted() {
				return s.journal.write(entry{Done: a.ID})
			}
			return nil
		}
		if _, no := errors.AsType[*refused](err); no {
			s.refused++
			s.metrics.acts.WithLabelValues(string(a.Do), "refused").Inc()
			s.log.Error("demo: an act was refused", zap.String("act", string(a.Do)), zap.String("id", a.ID), zap.Error(err))
			return s.journal.write(entry{Gone: a.ID})
		}
		if a.Do == doOpen {
			s.log.Warn("demo: nobody knows whether the opening of a link arrived", zap.String("id", a.ID), zap.Error(err))
			return s.lose(a)
		}
		if err := pause(ctx, patience(err)); err != nil {
			return err
		}
	}
}

// pastBatch is how many acts of the past go into one request.
const pastBatch = 400

// sendPast imports what happened before the shop began, as far as it has not
// been sent: one day, then what came of it, then the next. The acts of a customer
// come under several identities and so on several ways through the product;
// without the pauses one way could run days ahead of another, and what is more
// than a day late is not judged exactly.
func (s *Shop) sendPast(ctx context.Context) error {
	all := s.world.history()
	for s.book.Past < len(all) {
		rest := all[s.book.Past:]
		for today := rest[:day(rest)]; len(today) > 0; {
			part := today[:min(pastBatch, len(today))]
			if err := s.importing(ctx, part); err != nil {
				return err
			}
			today = today[len(part):]
		}
		for {
			_, err := s.settle(ctx, event.At(time.Now()))
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			s.log.Warn("demo: waiting until the past has been applied", zap.Error(err))
			if err := pause(ctx, time.Second); err != nil {
				return err
			}
		}
	}
	return nil
}

// importing sends one request of the past until it is acknowledged.
func (s *Shop) importing(ctx context.Context, part []act) error {
	batch := make([]any, len(part))
	for i := range part {
		batch[i] = s.wire.imported(&part[i])
	}
	for {
		err := s.wire.segment(ctx, srcPast, "import", map[string]any{"batch": batch})
		if err == nil {
			break
		}
		if _, no := errors.AsType[*refused](err); no {
			return fmt.Errorf("send the demo's past: %w", err)
		}
		if err := pause(ctx, patience(err)); err != nil {
			return err
		}
	}
	if err := s.journal.write(entry{Acts: part}); err != nil {
		return err
	}
	for i := range part {
		s.book.note(&part[i])
	}
	s.metrics.acts.WithLabelValues("past", "accepted").Add(float64(len(part)))
	return nil
}

// patience is how long to wait after an error before sending again.
func patience(err error) time.Duration {
	if wait, ok := errors.AsType[*busy](err); ok {
		return wait.after
	}
	return 500 * time.Millisecond
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// metrics of the demo.
type metrics struct {
	acts                          *prometheus.CounterVec
	expected, counted, difference prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "tagwire_demo_" + name, Help: help})
	}
	m := &metrics{
		acts:       prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tagwire_demo_acts_total", Help: "Acts that the simulated shop has sent."}, []string{"act", "result"}),
		expected:   gauge("expected", "Customers who must be 高意向 by the simulated shop's own book."),
		counted:    gauge("counted", "Customers who are 高意向 by the live count."),
		difference: gauge("difference", "Customers about whom the two differ, at the newest comparison."),
	}
	for _, c := range []prometheus.Collector{m.acts, m.expected, m.counted, m.difference} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of the demo: %w", err)
		}
	}
	return m, nil
}
