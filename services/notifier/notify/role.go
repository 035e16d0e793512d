package notify

import (
	"context"

	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/process"
)

// Role builds the notifier for a process.
func Role(_ context.Context, p *parts.Parts) (parts.Role, error) {
	n, err := New(Options{Stream: p.Stream, Redis: p.Redis, Defs: p.Defs, Keys: p.Keys, Log: p.Log.Named("notifier"), Metrics: p.Registry, Config: *p.Config})
	if err != nil {
		return parts.Role{}, err
	}
	return parts.Role{Components: []process.Component{{Name: "notifier", Stage: process.Sink, Run: n.Run}}, Checks: n.Checks()}, nil
}
