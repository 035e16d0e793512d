//go:build !linux

package embedded

import (
	"fmt"
	"syscall"
)

// giveWay lets this process run behind the others.
func giveWay() error {
	if err := syscall.Setpriority(syscall.PRIO_PROCESS, 0, 10); err != nil {
		return fmt.Errorf("lower the priority: %w", err)
	}
	return nil
}
