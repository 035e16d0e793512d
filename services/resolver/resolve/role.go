package resolve

import (
	"context"
	"time"

	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/process"
	"github.com/tagwire/tagwire/libs/telemetry"
)

// Role builds the resolver for a process.
func Role(_ context.Context, p *parts.Parts) (parts.Role, error) {
	r, err := New(Options{
		Stream: p.Stream, Redis: p.Redis, Defs: p.Defs, Keys: p.Keys, Shards: p.Config.Shards, RawPartitions: p.Config.RawPartitions,
		Replicas: p.Config.Redis.Replicas,
		Internal: p.Config.Internal, Limits: Limits{Phones: p.Config.Identity.PeoplePerPhone, Devices: p.Config.Identity.PeoplePerDevice},
		Log: p.Log.Named("resolver"), Registerer: p.Registry,
	})
	if err != nil {
		return parts.Role{}, err
	}
	return parts.Role{
		Components: []process.Component{{Name: "resolver", Stage: process.Worker, Run: r.Run}},
		Checks:     []telemetry.Check{{Name: "resolver", MaxLag: time.Minute, Run: r.Health}},
	}, nil
}
