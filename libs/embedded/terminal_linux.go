package embedded

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// takeTerminal makes the standard input of this process a new terminal; hangUp takes it away.
func takeTerminal() (hangUp func(), err error) {
	far, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("make a terminal: %w", err)
	}
	if err := becomeInput(far); err != nil {
		return nil, errors.Join(err, far.Close())
	}
	return func() { _ = far.Close() }, nil // the process is about to end
}

func becomeInput(far *os.File) error {
	if err := unix.IoctlSetPointerInt(int(far.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return fmt.Errorf("unlock a terminal: %w", err)
	}
	n, err := unix.IoctlGetInt(int(far.Fd()), unix.TIOCGPTN)
	if err != nil {
		return fmt.Errorf("name a terminal: %w", err)
	}
	near, err := os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return fmt.Errorf("open a terminal: %w", err)
	}
	if err := unix.Dup3(int(near.Fd()), 0, 0); err != nil {
		return fmt.Errorf("use a terminal: %w", errors.Join(err, near.Close()))
	}
	return near.Close()
}
