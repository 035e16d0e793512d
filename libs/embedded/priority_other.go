//go:build !linux

package embedded

import (
	"fmt"
	"syscall"
)

// giveWay lets a process run behind the others.
func giveWay(pid int) error {
	if err := syscall.Setpriority(syscall.PRIO_PROCESS, pid, backSeat); err != nil {
		return fmt.Errorf("lower the priority: %w", err)
	}
	return nil
}
