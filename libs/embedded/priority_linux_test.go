package embedded

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// priority is that of a process' first thread, as `nice` counts.
func priority(t *testing.T, pid int) int {
	t.Helper()
	p, err := syscall.Getpriority(syscall.PRIO_PROCESS, pid)
	require.NoError(t, err)
	return 20 - p
}

func TestGiveWayLowersThePriorityOnce(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait() // killed
	})
	before := priority(t, cmd.Process.Pid)
	require.NoError(t, giveWay(cmd.Process.Pid))
	require.Equal(t, max(before, backSeat), priority(t, cmd.Process.Pid))
	require.NoError(t, giveWay(cmd.Process.Pid))
	require.Equal(t, max(before, backSeat), priority(t, cmd.Process.Pid))
	require.Error(t, giveWay(1<<30), "nobody has this number")
}

// The history runs behind whoever must be quick.
func TestClickHouseRunsBehindTheOthers(t *testing.T) {
	p, err := Start(t.Context(), Options{
		Dir: t.TempDir(), Log: zap.NewNop(), ClickHouse: true, ClickHouseNativeAddr: "127.0.0.1:0", ClickHouseHTTPAddr: "127.0.0.1:0",
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close(t.Context())) })
	own := priority(t, os.Getpid())
	for _, pid := range childrenNamed(t, "tagwire-clickhouse") {
		require.Equal(t, max(own, backSeat), priority(t, pid))
	}
}

// childrenNamed are our children whose command line begins so; at least one.
func childrenNamed(t *testing.T, name string) (out []int) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, path := range all {
		stat, err := os.ReadFile(path)
		if err != nil { // it has ended
			continue
		}
		line, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if strings.HasPrefix(string(line), name) && fields[1] == strconv.Itoa(os.Getpid()) {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			require.NoError(t, err)
			out = append(out, pid)
		}
	}
	require.NotEmpty(t, out)
	return out
}
