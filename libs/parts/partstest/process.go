package partstest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Node is one server of a part, as a nemesis treats it.
type Node interface {
	Start(ctx context.Context) error // again, on the same port and data; returns when it answers
	Stop() error                     // SIGTERM; returns when it is gone
	Kill() error                     // SIGKILL
	Pause() error                    // SIGSTOP: connections stay open, nothing answers
	Resume() error                   // SIGCONT
}

const (
	startWithin = 60 * time.Second
	stopWithin  = 30 * time.Second
	askEvery    = 50 * time.Millisecond
	askWithin   = 3 * time.Second
	lastWords   = 4000 // bytes of a dead server's log that its error shows
)

// Process is a server that runs as a process of its own. Safe for concurrent use.
type Process struct {
	Name    string
	Log     string // file of what it prints
	command func() *exec.Cmd
	ready   func(ctx context.Context) error

	mu     sync.Mutex
	cmd    *exec.Cmd
	gone   chan struct{} // closed when the process has ended
	paused bool
}

var (
	_ Node = (*Process)(nil)

	errRuns = errors.New("it runs already")
	errDown = errors.New("it does not run")
)

// Start runs it and returns when it answers. A process that ends before is an
// error with its last words.
func (p *Process) Start(ctx context.Context) error {
	gone, err := p.launch()
	if err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	err = until(ctx, p.Name+" answers", func(ctx context.Context) error {
		select {
		case <-gone:
			return final{fmt.Errorf("it ended: %s", p.tail())}
		default:
			return p.ready(ctx)
		}
	})
	var ended final
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ended):
		return fmt.Errorf("start %s: %w", p.Name, ended)
	}
	return errors.Join(fmt.Errorf("start %s: %w; it said: %s", p.Name, err, p.tail()), p.Kill())
}

func (p *Process) launch() (gone chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running() {
		return nil, errRuns
	}
	out, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	defer func() { _ = out.Close() }() // our copy: the child has its own
	cmd := p.command()
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = out, out, attributes()
	started := make(chan error)
	gone = make(chan struct{})
	go func() { // ends with the process
		// The signal that a child gets when its parent dies is sent when the thread
		// that started it ends, and Go ends idle threads.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in the log
			close(gone)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	p.cmd, p.gone, p.paused = cmd, gone, false
	return gone, nil
}

// running asks under mu.
func (p *Process) running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.gone:
		return false
	default:
		return true
	}
}

// Running says whether there is a process, frozen or not.
func (p *Process) Running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running()
}

// Stop asks it to end and waits; a frozen one is woken for that.
func (p *Process) Stop() error {
	if err := p.Resume(); err != nil {
		return err
	}
	return p.end(syscall.SIGTERM)
}

// Kill ends it at once.
func (p *Process) Kill() error { return p.end(syscall.SIGKILL) }

// Pause freezes it: its connections stay, nothing answers.
func (p *Process) Pause() error { return p.freeze(true) }

// Resume wakes it; one that is awake stays so.
func (p *Process) Resume() error { return p.freeze(false) }

func (p *Process) freeze(on bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running() {
		return fmt.Errorf("signal %s: %w", p.Name, errDown)
	}
	sig := syscall.SIGCONT
	if on {
		sig = syscall.SIGSTOP
	}
	if err := p.cmd.Process.Signal(sig); err != nil {
		return fmt.Errorf("signal %s: %w", p.Name, err)
	}
	p.paused = on
	if on {
		return frozen(p.cmd.Process.Pid)
	}
	return nil
}

func (p *Process) end(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running() {
		return fmt.Errorf("end %s: %w", p.Name, errDown)
	}
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end %s: %w", p.Name, err)
	}
	t := time.NewTimer(stopWithin)
	defer t.Stop()
	select {
	case <-p.gone:
		return nil
	case <-t.C:
		err := fmt.Errorf("%s still runs %s after %s", p.Name, stopWithin, sig)
		err = errors.Join(err, p.cmd.Process.Kill())
		<-p.gone
		return err
	}
}

// endWithTest kills what is left of it when the test is over; its folder goes
// then, so nothing needs an orderly end. A failed test shows its last words.
func (p *Process) endWithTest(t testing.TB) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s said last: %s", p.Name, p.tail())
		}
		if err := p.Kill(); err != nil && !errors.Is(err, errDown) {
			t.Error(err)
		}
	})
}

func (p *Process) tail() string {
	b, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-lastWords):])
}

// final is an error that asking again cannot mend.
type final struct{ error }

// until asks again and again until a condition holds. A test binary that is
// itself frozen for a while is not the condition's fault: only the time in which
// it could ask counts.
func until(ctx context.Context, what string, holds func(ctx context.Context) error) error {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for left := startWithin; ; {
		began := time.Now()
		ask, cancel := context.WithTimeout(ctx, askWithin)
		err := holds(ask)
		cancel()
		var f final
		switch {
		case err == nil:
			return nil
		case errors.As(err, &f) || left <= 0:
			return fmt.Errorf("wait until %s: %w", what, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w", what, errors.Join(ctx.Err(), err))
		}
		left -= min(time.Since(began), askWithin)
	}
}
