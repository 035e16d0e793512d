package ingest

import (
	"context"
	"time"

	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/process"
	"github.com/tagwire/tagwire/libs/telemetry"
)

// Role builds the collector for a process.
func Role(_ context.Context, p *parts.Parts) (parts.Role, error) {
	cfg, err := FromConfig(p.Config)
	if err != nil {
		return parts.Role{}, err
	}
	c, err := New(Options{Stream: p.Stream, Keys: p.Keys, Defs: p.Defs, Redis: p.Redis, Config: cfg, Log: p.Log.Named("collector"), Metrics: p.Registry})
	if err != nil {
		return parts.Role{}, err
	}
	return parts.Role{
		Components: []process.Component{{Name: "collector", Stage: process.Worker, Run: c.Run}},
		Checks:     []telemetry.Check{{Name: "collector", MaxLag: time.Minute, Run: c.Check}},
		Handler:    c.Handler(),
		Paths:      []string{"/v1/", "/in/", "/r/", "/d/", "/beacon", "/mp/", "/t.js", "/t-mp.js"},
	}, nil
}
