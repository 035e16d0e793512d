//go:build real && soak

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tagwire/tagwire/libs/store/rawplan"
	"github.com/tagwire/tagwire/libs/store/shard"
	"github.com/tagwire/tagwire/libs/stream"
	"github.com/tagwire/tagwire/schemas"
	"github.com/tagwire/tagwire/services/tagger/tagging"
)

// hundredRules are those of the benchmark and tags of the same measures, until
// there are a hundred.
func hundredRules() string {
	var b strings.Builder
	whole, stages, _ := strings.Cut(ruleSet, "stages:\n")
	b.WriteString(whole)
	have := strings.Count(ruleSet, "{group:") + strings.Count(ruleSet, "    group:") + strings.Count(stages, "- {name")
	for i := have; i < 100; i++ {
		when := []string{
			fmt.Sprintf("近7天打开 >= %d", 6+i), fmt.Sprintf("意向分 >= %d", 61+i), fmt.Sprintf("净消费 >= %d", 2000+100*i), fmt.Sprintf("订单数 >= %d", 3+i),
		}[i%4]
		fmt.Fprintf(&b, "  标签%d: {group: 组%d, when: %s}\n", i, i%10, when)
	}
	b.WriteString("stages:\n" + stages)
	return b.String()
}

// fill lets every customer be known, and waits until all roles have no lag.
func (r *realBench) fill(ctx context.Context) error {
	t := newTraffic(r.Seed, "fill", 0)
	t.of, t.inTurn = *profiles, true
	bodies, err := t.batches(*profiles)
	if err != nil {
		return err
	}
	return errors.Join(r.site.send(ctx, bodies), r.rest(ctx))
}

func (r *realBench) rest(ctx context.Context) error {
	for _, done := range []func(context.Context) (bool, error){r.resolved, r.tagged, r.archived} {
		if err := until(ctx, done); err != nil {
			return err
		}
	}
	return nil
}

// together sends at a pace for a while and waits until no role has any lag.
func (r *realBench) together(ctx context.Context, round int) error {
	r.say("端到端 / end to end, round %d of %d", round+1, r.Rounds)
	t := newTraffic(r.Seed, fmt.Sprintf("together%d", round), bulkShare)
	t.of = *profiles
	total := int(length.Seconds() * float64(*pace))
	defer func() { r.worked(wholeName, int64(total)) }()
	return r.shared(wholeName, func() error {
		begun := time.Now()
		if err := r.paced(ctx, t, total); err != nil {
			return err
		}
		sent := time.Since(begun)
		rate := func() float64 { return float64(total) / time.Since(begun).Seconds() }
		r.report.add(rowAccepted, rate())
		for _, stage := range []struct {
			row  string
			done func(context.Context) (bool, error)
		}{{rowResolved, r.resolved}, {rowTagged, r.tagged}, {rowArchived, r.archived}} {
			if err := until(ctx, stage.done); err != nil {
				return fmt.Errorf("%s: %w", stage.row, err)
			}
			r.report.add(stage.row, rate())
		}
		r.report.add(rowLag, (time.Since(begun) - sent).Seconds())
		return nil
	})
}

// paced posts batches, none before its moment; a sender waits for its answer.
func (r *realBench) paced(ctx context.Context, t *traffic, total int) error {
	var mu sync.Mutex
	begun, made := time.Now(), 0
	next := func() (body []byte, at time.Time, err error) {
		mu.Lock()
		defer mu.Unlock()
		n := min(batchOf, total-made)
		if n <= 0 {
			return nil, at, nil
		}
		at = begun.Add(time.Duration(made) * time.Second / time.Duration(*pace))
		made += n
		body, err = t.batch(at, n)
		return body, at, err
	}
	var wait sync.WaitGroup
	const many = 2 * senders
	errs := make(chan error, many)
	for range many {
		wait.Go(func() {
			for {
				body, at, err := next()
				if err == nil && body != nil {
					err = errors.Join(pause(ctx, time.Until(at)), r.site.post(ctx, "/v1/batch", body))
				}
				if err != nil {
					errs <- err
				}
				if err != nil || body == nil {
					return
				}
			}
		})
	}
	wait.Wait()
	close(errs)
	return <-errs
}

// stages measures one role after the other on the same events, alone.
func (r *realBench) stages(ctx context.Context, round int) error {
	r.say("单独 / each stage alone, round %d of %d", round+1, r.Rounds)
	t := newTraffic(r.Seed, fmt.Sprintf("alone%d", round), bulkShare)
	t.of = *profiles
	bodies, err := t.batches(r.Events)
	if err != nil {
		return err
	}
	before, err := r.ends(ctx)
	if err != nil {
		return err
	}
	if err := r.only(ctx, "collector", func() error {
		begun := time.Now()
		err := r.site.send(ctx, bodies)
		r.report.add(rowCollector, float64(r.Events)/time.Since(begun).Seconds())
		return err
	}); err != nil {
		return err
	}
	r.raw = r.raw[:0]
	if err := r.each(ctx, schemas.TopicRaw, before[schemas.TopicRaw], func(p int, rec stream.Record) error {
		r.raw = append(r.raw, rawRecord{p, rec.Key, rec.Value})
		return nil
	}); err != nil {
		return err
	}
	for _, s := range []struct {
		role, row string
		done      func(context.Context) (int64, error)
		topic     string
	}{{"resolver", rowResolver, r.resolvedTo, schemas.TopicRaw}, {"tagger", rowTagger, r.taggedTo, schemas.TopicEvents}} {
		if err := r.only(ctx, s.role, func() error {
			rate, err := r.progress(ctx, s.done, s.topic)
			r.report.add(s.row, rate)
			return err
		}); err != nil {
			return fmt.Errorf("%s alone: %w", s.role, err)
		}
	}
	err = r.only(ctx, "archiver", func() error { return r.archiver(ctx) })
	r.worked("archiver alone", int64(r.perEvent*float64(r.Events)))
	return err
}

// only runs one role while something is measured.
func (r *realBench) only(ctx context.Context, role string, measure func() error) error {
	w := r.workers[role]
	if err := w.start(ctx); err != nil {
		return err
	}
	var stop func() error
	err := error(nil)
	if role == "collector" {
		err = w.ready(ctx, r.site.client) // the others begin to work by themselves
	}
	if err == nil && *perf != "" {
		stop, err = r.record(ctx, role, w.cmd.Process.Pid)
	}
	if err == nil {
		err = r.shared(role+" alone", measure)
	}
	if stop != nil {
		err = errors.Join(err, stop())
	}
	if role != "archiver" && *only == "" {
		r.worked(role+" alone", int64(r.Events))
	}
	r.site.client.CloseIdleConnections()
	return errors.Join(err, w.stop())
}

// record profiles a process by perf until it is stopped; a number goes before the
// role, by the order of what is measured.
func (r *realBench) record(ctx context.Context, role string, pid int) (func() error, error) {
	if err := os.MkdirAll(*perf, 0o750); err != nil {
		return nil, fmt.Errorf("folder for profiles: %w", err)
	}
	r.recorded++
	role = fmt.Sprintf("%d-%s", r.recorded, role)
	cmd := exec.CommandContext(ctx, "perf", "record", "-q", "-F", "199", "-g", "-p", fmt.Sprint(pid), "-o", filepath.Join(*perf, role+".perf"))
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start perf: %w", err)
	}
	return func() error {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait() // ends by the signal
		return nil
	}, nil
}

// progress is records a second from the first progress on: joining the group is
// no work.
func (r *realBench) progress(ctx context.Context, done func(context.Context) (int64, error), topics ...string) (float64, error) {
	var total int64
	for _, topic := range topics {
		ranges, err := r.parts.Stream.Ranges(ctx, topic, r.counts()[topic])
		if err != nil {
			return 0, err
		}
		for _, x := range ranges {
			total += x.End
		}
	}
	start, err := done(ctx)
	if err != nil {
		return 0, err
	}
	var begun time.Time
	var first int64
	err = until(ctx, func(ctx context.Context) (bool, error) {
		now, err := done(ctx)
		if begun.IsZero() && now > start {
			begun, first = time.Now(), now
		}
		return now >= total, err
	})
	if err == nil && first >= total {
		err = errors.New("too few events: all were done at once")
	}
	return float64(total-first) / time.Since(begun).Seconds(), err
}

func (r *realBench) resolvedTo(ctx context.Context) (sum int64, err error) {
	for p := range r.parts.Config.RawPartitions {
		pos, err := rawplan.New(r.parts.Redis, p).Read(ctx)
		if err != nil {
			return 0, err
		}
		sum += pos.Done
	}
	return sum, nil
}

func (r *realBench) taggedTo(ctx context.Context) (sum int64, err error) {
	for s := range realShards {
		pos, err := shard.New(r.parts.Redis, tagging.Generation, s).Read(ctx)
		if err != nil {
			return 0, err
		}
		sum += pos.Offset
	}
	return sum, nil
}

// archivedTo is how many records are whole in history.
func (r *realBench) archivedTo(ctx context.Context) (int64, error) {
	var n int64
	err := r.parts.Warehouse.Scalar(ctx, fmt.Sprintf("SELECT toInt64(sum(hi - lo)) FROM %s.batches", r.parts.Warehouse.Database()), &n)
	return n, err
}

// archiver measures the archiver in records, each of which is a row at least.
func (r *realBench) archiver(ctx context.Context) error {
	topics := []string{schemas.TopicEvents, schemas.TopicChanges, schemas.TopicAlerts}
	start, err := r.archivedTo(ctx)
	if err != nil {
		return err
	}
	rate, err := r.progress(ctx, r.archivedTo, topics...)
	if err != nil {
		return fmt.Errorf("archiver alone: %w", err)
	}
	end, err := r.archivedTo(ctx)
	if err != nil {
		return err
	}
	r.report.add(rowArchiver, rate)
	r.report.add(rowStored, rate*float64(r.Events)/float64(end-start))
	r.perEvent = float64(end-start) / float64(r.Events)
	return nil
}
