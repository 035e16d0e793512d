package cli

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/services/tagwire/app"
)

func up(ctx context.Context, s Streams, args []string) error {
	fs := flag.NewFlagSet("up", flag.ContinueOnError)
	fs.SetOutput(s.Err)
	data := fs.String("data", "", "数据目录 / data folder")
	http := fs.String("http", "", "HTTP 地址 / HTTP address")
	demo := fs.Bool("demo", false, "模拟店铺，数据另存 / a simulated shop, kept apart from real data")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("up 不接受参数 %q / up takes no argument %q", fs.Arg(0), fs.Arg(0))
	}
	cfg, notices, err := parts.Load(func(c *config.Config) {
		if *data != "" {
			c.Data = *data
			c.Give("data")
		}
		if *http != "" {
			c.HTTP = *http
			c.Give("http")
		}
	})
	if err != nil {
		return err
	}
	if *demo {
		cfg.Data = filepath.Join(cfg.Data, "demo")
	}
	log, err := telemetry.NewLogger(telemetry.LogOptions{Level: cfg.Log.Level, Format: cfg.Log.Format, Out: s.Err})
	if err != nil {
		return err
	}
	for _, n := range notices {
		log.Warn(n)
	}
	return app.Up(ctx, app.Options{Config: cfg, Notices: notices, Out: s.Out, Log: log})
}

func runRole(_ context.Context, s Streams, args []string) error {
	builders := app.Builders()
	var names []string
	for n := range builders {
		names = append(names, n)
	}
	slices.Sort(names)
	if len(args) != 1 || builders[args[0]] == nil {
		return fmt.Errorf("请写一个角色 / name one role: %v", names)
	}
	if code := parts.Main(args[0], builders[args[0]]); code != 0 {
		return errSilent
	}
	return nil
}
