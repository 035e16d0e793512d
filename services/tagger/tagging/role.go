package tagging

import (
	"context"
	"time"

	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/process"
	"github.com/tagwire/tagwire/libs/telemetry"
)

// Role builds the tagger for a process.
func Role(_ context.Context, p *parts.Parts) (parts.Role, error) {
	t, err := New(Options{
		Stream: p.Stream, Redis: p.Redis, Defs: p.Defs, Shards: p.Config.Shards, RawPartitions: p.Config.RawPartitions,
		Replicas: p.Config.Redis.Replicas,
		Fresh:    p.Config.Fresh, Late: p.Config.Late, Log: p.Log.Named("tagger"), Registerer: p.Registry,
	})
	if err != nil {
		return parts.Role{}, err
	}
	return parts.Role{
		Components: []process.Component{{Name: "tagger", Stage: process.Worker, Run: t.Run}},
		Checks:     []telemetry.Check{{Name: "tagger", MaxLag: time.Minute, Run: t.Health}},
	}, nil
}
