package api

import (
	"context"
	"time"

	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/process"
	"github.com/tagwire/tagwire/libs/store/inbox"
	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/services/console/bilisten"
)

// Role builds the console for a process.
func Role(_ context.Context, p *parts.Parts) (parts.Role, error) {
	box := inbox.New(p.Redis, p.Config.Shards, p.Log.Named("inbox"))
	a, err := New(Options{
		Stream: p.Stream, Redis: p.Redis, Defs: p.Defs, Keys: p.Keys, Warehouse: p.Warehouse, Inbox: box, Config: FromConfig(p.Config),
		Retention: p.Config.Kafka.Retention, Shards: p.Config.Shards, RawPartitions: p.Config.RawPartitions, Log: p.Log.Named("console"), Registerer: p.Registry, Health: p.Health,
	})
	if err != nil {
		return parts.Role{}, err
	}
	components := []process.Component{
		{Name: "inbox", Stage: process.Sink, Run: box.Run},
		{Name: "console", Stage: process.Sink, Run: a.Run},
	}
	if p.Config.BIListen != "" {
		components = append(components, process.Component{Name: "bi", Stage: process.Source, Run: func(ctx context.Context) error {
			return bilisten.Run(ctx, p.Config, p.Log.Named("bi"))
		}})
	}
	return parts.Role{
		Components: components,
		Checks:     []telemetry.Check{{Name: "console", MaxLag: time.Minute, Run: a.Check}},
		Handler:    a.Handler(),
	}, nil
}
