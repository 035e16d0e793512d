package embedded

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// giveWay lets a process run behind the others. A priority belongs to a thread and is inherited by the threads it
// starts, so it is set until no thread is left without it.
func giveWay(pid int) error {
	for again := true; again; {
		again = false
		tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil {
			return fmt.Errorf("list the threads: %w", err)
		}
		for _, t := range tasks {
			tid, err := strconv.Atoi(t.Name())
			if err != nil {
				return fmt.Errorf("number of a thread: %w", err)
			}
			// The kernel's own call answers with 20 less the priority.
			if now, err := syscall.Getpriority(syscall.PRIO_PROCESS, tid); err != nil || 20-now >= backSeat {
				continue // an error: the thread has ended
			}
			again = true
			if err := syscall.Setpriority(syscall.PRIO_PROCESS, tid, backSeat); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("lower the priority: %w", err)
			}
		}
	}
	return nil
}
