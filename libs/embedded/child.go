package embedded

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"go.uber.org/zap"
)

const (
	retryFirst   = 200 * time.Millisecond
	retryMost    = 5 * time.Second
	retryGiveUp  = 8                // starts in a row that never became ready
	settledAfter = 30 * time.Second // a child that lived this long starts the count anew
	childGrace   = 10 * time.Second // from asking a child to end to ending it
	logTail      = 2000             // bytes of a dead child's last words that are shown
)

// childSpec is how a child process is started, asked and stopped.
type childSpec struct {
	name    string
	logPath string
	command func() (*exec.Cmd, error)   // a fresh command: one is needed for each start
	ready   func(context.Context) error // nil when it answers; asked again and again while it lives
	stop    func(*os.Process) error     // asks it to end
	behind  bool                        // runs behind the others once it is ready: see giveWay
	giveUp  int                         // starts in a row that never became ready; 0: retryGiveUp
	log     *zap.Logger
}

// child keeps one process running: when it dies it is started again, on the same port, after a growing pause.
type child struct {
	spec   childSpec
	cancel context.CancelFunc
	done   chan struct{} // the supervisor has ended and no process is left
	failed chan error    // given up; one error at most
}

// process is one life of a child.
type process struct {
	cmd  *exec.Cmd
	exit chan error    // how it ended; holds it until asked
	gone chan struct{} // closed when no process is left
}

// startChild returns when the first process is ready, or with the reason and the last words of it.
func startChild(ctx context.Context, spec childSpec) (*child, error) {
	p, err := spec.spawn()
	if err != nil {
		return nil, err
	}
	if err := spec.awaitReady(ctx, p); err != nil {
		return nil, errors.Join(err, spec.end(p))
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c := &child{spec: spec, cancel: cancel, done: make(chan struct{}), failed: make(chan error, 1)}
	go c.supervise(ctx, p)
	return c, nil
}

// close ends the child and waits for it.
func (c *child) close() {
	c.cancel()
	<-c.done
}

func (c *child) supervise(ctx context.Context, p *process) {
	defer close(c.done)
	failures, pause, born := 0, retryFirst, time.Now()
	for {
		select {
		case <-ctx.Done():
			if err := c.spec.end(p); err != nil {
				c.spec.log.Warn("child did not end by itself", zap.String("part", c.spec.name), zap.Error(err))
			}
			return
		case err := <-p.exit:
			c.spec.log.Error("part died, starting it again", zap.String("part", c.spec.name), zap.Error(c.spec.lastWords(err)))
		}
		if time.Since(born) > settledAfter {
			failures, pause = 0, retryFirst
		}
		for {
			if !sleep(ctx, pause) {
				return
			}
			pause = min(2*pause, retryMost)
			next, err := c.spec.spawn()
			if err == nil {
				if err = c.spec.awaitReady(ctx, next); err == nil {
					p, born = next, time.Now()
					c.spec.log.Info("part is back", zap.String("part", c.spec.name))
					break
				}
				err = errors.Join(err, c.spec.end(next))
			}
			if ctx.Err() != nil {
				return
			}
			if failures++; failures >= cmp.Or(c.spec.giveUp, retryGiveUp) {
				c.failed <- err
				return
			}
			c.spec.log.Error("part does not come back yet", zap.String("part", c.spec.name), zap.Int("try", failures), zap.Error(err))
		}
	}
}

// spawn starts a process. A goroutine of its own, bound to its thread, starts and waits for it: on Linux the signal that
// a child gets when its parent dies is sent when the starting thread ends, and Go ends idle threads.
func (s childSpec) spawn() (*process, error) {
	cmd, err := s.command()
	if err != nil {
		return nil, err
	}
	out, err := os.OpenFile(s.logPath, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("log of %s: %w", s.name, err)
	}
	p := &process{cmd: cmd, exit: make(chan error, 1), gone: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = childAttributes()
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.exit <- p.cmd.Wait()
			close(p.gone)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name, errors.Join(err, out.Close()))
	}
	if err := out.Close(); err != nil { // our copy only: the child has its own
		s.log.Warn("close the log of a part", zap.String("part", s.name), zap.Error(err))
	}
	return p, nil
}

// awaitReady asks until the process answers, dies or ctx ends.
func (s childSpec) awaitReady(ctx context.Context, p *process) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		ask, cancel := context.WithTimeout(ctx, 2*time.Second)
		last = s.ready(ask)
		cancel()
		if last == nil {
			s.settle(p)
			return nil
		}
		select {
		case err := <-p.exit:
			return s.lastWords(err)
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", s.name, errors.Join(context.Cause(ctx), last))
		case <-tick.C:
		}
	}
}

// backSeat is how much a child that may wait gives way to the others: it has about a third of their share when all want
// the processor, and all of it when nobody else does. With 10, a ninth, queries ran into their limits on a busy machine.
const backSeat = 5

// settle takes the processor from a part that may wait, now that its start is over.
func (s childSpec) settle(p *process) {
	if !s.behind {
		return
	}
	if err := giveWay(p.cmd.Process.Pid); err != nil { // slower for others, nothing else
		s.log.Warn("a part runs at the priority of the others", zap.String("part", s.name), zap.Error(err))
	}
}

// end asks the process to end, insists after the grace, and waits until it is gone.
func (s childSpec) end(p *process) error {
	select {
	case <-p.gone:
		return nil
	default:
	}
	err := s.stop(p.cmd.Process)
	t := time.NewTimer(childGrace)
	defer t.Stop()
	select {
	case <-p.gone:
		return nil
	case <-t.C:
		err = errors.Join(err, fmt.Errorf("%s still runs after %s", s.name, childGrace), p.cmd.Process.Kill())
		<-p.gone
		return err
	}
}

// lastWords puts the end of the dead child's log behind how it ended.
func (s childSpec) lastWords(exit error) error {
	if exit == nil {
		exit = errors.New("ended by itself")
	}
	words := tail(s.logPath, logTail)
	return problem(ErrPartDied, fmt.Errorf("%w: %s", exit, words),
		s.name+" 进程意外退出，日志在 "+s.logPath,
		s.name+" ended unexpectedly, its log is "+s.logPath)
}

func tail(path string, n int64) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		if _, err := f.Seek(max(0, size-n), io.SeekStart); err != nil {
			return err.Error()
		}
	}
	b, err := io.ReadAll(io.LimitReader(f, n))
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(b))
}

// sleep waits for d and says whether ctx is still on.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func terminate(p *os.Process) error {
	if err := p.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("ask the process to end: %w", err)
	}
	return nil
}
