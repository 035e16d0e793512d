package partstest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// frozen waits until a process that was told to stop has: a busy machine lets its
// threads go on for a moment. Where there is no /proc nothing is waited for.
func frozen(pid int) error {
	again, end := time.NewTicker(10*time.Millisecond), time.NewTimer(stopWithin)
	defer again.Stop()
	defer end.Stop()
	for awake(pid) > 0 {
		select {
		case <-again.C:
		case <-end.C:
			return fmt.Errorf("process %d was told to stop and still runs after %s", pid, stopWithin)
		}
	}
	return nil
}

// awake is the number of threads that are not stopped.
func awake(pid int) int {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid)) // the pattern is good
	n := 0
	for _, task := range tasks {
		b, err := os.ReadFile(filepath.Clean(task))
		if err != nil {
			continue // it has ended
		}
		if _, state, found := strings.Cut(string(b), ") "); found && state[0] != 'T' && state[0] != 't' && state[0] != 'Z' {
			n++
		}
	}
	return n
}
