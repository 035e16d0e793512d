package archive

import (
	"context"
	"time"

	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/process"
	"github.com/tagwire/tagwire/libs/telemetry"
)

// Role builds the archiver for a process.
func Role(_ context.Context, p *parts.Parts) (parts.Role, error) {
	a, err := New(Options{Stream: p.Stream, Warehouse: p.Warehouse, Log: p.Log.Named("archiver"), Metrics: p.Registry})
	if err != nil {
		return parts.Role{}, err
	}
	return parts.Role{
		Components: []process.Component{{Name: "archiver", Stage: process.Sink, Run: a.Run}},
		Checks:     []telemetry.Check{{Name: "archiver", MaxLag: 5 * time.Minute, Run: a.Check}},
	}, nil
}
