package parts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"

	"go.uber.org/zap"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/process"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/telemetry"
)

// Assemble makes one process of roles: their components, checks and one mux.
func (p *Parts) Assemble(ctx context.Context, builders ...Builder) ([]process.Component, *http.ServeMux, error) {
	mux := http.NewServeMux()
	telemetry.Mount(mux, p.Health, p.Registry)
	out := p.Common()
	var checks []telemetry.Check
	for _, build := range builders {
		r, err := build(ctx, p)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, r.Components...)
		checks = append(checks, r.Checks...)
		for _, c := range r.Checks {
			if _, err := p.Health.Register(c); err != nil {
				return nil, nil, err
			}
		}
		if r.Handler == nil {
			continue
		}
		paths := r.Paths
		if len(paths) == 0 {
			paths = []string{"/"}
		}
		for _, path := range paths {
			mux.Handle(path, r.Handler)
		}
	}
	return out, mux, p.probe(checks)
}

// Load reads the configuration as every command does: TAGWIRE_CONFIG names the
// file, variables outrank it.
func Load(adjust func(*config.Config)) (*config.Config, []string, error) {
	return config.Load(config.Options{
		File: os.Getenv("TAGWIRE_CONFIG"), Env: os.Environ(), Adjust: adjust,
		OtherVariables: []string{"TAGWIRE_CONFIG", "TAGWIRE_ENGINES_DIR"},
	})
}

// Main is the whole of a role's main: configuration, clients, the role, and an
// HTTP address for its own paths, health and metrics. It returns the exit code.
func Main(name string, build Builder) int {
	ctx, cancel := process.Signals(context.Background())
	defer cancel()
	if err := RunRole(ctx, name, build); err != nil {
		fmt.Fprintln(os.Stderr, name+":", err)
		return 1
	}
	return 0
}

// errAlone refuses a role that has nothing to work with.
var errAlone = errors.New("单独运行的角色需要 kafka.brokers、redis.addr、clickhouse.addr；`tagwire up` 会自带缺少的部分 / a role alone needs kafka.brokers, redis.addr and clickhouse.addr; `tagwire up` embeds what is not given")

// taggerGC lets the tagger's heap grow to three times what lives before it is
// cleaned: a sixth less processor time. GOGC overrides it, GOMEMLIMIT bounds it.
const taggerGC = 200

// RunRole runs one role until ctx ends.
func RunRole(ctx context.Context, name string, build Builder) error {
	cfg, notices, err := Load(nil)
	if err != nil {
		return err
	}
	log, err := telemetry.NewLogger(telemetry.LogOptions{Level: cfg.Log.Level, Format: cfg.Log.Format})
	if err != nil {
		return err
	}
	store.Log(log)
	if name == "tagger" && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(taggerGC)
	}
	for _, n := range notices {
		log.Warn(n)
	}
	if !cfg.KafkaExternal() || !cfg.RedisExternal() || !cfg.ClickHouseExternal() {
		return errAlone
	}
	served, err := cfg.TLS.Config()
	if err != nil {
		return err
	}
	p, err := Open(ctx, cfg, log.With(zap.String("role", name)))
	if err != nil {
		return err
	}
	components, mux, err := p.Assemble(ctx, build)
	if err != nil {
		return err
	}
	components = append(components, process.Component{Name: "http", Stage: process.Source, Run: func(ctx context.Context) error {
		return telemetry.Serve(ctx, telemetry.ServeOptions{Addr: cfg.HTTP, Handler: mux, Log: log, TLS: served})
	}})
	err = process.Run(ctx, log, components...)
	if cerr := p.Close(); err == nil {
		err = cerr
	}
	return err
}
