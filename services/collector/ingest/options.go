package ingest

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/defs"
	"github.com/tagwire/tagwire/libs/seal"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/services/collector/ingest/envelope"
)

// Definitions is the read-only copy of what people created; *defs.Store is one.
type Definitions interface {
	Get(kind, id string) (defs.Def, bool)
	List(kind string) []defs.Def
	Changed() <-chan struct{}
}

// Config is what an operator sets.
type Config struct {
	WriteKey       string   // of the source `default`; empty: none
	PublicURL      string   // how clients reach us; empty: what their requests say
	LinkFallback   string   // where unknown and expired links go; empty: our own page
	CORSOrigins    []string // for browsers; "*" is any
	TrustedProxies []netip.Prefix
	RawPartitions  int
	Limits         envelope.Limits
	RatePerKey     int // events a second; 0: no limit
	SpoolDir       string
	SpoolBytes     int64
}

// FromConfig takes the collector's part of the configuration.
func FromConfig(c *config.Config) (Config, error) {
	out := Config{
		WriteKey: c.WriteKey.Reveal(), PublicURL: c.PublicURL, LinkFallback: c.LinkFallback, CORSOrigins: c.CORSOrigins, RawPartitions: c.RawPartitions,
		Limits: envelope.Limits{
			EventBytes: c.Limits.EventBytes, BatchBytes: c.Limits.BatchBytes, BatchEvents: c.Limits.BatchEvents,
			Nesting: c.Limits.Nesting, EventID: c.Limits.EventID,
		},
		RatePerKey: c.Limits.RatePerKey, SpoolDir: c.Spool.Dir, SpoolBytes: c.Spool.MaxBytes,
	}
	if out.SpoolDir == "" {
		out.SpoolDir = filepath.Join(c.Data, "spool")
	}
	for _, s := range c.TrustedProxies {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, aerr := netip.ParseAddr(s)
			if aerr != nil {
				return out, fmt.Errorf("trusted_proxies: %q is neither an address nor a network", s)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		out.TrustedProxies = append(out.TrustedProxies, p)
	}
	return out, nil
}

// Options are the parts that a collector works with. All are needed but Clock.
type Options struct {
	Stream  *stream.Client
	Keys    *seal.Keys
	Defs    Definitions
	Redis   redis.UniversalClient
	Config  Config
	Log     *zap.Logger
	Metrics prometheus.Registerer
	Clock   func() time.Time // nil: time.Now
}

func (o *Options) check() error {
	switch {
	case o.Stream == nil:
		return errors.New("ingest: Options.Stream is nil")
	case o.Keys == nil:
		return errors.New("ingest: Options.Keys is nil")
	case o.Defs == nil:
		return errors.New("ingest: Options.Defs is nil")
	case o.Redis == nil:
		return errors.New("ingest: Options.Redis is nil")
	case o.Log == nil:
		return errors.New("ingest: Options.Log is nil")
	case o.Metrics == nil:
		return errors.New("ingest: Options.Metrics is nil")
	case o.Config.RawPartitions <= 0:
		return errors.New("ingest: Config.RawPartitions must be above 0")
	case o.Config.SpoolDir == "":
		return errors.New("ingest: Config.SpoolDir is empty")
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	l, d := &o.Config.Limits, envelope.Limits{EventBytes: 32 << 10, BatchBytes: 500 << 10, BatchEvents: 2500, Nesting: 32, EventID: 100}
	for _, f := range []struct{ to, with *int }{
		{&l.EventBytes, &d.EventBytes}, {&l.BatchBytes, &d.BatchBytes}, {&l.BatchEvents, &d.BatchEvents}, {&l.Nesting, &d.Nesting}, {&l.EventID, &d.EventID},
	} {
		if *f.to <= 0 {
			*f.to = *f.with
		}
	}
	if o.Config.SpoolBytes <= 0 {
		o.Config.SpoolBytes = 1 << 30
	}
	return nil
}
