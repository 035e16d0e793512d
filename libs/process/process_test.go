package process_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tagwire/tagwire/libs/process"
)

// journal keeps what happened, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

// draining is a component that takes d to drain after it was asked to stop.
func (j *journal) draining(name string, stage process.Stage, d time.Duration) process.Component {
	return process.Component{Name: name, Stage: stage, Run: func(ctx context.Context) error {
		<-ctx.Done()
		j.add(name + " asked")
		time.Sleep(d)
		j.add(name + " ended")
		return ctx.Err()
	}}
}

func TestStagesStopInOrderAndCleanStopIsNil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		start := time.Now()
		err := process.Run(ctx, zap.NewNop(),
			j.draining("kafka", process.Part, time.Second),
			j.draining("archiver", process.Sink, time.Second),
			j.draining("tagger", process.Worker, time.Second),
			j.draining("collector", process.Source, time.Second),
		)
		require.NoError(t, err)
		assert.Equal(t, []string{
			"collector asked", "collector ended", "tagger asked", "tagger ended",
			"archiver asked", "archiver ended", "kafka asked", "kafka ended",
		}, j.lines)
		assert.Equal(t, time.Minute+4*time.Second, time.Since(start))
	})
}

func TestOneFailureStopsAllAndIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var j journal
		cause := errors.New("disk full")
		err := process.Run(t.Context(), zap.NewNop(),
			j.draining("collector", process.Source, 0),
			process.Component{Name: "archiver", Stage: process.Sink, Run: func(context.Context) error {
				time.Sleep(time.Second)
				return fmt.Errorf("write spool: %w", cause)
			}},
		)
		require.ErrorIs(t, err, cause)
		require.EqualError(t, err, "archiver: write spool: disk full")
		assert.Equal(t, []string{"collector asked", "collector ended"}, j.lines)
	})
}

func TestErrorsOfAllComponentsAreJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fail := func(name string) process.Component {
			return process.Component{Name: name, Run: func(ctx context.Context) error {
				<-ctx.Done()
				return errors.New("flush of " + name)
			}}
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		err := process.Run(ctx, zap.NewNop(), fail("a"), fail("b"))
		require.EqualError(t, err, "a: flush of a\nb: flush of b")
	})
}

func TestPanicBecomesNamedErrorWithStackInLogOnly(t *testing.T) {
	core, logs := observer.New(zapcore.ErrorLevel)
	err := process.Run(t.Context(), zap.New(core), process.Component{
		Name: "tagger", Run: func(context.Context) error { panic("index 7 out of range") },
	})
	require.EqualError(t, err, "tagger: panic: index 7 out of range")
	entry := logs.FilterMessage("component ended with an error").All()
	require.Len(t, entry, 1)
	assert.Contains(t, entry[0].ContextMap()["stack"], "process_test.go")
}

func TestDrainBudgetLetsTheNextStageGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		var sinkAsked time.Duration
		err := process.Run(ctx, zap.NewNop(),
			process.Component{Name: "slow", Drain: 3 * time.Second, Run: func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(7 * time.Second)
				return nil
			}},
			process.Component{Name: "sink", Stage: process.Sink, Run: func(ctx context.Context) error {
				<-ctx.Done()
				sinkAsked = time.Since(start)
				return nil
			}},
		)
		require.NoError(t, err, "it ended late, but within the whole budget")
		assert.Equal(t, 3*time.Second, sinkAsked)
		assert.Equal(t, 7*time.Second, time.Since(start))
	})
}

func TestRunReturnsWithinTheBudgetAndNamesWhoDidNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		release := make(chan struct{})
		start := time.Now()
		err := process.Run(ctx, zap.NewNop(),
			process.Component{Name: "stuck", Drain: time.Hour, Run: func(context.Context) error {
				<-release
				return nil
			}},
			process.Component{Name: "fine", Stage: process.Part, Run: func(ctx context.Context) error {
				<-ctx.Done()
				return nil
			}},
		)
		require.ErrorIs(t, err, process.ErrDrain)
		require.ErrorContains(t, err, "stuck: ")
		assert.NotContains(t, err.Error(), "fine")
		assert.LessOrEqual(t, time.Since(start), 20*time.Second)
		close(release)
	})
}

func TestSilentEndIsAnErrorUnlessAllowed(t *testing.T) {
	nothing := func(context.Context) error { return nil }
	err := process.Run(t.Context(), zap.NewNop(), process.Component{Name: "tagger", Run: nothing})
	require.ErrorIs(t, err, process.ErrEnded)
	err = process.Run(t.Context(), zap.NewNop(), process.Component{Name: "import", Run: nothing, MayEnd: true})
	require.NoError(t, err)
}

func TestWrongComponentsAreRefusedTogether(t *testing.T) {
	err := process.Run(t.Context(), zap.NewNop(),
		process.Component{}, process.Component{Name: "a"},
		process.Component{Name: "b", Run: func(context.Context) error { return nil }, Stage: 9})
	require.EqualError(t, err, "process: component 0 has no name\n"+
		"process: component a has no Run\nprocess: component b has unknown stage 9")
}

func TestSignalEndsTheContext(t *testing.T) {
	ctx, stop := process.Signals(t.Context())
	defer stop()
	require.NoError(t, syscall.Kill(syscall.Getpid(), syscall.SIGTERM))
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("SIGTERM did not end the context")
	}
}
