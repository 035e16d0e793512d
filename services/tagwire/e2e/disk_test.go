//go:build mount

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestFullDisk fills the disk that holds the data folder while events come: what
// was answered with 2xx is kept, all else is told to come again, and when there
// is room again the product goes on by itself.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	require.NoError(t, syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=400m"))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(disk, syscall.MNT_DETACH)) })
	p := &product{t: t, dir: filepath.Join(disk, "data")}
	p.start()
	var accepted []string
	send := func() bool {
		id := fmt.Sprintf("e-%d", time.Now().UnixNano())
		a, err := p.tryTrack(id)
		if err == nil && a.code == 200 {
			accepted = append(accepted, id)
			return true
		}
		if err == nil {
			require.Contains(t, []int{429, 503}, a.code, "%s", a)
			require.NotEmpty(t, a.header.Get("Retry-After"))
			noTrace(t, string(a.body))
		}
		return false
	}
	for range 20 {
		require.True(t, send())
	}
	ballast := filepath.Join(disk, "ballast")
	refused, taken := 0, len(accepted)
	// A full disk still takes what fits into pages that are begun, and a part
	// that ends gives room back: events come, and room goes, until twenty of
	// them could not be taken.
	require.Eventually(t, func() bool {
		fill(t, ballast)
		if !send() {
			refused++
		}
		return refused == 20
	}, 2*time.Minute, time.Millisecond, "the disk was full")
	t.Logf("20 events were not accepted while the disk was full, %d were", len(accepted)-taken)
	noTrace(t, p.out.String())
	require.NoError(t, os.Remove(ballast))
	select {
	case <-p.done: // ended in words; its operator starts it again
		require.Positive(t, p.code)
		p.restart()
	default:
	}
	require.Eventually(t, send, readyIn, 200*time.Millisecond, "there is room again")
	p.hasAll(accepted)
}

// fill takes all room that is left, adding to path.
func fill(t testing.TB, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	block := make([]byte, 1<<16)
	for size := len(block); size > 0; {
		if _, err := f.Write(block[:size]); err != nil {
			require.ErrorIs(t, err, syscall.ENOSPC)
			size /= 16
		}
	}
	require.NoError(t, f.Close())
}
