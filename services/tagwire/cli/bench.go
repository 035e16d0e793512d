package cli

import (
	"context"
	"flag"
	"fmt"
	"time"

	"github.com/tagwire/tagwire/services/tagwire/bench"
)

// runBench measures this machine on a deployment of its own.
func runBench(ctx context.Context, s Streams, args []string) error {
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(s.Err)
	o := bench.Options{Out: s.Err, Connect: connect}
	fs.IntVar(&o.Events, "events", 100_000, "每轮事件数 / events of a round")
	fs.IntVar(&o.Rounds, "rounds", 3, "轮数 / rounds")
	fs.IntVar(&o.Rate, "rate", 500, "测延迟时每秒事件数 / events a second while latency is measured")
	fs.DurationVar(&o.For, "for", 30*time.Second, "测延迟多久 / how long latency is measured")
	fs.Uint64Var(&o.Seed, "seed", 1, "随机种子 / seed of the traffic")
	fs.BoolVar(&o.LatencyOnly, "latency", false, "只测延迟 / latency only")
	fs.StringVar(&o.Profile, "profile", "", "把延迟测量的 CPU 剖析写到此文件（各角色在本进程中运行） / write a CPU profile of the latency measurement to this file (the roles then run in this process)")
	asJSON := fs.Bool("json", false, "输出 JSON / print JSON")
	page := fs.String("write", "", "把结果写进此页 / write the results into this page")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("bench 不接受参数 %q / bench takes no argument %q", fs.Arg(0), fs.Arg(0))
	}
	r, err := bench.Run(ctx, o)
	if err != nil {
		return err
	}
	if *page != "" {
		if err := r.Write(*page); err != nil {
			return err
		}
	}
	if *asJSON {
		return r.JSON(s.Out)
	}
	fmt.Fprint(s.Out, r.Markdown())
	return nil
}
