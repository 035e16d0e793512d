package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tagwire/tagwire/libs/config"
	"github.com/tagwire/tagwire/libs/parts"
	"github.com/tagwire/tagwire/libs/seal"
)

// Options of a run.
type Options struct {
	Events      int           // of one round; 100,000 by default
	Rounds      int           // 3 by default
	Rate        int           // events a second of the latency measurement; 500 by default
	For         time.Duration // how long that lasts; 30 s by default
	Seed        uint64
	LatencyOnly bool   // leaves throughput and ceilings out
	Profile     string // write a CPU profile of the latency measurement here: the deployment then runs in this process
	Out         io.Writer
	Connect     func(ctx context.Context, dir string, wait time.Duration) (*parts.Parts, error) // clients of the deployment in a folder
}

func (o *Options) settle() error {
	if o.Connect == nil || o.Out == nil {
		return errors.New("bench: Options needs Connect and Out")
	}
	for _, d := range []struct {
		value *int
		usual int
	}{{&o.Events, 100_000}, {&o.Rounds, 3}, {&o.Rate, 500}} {
		if *d.value <= 0 {
			*d.value = d.usual
		}
	}
	if o.For <= 0 {
		o.For = 30 * time.Second
	}
	return nil
}

// bench is one run under way.
type bench struct {
	Options
	dir    string // of everything; removed at the end
	master config.Secret
	report *Report
	site   *site
	parts  *parts.Parts // of the deployment
	raw    []rawRecord  // what the last round wrote to `raw`
}

// Run measures everything and gives the report.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	if err := o.settle(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tagwire-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the benchmark: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{Options: o, dir: dir, report: newReport(o)}
	if b.master, err = makeMaster(filepath.Join(dir, "up")); err != nil {
		return nil, err
	}
	if err := b.deployed(ctx); err != nil {
		return nil, err
	}
	return b.report, nil
}

// deployed measures with the deployment running.
func (b *bench) deployed(ctx context.Context) (err error) {
	b.say("启动 / starting the deployment")
	if b.site, err = b.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.site.stop()) }()
	if b.parts, err = b.Connect(ctx, b.site.dir, 20*time.Second); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.parts.Close()) }()
	if err := b.idle(ctx); err != nil {
		return err
	}
	if err := b.putRules(ctx, ruleSet); err != nil {
		return err
	}
	if err := b.versions(ctx); err != nil {
		return err
	}
	if err := b.latency(ctx); err != nil {
		return err
	}
	if b.LatencyOnly {
		return nil
	}
	for round := range b.Rounds {
		if err := b.endToEnd(ctx, round); err != nil {
			return err
		}
	}
	if err := b.ceilings(ctx); err != nil {
		return err
	}
	for round := range b.Rounds {
		if err := b.alone(ctx, round); err != nil {
			return err
		}
	}
	return nil
}

// makeMaster makes the deployment's master key beforehand: the parts that are
// measured alone must read the same bytes.
func makeMaster(dir string) (config.Secret, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the deployment's folder: %w", err)
	}
	path := filepath.Join(dir, "master.key")
	if _, err := seal.LoadOrCreateMaster(path); err != nil {
		return "", err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the deployment's master key: %w", err)
	}
	return config.Secret(strings.TrimSpace(string(text))), nil
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.Out, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// pause waits, or ends with ctx.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
