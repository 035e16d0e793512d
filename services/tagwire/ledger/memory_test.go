//go:build real

package ledger

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// memory is how much each process holds, in MiB.
func (f *fleet) memory() map[string]int {
	out := map[string]int{}
	for _, w := range f.roles {
		w.mu.Lock()
		cmd := w.cmd
		w.mu.Unlock()
		if cmd == nil {
			continue
		}
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
		if err != nil {
			continue // bounded misses it
		}
		for line := range strings.Lines(string(b)) {
			var kb int
			if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kb); n == 1 {
				out[w.name] = kb >> 10
			}
		}
	}
	return out
}

// watch looks at memory until the peak is asked for.
func (f *fleet) watch() (peak func() map[string]int) {
	most, stop, done := map[string]int{}, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(300 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				for name, mb := range f.memory() {
					most[name] = max(most[name], mb)
				}
			}
		}
	}()
	return func() map[string]int {
		close(stop)
		<-done
		return most
	}
}

// archiverMemory is what an archiver with a full backlog comes to, in MiB, however
// long that is.
const archiverMemory = 320

// bounded: nothing may be piled up while a part is away, however long that is.
func (f *fleet) bounded(before, peak map[string]int) {
	f.t.Helper()
	require.Len(f.t, peak, len(f.roles))
	name, worst := "", 0
	for n, mb := range peak {
		most := 2*before[n] + 100
		if strings.HasPrefix(n, "archiver") { // what it reads ahead of each topic, and a whole batch of rows
			most = max(most, archiverMemory)
		}
		require.LessOrEqual(f.t, mb, most, "MiB that %s held; before: %d", n, before[n])
		if mb-before[n] >= worst {
			name, worst = n, mb-before[n]
		}
	}
	f.t.Logf("memory: %s grew most, from %d to %d MiB", name, before[name], peak[name])
}
