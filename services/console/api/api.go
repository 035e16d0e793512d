package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/tagwire/tagwire/libs/auth"
	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/event"
	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/libs/store/rawplan"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/libs/warehouse"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/console/activation"
	"github.com/tagwire/tagwire/services/console/daykeys"
	"github.com/tagwire/tagwire/services/console/live"
	"github.com/tagwire/tagwire/services/console/recount"
	"github.com/tagwire/tagwire/services/console/ruleset"
	"github.com/tagwire/tagwire/services/console/shards"
	"github.com/tagwire/tagwire/services/console/unmerge"
)

// linkKeyID names the key that signs links; the collector verifies with the same.
const linkKeyID = 1

// Config is what an operator sets.
type Config struct {
	AdminToken     string
	PublicURL      string   // how customers reach links; empty: what the request says
	TrustedProxies []string // whose X-Forwarded-* headers are believed
	Secure         bool     // the page is served by https
}

// FromConfig takes the console's part of the configuration.
func FromConfig(c *config.Config) Config {
	return Config{
		AdminToken: c.AdminToken.Reveal(), PublicURL: c.PublicURL, TrustedProxies: c.TrustedProxies,
		Secure: c.TLS.CertFile != "" || strings.HasPrefix(c.PublicURL, "https://"),
	}
}

// Options are what an API is made of. Warehouse and Health may be nil;
// Generation, Now and the waits have defaults.
type Options struct {
	Stream        *stream.Client
	Redis         redis.UniversalClient
	Defs          *defs.Store
	Keys          *seal.Keys
	Warehouse     *warehouse.Warehouse
	Inbox         *inbox.Inbox
	Config        Config
	Shards        int
	RawPartitions int
	Generation    int // of the shards; default: the topics' incarnation
	Log           *zap.Logger
	Registerer    prometheus.Registerer
	Health        *telemetry.Health
	Now           func() time.Time
	CommitWait    time.Duration // for the tagger to commit what a person did; default 5 s
	Retention     time.Duration // of raw, after which its days' keys are destroyed
	ActivateWait  time.Duration // for rules to stand in every partition; default a minute
}

// API serves the console. Safe for concurrent use.
type API struct {
	opt       Options
	shards    *shards.Set
	sets      *ruleset.Sets
	activator *activation.Activator
	board     *live.Board
	feed      *live.Feed
	recount   *recount.Recount
	days      *daykeys.Keeper
	parted    *unmerge.Keeper // nil without history
	names     rawplan.Identities
	sessions  *auth.Sessions
	refused   *auth.Limiter // failed logins by address
	links     *auth.Links
	suggest   *suggester
	metrics   *metrics
	archive   archive
	handler   http.Handler
}

// New makes the API; nothing is dialled.
func New(o Options) (*API, error) {
	switch {
	case o.Stream == nil || o.Redis == nil || o.Defs == nil || o.Keys == nil || o.Inbox == nil || o.Log == nil || o.Registerer == nil:
		return nil, errors.New("api: Options lacks Stream, Redis, Defs, Keys, Inbox, Log or Registerer")
	case o.Shards < 1 || o.RawPartitions < 1:
		return nil, fmt.Errorf("api: %d shards, %d raw partitions", o.Shards, o.RawPartitions)
	}
	if o.Generation == 0 {
		o.Generation = schemas.Incarnation
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CommitWait <= 0 {
		o.CommitWait = 5 * time.Second
	}
	a := &API{opt: o, shards: shards.New(o.Redis, o.Generation, o.Shards), sets: ruleset.New(o.Defs), names: rawplan.NewIdentities(o.Redis)}
	a.board = live.NewBoard(a.shards, a.sets, o.Log)
	a.activator = activation.New(activation.Options{
		Stream: o.Stream, Redis: o.Redis, Defs: o.Defs, Sets: a.sets, Shards: a.shards, RawPartitions: o.RawPartitions,
		Log: o.Log, Now: o.Now, Wait: o.ActivateWait,
	})
	if o.Warehouse != nil {
		a.parted = unmerge.New(unmerge.Options{
			Stream: o.Stream, Redis: o.Redis, Warehouse: o.Warehouse, Sets: a.sets, Shards: a.shards, Log: o.Log, Now: o.Now,
		})
	}
	a.days = daykeys.New(o.Keys, a.shards, o.Retention, o.Log)
	if err := a.parts(); err != nil {
		return nil, err
	}
	a.handler = a.routes()
	return a, nil
}

// parts makes what may fail.
func (a *API) parts() error {
	o := a.opt
	var err error
	if a.suggest, err = newSuggester(a.sets); err != nil {
		return err
	}
	a.feed, err = live.NewFeed(live.FeedOptions{
		Stream: o.Stream, Shards: o.Shards, RawPartitions: o.RawPartitions, Log: o.Log, Registerer: o.Registerer, Suggest: a.suggest.suggest,
	})
	if err != nil {
		return err
	}
	a.recount, err = recount.New(recount.Options{
		Shards: a.shards, Rules: a.sets, Generation: o.Generation, Stream: o.Stream, Warehouse: o.Warehouse, Log: o.Log, Registerer: o.Registerer, Now: o.Now,
	})
	if err != nil {
		return err
	}
	if a.sessions, err = auth.NewSessions(auth.SessionOptions{Redis: o.Redis, Secure: o.Config.Secure, Now: o.Now}); err != nil {
		return err
	}
	if a.refused, err = auth.NewLimiter(auth.LimiterOptions{Rate: 0.5, Burst: 20}); err != nil {
		return err
	}
	secret, err := o.Keys.Master().Derive("links")
	if err != nil {
		return err
	}
	if a.links, err = auth.NewLinks(auth.LinkKey{ID: linkKeyID, Secret: secret}); err != nil {
		return err
	}
	a.metrics, err = newMetrics(o.Registerer)
	return err
}

// Handler serves the API, its description and the page.
func (a *API) Handler() http.Handler { return a.handler }

// Run keeps the live board, the feed of events, activations, recounts and the
// destroying of days' keys going, until ctx ends.
func (a *API) Run(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	all := []func(context.Context) error{a.board.Run, a.feed.Run, a.activator.Run, a.recount.Run, a.days.Run}
	if a.parted != nil {
		all = append(all, a.parted.Run)
	}
	for _, run := range all {
		g.Go(func() error { return run(gctx) })
	}
	if err := g.Wait(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("console: %w", err)
	}
	return nil
}

// Check is the console's health: whether the board is fresh and the newest rules
// are active.
func (a *API) Check(ctx context.Context) (ok bool, lagSeconds float64, detail string) {
	v, err := a.board.Now(ctx)
	if err != nil {
		return false, 0, "the tag counts cannot be read from Redis"
	}
	if v.AsOf != 0 {
		lagSeconds = max(0, event.At(a.opt.Now()).Sub(v.AsOf).Seconds())
	}
	return true, lagSeconds, a.activator.Trouble()
}
