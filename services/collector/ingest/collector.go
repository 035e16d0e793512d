package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tagwire/tagwire/libs/auth"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/collector/ingest/spool"
)

// linkKeyID names the key that signs links; the console signs with the same.
const linkKeyID = 1

// Collector takes events in. Safe for concurrent use; Run once.
type Collector struct {
	opt      Options
	cfg      Config
	names    schemas.Aliases
	links    *auth.Links
	limiter  *auth.Limiter // nil: no limit
	sources  *sources
	producer *producer
	spool    *spool.Spool
	announce *announcer
	refusals *refusals
	metrics  *metrics
	handler  http.Handler

	slots chan struct{}  // bounds what goes on behind redirects
	jobs  sync.WaitGroup // what goes on behind redirects
}

// New opens the spool and makes a collector. Nothing is dialled yet.
func New(o Options) (*Collector, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	c := &Collector{opt: o, cfg: o.Config, slots: make(chan struct{}, 4096)}
	var err error
	if c.names, err = schemas.LoadAliases(); err != nil {
		return nil, err
	}
	secret, err := o.Keys.Master().Derive("links")
	if err != nil {
		return nil, err
	}
	if c.links, err = auth.NewLinks(auth.LinkKey{ID: linkKeyID, Secret: secret}); err != nil {
		return nil, err
	}
	if c.cfg.RatePerKey > 0 {
		if c.limiter, err = auth.NewLimiter(auth.LimiterOptions{Rate: float64(c.cfg.RatePerKey), Burst: 2 * c.cfg.RatePerKey, Now: o.Clock}); err != nil {
			return nil, err
		}
	}
	if c.spool, err = spool.Open(spool.Options{Dir: c.cfg.SpoolDir, MaxBytes: c.cfg.SpoolBytes}); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	id, err := spoolID(c.cfg.SpoolDir)
	if err != nil {
		return nil, errors.Join(err, c.spool.Close())
	}
	c.announce = newAnnouncer(o.Redis, c.spool, id)
	c.sources = &sources{defs: o.Defs, defaultKey: c.cfg.WriteKey, log: o.Log}
	c.metrics = newMetrics(c)
	if err := c.metrics.register(o.Metrics); err != nil {
		return nil, errors.Join(err, c.spool.Close())
	}
	c.producer = newProducer(o.Stream, c.metrics)
	if c.refusals, err = newRefusals(c); err != nil {
		return nil, errors.Join(err, c.spool.Close())
	}
	c.handler = c.routes()
	return c, nil
}

// Handler serves every path of the collector.
func (c *Collector) Handler() http.Handler { return c.handler }

// Links verifies and signs the tokens of /r/.
func (c *Collector) Links() *auth.Links { return c.links }

// Run drains the spool and publishes what was refused, until ctx ends; then it
// lets what is under way finish and closes the spool. Requests that come after
// that are answered 503, so the HTTP server stops first.
func (c *Collector) Run(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.drain(gctx) })
	g.Go(func() error { return c.announce.run(gctx) })
	g.Go(func() error { return c.refusals.run(gctx) })
	err := g.Wait()
	c.jobs.Wait()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	c.refusals.flush(end)
	cerr := errors.Join(c.producer.close(), c.refusals.close(), c.spool.Close())
	if err != nil && ctx.Err() == nil {
		return errors.Join(err, cerr)
	}
	return cerr
}

// Check is the collector's health: whether it can take events, how old the
// oldest spooled one is, and a word on both.
func (c *Collector) Check(ctx context.Context) (ok bool, lagSeconds float64, detail string) {
	st := c.spool.Stats()
	if st.Oldest != 0 {
		lagSeconds = max(0, event.At(c.opt.Clock()).Sub(st.Oldest).Seconds())
	}
	switch {
	case st.Bytes >= c.cfg.SpoolBytes*95/100:
		return false, lagSeconds, fmt.Sprintf("the spool is full (%d of %d bytes): senders get 503 until Kafka takes it", st.Bytes, c.cfg.SpoolBytes)
	case c.producer.away():
		return false, lagSeconds, fmt.Sprintf("Kafka does not acknowledge; %d events are spooled", st.Records)
	case st.Records > 0:
		return true, lagSeconds, fmt.Sprintf("%d spooled events are being sent", st.Records)
	}
	return true, 0, ""
}
