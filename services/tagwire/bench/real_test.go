//go:build real && soak

package bench

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tagwire/tagwire/libs/embedded/embeddedtest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// What ./scripts/bench --real passes on.
var (
	program  = flag.String("program", "", "the tagwire to measure")
	page     = flag.String("write", "", "write the results into this page")
	rounds   = flag.Int("rounds", 3, "rounds")
	events   = flag.Int("events", 100_000, "events of a round of each stage alone")
	profiles = flag.Int("profiles", 100_000, "customers, each known before the first round")
	length   = flag.Duration("for", time.Minute, "how long the load of a round end to end lasts")
	pace     = flag.Int("pace", 15_000, "events a second of that load")
	rate     = flag.Int("rate", 500, "events a second while latency is measured")
	seed     = flag.Uint64("seed", 1, "seed of the traffic")
	justTime = flag.Bool("latency", false, "latency only")
	noWhole  = flag.Bool("alone", false, "stages alone and ceilings only")
	only     = flag.String("only", "", "tagger: it alone, under the two loads of its goals")
	perf     = flag.String("profile", "", "folder for CPU profiles of each role alone, by perf")
)

// TestReal measures on real parts, each role in a process of its own. It is a
// measurement, so it is built for scripts/bench only.
func TestReal(t *testing.T) {
	o := Options{Events: *events, Rounds: *rounds, Rate: *rate, For: 30 * time.Second, Seed: *seed, LatencyOnly: *justTime, Out: os.Stderr}
	r := newRealBench(t, o)
	ctx := t.Context()
	require.NoError(t, r.everything(ctx), "%s", r.lastWordsOfAll())
	text := r.markdown()
	if *page != "" && *only == "" { // a part does not take the place of the whole
		require.NoError(t, put(*page, realBegin, realEnd, text))
	}
	_, err := os.Stdout.WriteString(text)
	require.NoError(t, err)
}

// everything measures in order.
func (r *realBench) everything(ctx context.Context) error {
	if err := r.prepare(ctx); err != nil {
		return err
	}
	if *only == "tagger" {
		return r.justTagger(ctx)
	}
	if !*noWhole {
		if err := r.shared(fmt.Sprintf("latency at %d/s", r.Rate), func() error { return r.latency(ctx) }); err != nil {
			return err
		}
	}
	if r.LatencyOnly {
		return nil
	}
	r.say("建档 / %d profiles", *profiles)
	if err := r.fill(ctx); err != nil {
		return err
	}
	for round := 0; round < r.Rounds && !*noWhole; round++ {
		if err := r.together(ctx, round); err != nil {
			return err
		}
	}
	if err := r.stopAll(); err != nil {
		return err
	}
	for round := range r.Rounds {
		if err := r.stages(ctx, round); err != nil {
			return err
		}
	}
	return r.limits(ctx)
}
