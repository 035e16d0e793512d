package cli

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/store"
	"github.com/tagwire/tagwire/libs/telemetry"
	"github.com/tagwire/tagwire/services/tagwire/app"
	"github.com/tagwire/tagwire/services/tagwire/demo"
)

func up(ctx context.Context, s Streams, args []string) error {
	fs := flag.NewFlagSet("up", flag.ContinueOnError)
	fs.SetOutput(s.Err)
	data := fs.String("data", "", "数据目录 / data folder")
	http := fs.String("http", "", "HTTP 地址 / HTTP address")
	asDemo := fs.Bool("demo", false, "模拟店铺，数据另存 / a simulated shop, kept apart from real data")
	speed := fs.Float64("demo-speed", 3, "模拟店铺每秒动作数 / acts a second of the simulated shop")
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
	if *asDemo {
		cfg.Data = filepath.Join(cfg.Data, "demo")
	}
	log, err := telemetry.NewLogger(telemetry.LogOptions{Level: cfg.Log.Level, Format: cfg.Log.Format, Out: s.Err})
	if err != nil {
		return err
	}
	store.Log(log)
	for _, n := range notices {
		log.Warn(n)
	}
	o := app.Options{Config: cfg, Notices: notices, Out: s.Out, Log: log}
	if *asDemo {
		if err := withDemo(&o, *speed); err != nil {
			return err
		}
	}
	return app.Up(ctx, o)
}

// withDemo lets the simulated shop run beside the roles.
func withDemo(o *app.Options, speed float64) error {
	shop, err := demo.New(demo.Options{Dir: o.Config.Data, Speed: speed, Log: o.Log})
	if err != nil {
		return err
	}
	o.Demo, o.Extra = true, append(o.Extra, shop.Role)
	o.Ready = func(ctx context.Context, _ *parts.Parts, e app.Endpoints) error {
		return shop.Begin(ctx, demo.Site{
			HTTP: e.HTTP, AdminToken: e.AdminToken, Transport: app.Pinned(func() (string, error) { return e.Certificate, nil }),
		})
	}
	return nil
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
