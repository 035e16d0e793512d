package bench

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

const (
	settleFor = 10 * time.Second
	memoryMax = 700 // MB, of all processes together when idle
)

// idle measures the memory of a deployment that has had nothing to do yet.
func (b *bench) idle(ctx context.Context) error {
	if b.Profile != "" {
		return nil // its memory is ours
	}
	if err := pause(ctx, settleFor); err != nil {
		return err
	}
	mb, processes, err := resident(ctx, b.site.pid)
	b.report.Memory = Memory{IdleMB: mb, LimitMB: memoryMax, Processes: processes}
	b.say("空闲内存 / idle memory: %.0f MB", mb)
	return err
}

// resident is the resident memory of a process and all below it.
func resident(ctx context.Context, pid int) (mb float64, processes int, err error) {
	out, err := exec.CommandContext(ctx, "ps", "-A", "-o", "pid=,ppid=,rss=").Output()
	if err != nil {
		return 0, 0, fmt.Errorf("list processes by ps: %w", err)
	}
	rss, parent := map[int]int{}, map[int]int{}
	for line := range strings.Lines(string(out)) {
		var n [3]int
		fields := strings.Fields(line)
		if len(fields) != len(n) {
			continue
		}
		var bad error
		for i, f := range fields {
			v, err := strconv.Atoi(f)
			n[i], bad = v, errors.Join(bad, err)
		}
		if bad == nil {
			parent[n[0]], rss[n[0]] = n[1], n[2]
		}
	}
	for p, kb := range rss {
		for up, steps := p, 0; up > 1 && steps < 64; up, steps = parent[up], steps+1 {
			if up == pid {
				mb += float64(kb) / 1024
				processes++
				break
			}
		}
	}
	if processes == 0 {
		return 0, 0, fmt.Errorf("process %d is not listed by ps", pid)
	}
	return mb, processes, nil
}
