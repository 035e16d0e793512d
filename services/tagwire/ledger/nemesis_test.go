//go:build real

package ledger

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

// nemesis does harm in random order until ctx ends, one thing at a time or two
// that overlap, and leaves everything running.
type nemesis struct {
	f     *fleet
	t     testing.TB
	rnd   *rand.Rand
	began time.Time
	done  map[string]int

	zombies, woken int // wanted and done: see shape
}

func (n *nemesis) say(format string, args ...any) {
	n.t.Logf("%6.1f s  %s", time.Since(n.began).Seconds(), fmt.Sprintf(format, args...))
}

func (n *nemesis) run(ctx context.Context) {
	n.began, n.done = time.Now(), map[string]int{}
	for n.pause(ctx, 500, 2500) {
		what := n.rnd.IntN(8)
		switch {
		case n.zombies > 0:
			n.zombie(ctx)
		case what < 2 && n.f.gates != nil:
			n.harmLink(ctx)
		case what < 4:
			n.harmPart(ctx)
		default:
			n.harmRole(ctx)
		}
	}
	n.t.Logf("harm done: %v", n.done)
}

// pause waits for so many milliseconds and says whether to go on.
func (n *nemesis) pause(ctx context.Context, from, to int) bool {
	return rest(ctx, time.Duration(from+n.rnd.IntN(to-from))*time.Millisecond)
}

// harmRole kills, ends or freezes a process. One that was frozen for longer than
// its group waits wakes as a zombie: others own its shards by then.
func (n *nemesis) harmRole(ctx context.Context) {
	w := n.f.roles[n.rnd.IntN(len(n.f.roles))]
	var err error
	switch n.rnd.IntN(3) {
	case 0:
		n.note("kill -9", w.name)
		err = w.end(syscall.SIGKILL)
		n.pause(ctx, 1, 3000)
		err = n.first(err, w.start())
	case 1:
		n.note("restart", w.name)
		err = w.end(syscall.SIGTERM)
		err = n.first(err, w.start())
	default:
		n.note("freeze", w.name)
		err = w.freeze()
		n.pause(ctx, 1000, 14_000)
		w.resume()
	}
	if err != nil {
		n.t.Errorf("%s: %v", w.name, err)
	}
}

// zombie kills a tagger, or freezes it until others own its shards and lets it
// wake in the middle of what it did.
func (n *nemesis) zombie(ctx context.Context) {
	taggers := n.f.of("tagger")
	w := taggers[n.rnd.IntN(len(taggers))]
	var err error
	if n.rnd.IntN(3) == 0 {
		n.note("kill -9", w.name)
		err = n.first(w.end(syscall.SIGKILL), w.start())
	} else {
		n.note("freeze", w.name)
		err = w.freeze()
		if n.pause(ctx, 9000, 16_000) {
			n.woken++
		}
		w.resume()
	}
	if err != nil {
		n.t.Errorf("%s: %v", w.name, err)
	}
}

// harmPart does the same to a part.
func (n *nemesis) harmPart(ctx context.Context) {
	p := n.f.parts[n.rnd.IntN(len(n.f.parts))]
	var err error
	switch n.rnd.IntN(3) {
	case 0:
		n.note("kill -9", p.name)
		err = p.node.Kill()
		n.pause(ctx, 1, 3000)
		err = n.first(err, p.node.Start(context.WithoutCancel(ctx)))
	case 1:
		n.note("restart", p.name)
		err = n.stop(p)
		err = n.first(err, p.node.Start(context.WithoutCancel(ctx)))
	default:
		n.note("freeze", p.name)
		err = p.node.Pause()
		n.pause(ctx, 500, 8000)
		err = n.first(err, p.node.Resume())
	}
	if err != nil {
		n.t.Errorf("%s: %v", p.name, err)
	}
}

// stop ends a part in order. One that takes too long for that on a busy machine
// has been killed: that is harm too.
func (n *nemesis) stop(p part) error {
	err := p.node.Stop()
	if s, ok := p.node.(interface{ Running() bool }); ok && err != nil && !s.Running() {
		n.say("%v: it was killed", err)
		return nil
	}
	return err
}

// harmLink cuts all connections to a part, or lets its answers wait.
func (n *nemesis) harmLink(ctx context.Context) {
	part := []string{"Kafka", "Redis", "ClickHouse"}[n.rnd.IntN(3)]
	h, from, to := away(), 200, 3000
	if n.rnd.IntN(2) == 0 {
		latency := 50 + n.rnd.IntN(251)
		h, from, to = slow(latency, latency/3), 1000, 6000
	}
	n.note(h.name, part)
	err := n.f.gates.harm(part, h.do)
	n.pause(ctx, from, to)
	if err = n.first(err, n.f.gates.harm(part, h.leave)); err != nil {
		n.t.Errorf("connections to %s: %v", part, err)
	}
}

func (n *nemesis) first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *nemesis) note(what, who string) {
	n.say("%s %s", what, who)
	n.done[what+" "+who]++
}
