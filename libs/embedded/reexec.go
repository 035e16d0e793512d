package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// childVariable marks a process that was started as a child of ours; its value is the order, in JSON.
const childVariable = "TAGWIRE_EMBEDDED_CHILD"

// childOrder is what a re-executed copy of this program is told to be.
type childOrder struct {
	Parent int      `json:"parent"`          // ends when this process is no longer its parent
	Load   string   `json:"load,omitempty"`  // the library to run as clickhouse-local, with Args
	Until  string   `json:"until,omitempty"` // the fifo whose last writer gone ends what Load runs
	Watch  string   `json:"watch,omitempty"` // the program to run and to end with the parent, with Args
	Args   []string `json:"args"`
}

// MaybeChild turns this process into the child it was started as, and then never returns; in all others it does
// nothing. main calls it before anything else, TestMain through embeddedtest.Main.
func MaybeChild() {
	text := os.Getenv(childVariable)
	if text == "" {
		return
	}
	var order childOrder
	err := json.Unmarshal([]byte(text), &order)
	if err == nil {
		err = order.run()
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is the main of a child
	}
	os.Exit(0) //nolint:forbidigo // this is the main of a child
}

func (o childOrder) run() error {
	switch {
	case o.Load != "":
		go watchParent(o.Parent, func() { os.Exit(0) }) //nolint:forbidigo // nobody is left to tell
		return o.load()
	case o.Watch != "":
		return o.watch()
	default:
		return errors.New("a child without an order")
	}
}

// watch runs a program that cannot watch its parent, where the kernel does not do it, and passes the wish to end on.
func (o childOrder) watch() error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	go watchParent(o.Parent, cancel)
	cmd := exec.CommandContext(ctx, o.Watch, o.Args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return terminate(cmd.Process) }
	cmd.WaitDelay = childGrace
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("%s: %w", o.Watch, err)
	}
	return nil
}

// watchParent calls gone when parent is no longer the parent of this process. It lives as long as the process.
func watchParent(parent int, gone func()) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for os.Getppid() == parent {
		<-tick.C
	}
	gone()
}

// reexec is a command that runs this program again with an order.
func reexec(name string, o childOrder, inherit ...*os.File) (func() (*exec.Cmd, error), error) {
	if os.Getenv(childVariable) != "" {
		return nil, errors.New("this process is itself a child: main must call embedded.MaybeChild first")
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	o.Parent = os.Getpid()
	text, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode the order for %s: %w", name, err)
	}
	// asyncpreemptoff: the Go scheduler's signals would interrupt system calls of a library that was not made for them.
	env := append(os.Environ(), childVariable+"="+string(text), "GODEBUG=asyncpreemptoff=1")
	return func() (*exec.Cmd, error) {
		cmd := exec.Command(self)
		cmd.Args = []string{name}
		cmd.Env, cmd.ExtraFiles = env, inherit
		return cmd, nil
	}, nil
}
