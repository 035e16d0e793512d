package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// dyingWait is how long a lock is waited for: a process that was just killed needs a moment to give it back.
const dyingWait = 2 * time.Second

// roomNeeded is what must fit on the disk for the parts to start at all.
const roomNeeded = 4 << 20

// DirLock is the ownership of a data folder. It ends with the process that holds it, however it ends.
type DirLock struct{ f *os.File }

// Lock makes sure that dir exists, is writable and has no other owner, and takes it.
func Lock(dir string) (*DirLock, error) {
	if err := usable(dir); err != nil {
		return nil, folderProblem(dir, err)
	}
	f, err := flock(context.Background(), filepath.Join(dir, "lock"), dyingWait)
	if errors.Is(err, errHeld) {
		pid := holder(filepath.Join(dir, "lock"))
		return nil, problem(ErrInUse, nil,
			fmt.Sprintf("数据目录 %s 正被另一个 tagwire（进程 %s）使用。请先停掉它，或用 --data 换一个目录", dir, pid),
			fmt.Sprintf("The data folder %s is in use by another tagwire (process %s). Stop that one first, or choose another folder with --data", dir, pid))
	}
	if err != nil {
		return nil, folderProblem(dir, err)
	}
	if err := writePID(f); err != nil {
		return nil, folderProblem(dir, errors.Join(err, f.Close()))
	}
	return &DirLock{f: f}, nil
}

// Release gives the folder back.
func (l *DirLock) Release() error {
	if err := l.f.Close(); err != nil {
		return fmt.Errorf("release the data folder: %w", err)
	}
	return nil
}

var errHeld = errors.New("held by another process")

// flock takes an exclusive lock on path, waiting up to patience for another holder.
func flock(ctx context.Context, path string, patience time.Duration) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(errHeld, f.Close())
		case <-tick.C:
		}
	}
}

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("note the process id: %w", err)
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("note the process id: %w", err)
	}
	return nil
}

func holder(path string) string {
	b, err := os.ReadFile(path)
	if err != nil || strings.TrimSpace(string(b)) == "" {
		return "?"
	}
	return strings.TrimSpace(string(b))
}

// usable proves that dir can be created and written to, with a little room left: the parts report a full disk in
// three different ways, so it is asked before they start.
func usable(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	probe, err := os.CreateTemp(dir, ".room-*")
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	_, err = probe.Write(make([]byte, roomNeeded))
	if err == nil {
		err = probe.Sync()
	}
	if err := errors.Join(err, probe.Close(), os.Remove(probe.Name())); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
