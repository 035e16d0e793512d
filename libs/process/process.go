// Package process runs the components of one program and ends them in order.
//
// It guarantees: all components start together; when the context ends, or a
// component fails, the sources are asked to stop first, then the workers, the
// sinks and the parts, each with its own drain budget; [Run] returns within
// [Budget] of being asked to stop; a panic in a component's own goroutine
// becomes an error that names the component, its stack goes to the log; the
// errors of all components are joined.
//
// It does not restart what failed, does not order starts (each component
// retries its own edges), and cannot end a goroutine that ignores its context:
// such a component is named in the error and left to the end of the program.
//
// The mains of all services call it.
package process

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"go.uber.org/zap"
)

// Stage says when a component is asked to stop. Lower stages stop first.
type Stage int

// The stages, in the order in which they stop.
const (
	// Source takes in from outside: HTTP listeners, pollers, importers.
	Source Stage = iota
	// Worker turns one stream into another: resolver, tagger.
	Worker
	// Sink hands on to people and stores: archiver, notifier.
	Sink
	// Part is what the others stand on: embedded Kafka, Redis, ClickHouse.
	Part

	stages = int(Part) + 1
)

const (
	// Budget is the time from the request to stop until Run returns, whatever
	// its components do. It lies below the 20 s that a supervisor is promised.
	Budget = 18 * time.Second
	// reserve is kept of the Budget for each later stage, so that a component
	// that never ends cannot take the time to drain from the others.
	reserve = 2 * time.Second
	// DefaultDrain is the drain budget of a component that names none.
	DefaultDrain = 5 * time.Second
)

var (
	// ErrEnded says that a component returned without an error before it was
	// asked to stop.
	ErrEnded = errors.New("ended before it was asked to")
	// ErrDrain says that a component was still running when its drain budget
	// was used up.
	ErrDrain = errors.New("still running at the end of its drain budget")
)

// Component is one thing that runs until its context ends.
type Component struct {
	// Name stands in errors and logs.
	Name string
	// Stage orders the stop. The zero value is Source.
	Stage Stage
	// Run blocks until ctx ends, then drains and returns. Returning ctx.Err()
	// after that is no error.
	Run func(ctx context.Context) error
	// Drain bounds the time from the request to stop until the next stage is
	// asked. Default: DefaultDrain.
	Drain time.Duration
	// MayEnd allows Run to return nil before it is asked to stop, as a task
	// does that has an end of its own.
	MayEnd bool
}

// PanicError is the error of a component that panicked. Its text has no stack,
// since people read it; the stack is for the log.
type PanicError struct {
	Value any
	Stack []byte
}

// Error names the panic's value only.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap gives the panic's value where it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Run starts all components and blocks until all have ended. It stops them
// when ctx ends or one of them fails, and returns their joined errors, nil
// after a clean stop.
func Run(ctx context.Context, log *zap.Logger, components ...Component) error {
	if err := check(log, components); err != nil {
		return err
	}
	g := &group{log: log, ended: make(chan struct{}, len(components))}
	for _, c := range components {
		g.start(ctx, c)
	}
	g.watch(ctx)
	return g.stop()
}

func check(log *zap.Logger, components []Component) error {
	var errs []error
	if log == nil {
		errs = append(errs, errors.New("process: log is nil"))
	}
	seen := make(map[string]bool, len(components))
	for i, c := range components {
		switch {
		case c.Name == "":
			errs = append(errs, fmt.Errorf("process: component %d has no name", i))
		case seen[c.Name]:
			errs = append(errs, fmt.Errorf("process: two components are named %s", c.Name))
		case c.Run == nil:
			errs = append(errs, fmt.Errorf("process: component %s has no Run", c.Name))
		case c.Stage < Source || c.Stage > Part:
			errs = append(errs, fmt.Errorf("process: component %s has unknown stage %d", c.Name, c.Stage))
		}
		seen[c.Name] = true
	}
	return errors.Join(errs...)
}

// running is a component with its own context. err may be read once done is
// closed; asked is touched by the goroutine of Run only.
type running struct {
	Component
	cancel context.CancelFunc
	done   chan struct{}
	err    error
	asked  bool
}

type group struct {
	log   *zap.Logger
	all   []*running
	ended chan struct{}
}

func (g *group) start(ctx context.Context, c Component) {
	if c.Drain <= 0 {
		c.Drain = DefaultDrain
	}
	// The component does not see the end of ctx itself: the stages would
	// otherwise all stop at once.
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &running{Component: c, cancel: cancel, done: make(chan struct{})}
	g.all = append(g.all, r)
	go func() {
		defer func() {
			close(r.done)
			g.ended <- struct{}{}
		}()
		r.err = guard(own, c.Run)
	}()
}

func guard(ctx context.Context, run func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return run(ctx)
}

// watch returns when ctx ends, a component fails, or none is left.
func (g *group) watch(ctx context.Context) {
	for range g.all {
		select {
		case <-ctx.Done():
			return
		case <-g.ended:
			if g.failed() {
				return
			}
		}
	}
}

func (g *group) failed() bool {
	for _, r := range g.all {
		if r.isDone() && r.result() != nil {
			return true
		}
	}
	return false
}

func (g *group) stop() error {
	deadline := time.Now().Add(Budget)
	for stage := range Stage(stages) {
		later := time.Duration(stages-1-int(stage)) * reserve
		g.stopStage(stage, deadline.Add(-later))
	}
	// Whoever overran its own budget may use what is left of the whole one.
	var errs []error
	for _, r := range g.all {
		if !r.wait(time.Until(deadline)) {
			errs = append(errs, fmt.Errorf("%s: %w", r.Name, ErrDrain))
			continue
		}
		if err := r.result(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.Name, err))
			g.logFailure(r.Name, err)
		}
	}
	return errors.Join(errs...)
}

func (g *group) stopStage(stage Stage, deadline time.Time) {
	asked := time.Now()
	var members []*running
	for _, r := range g.all {
		if r.Stage != stage {
			continue
		}
		r.asked = !r.isDone()
		r.cancel()
		members = append(members, r)
	}
	for _, r := range members {
		left := min(time.Until(asked.Add(r.Drain)), time.Until(deadline))
		if !r.wait(left) {
			g.log.Warn("component drains longer than its budget",
				zap.String("component", r.Name), zap.Duration("drain", r.Drain))
		}
	}
}

func (g *group) logFailure(name string, err error) {
	fields := []zap.Field{zap.String("component", name), zap.Error(err)}
	if p, ok := errors.AsType[*PanicError](err); ok {
		fields = append(fields, zap.ByteString("stack", p.Stack))
	}
	g.log.Error("component ended with an error", fields...)
}

func (r *running) isDone() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// wait reports whether r ended within d.
func (r *running) wait(d time.Duration) bool {
	if r.isDone() {
		return true
	}
	t := time.NewTimer(max(d, 0))
	defer t.Stop()
	select {
	case <-r.done:
		return true
	case <-t.C:
		return r.isDone()
	}
}

// result is the error of an ended component, seen from outside: the end of its
// own context is none, and a silent end that nobody asked for is one.
func (r *running) result() error {
	switch {
	case r.asked && errors.Is(r.err, context.Canceled):
		return nil
	case r.err == nil && !r.asked && !r.MayEnd:
		return ErrEnded
	default:
		return r.err
	}
}
