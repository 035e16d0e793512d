package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// logFiles syncs the files of the broker's folder that have grown since they were last synced. Rounds do not overlap.
//
// The index beside each segment is not synced: of what it holds, the broker reads back epochs and transaction marks,
// which are zero here, and takes a missing entry for zero.
type logFiles struct {
	dir    string
	synced map[string]int64 // segment → its size when it was last synced
}

func newLogFiles(dir string) *logFiles { return &logFiles{dir: dir, synced: map[string]int64{}} }

func (f *logFiles) sync(t touched) error {
	var grown []string
	if t.everything {
		clear(f.synced) // a topic may have been made again under its name
		entries, err := os.ReadDir(filepath.Join(f.dir, "partitions"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("list the partitions: %w", err)
		}
		for _, e := range entries {
			t.partitions[filepath.Join(f.dir, "partitions", e.Name())] = struct{}{}
		}
	}
	for dir := range t.partitions {
		more, err := f.segments(dir)
		if err != nil {
			return err
		}
		grown = append(grown, more...)
	}
	if t.state || t.everything {
		for _, name := range []string{"groups.log", "pids.log"} {
			path := filepath.Join(f.dir, name)
			// These are replaced by shorter ones now and then: their size proves nothing.
			if _, err := os.Stat(path); err == nil {
				grown = append(grown, path)
			}
		}
	}
	return f.syncAll(grown)
}

// segments are the files of a partition that have grown, and its folder when one is new: its name must last too.
func (f *logFiles) segments(dir string) ([]string, error) {
	names, err := readNames(dir)
	if errors.Is(err, fs.ErrNotExist) { // a topic that is not there, or not yet
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the segments: %w", err)
	}
	var grown []string
	for _, name := range names {
		if !strings.HasSuffix(name, ".dat") {
			continue
		}
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) { // retention was faster
			delete(f.synced, path)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look at a segment: %w", err)
		}
		size, known := f.synced[path]
		if known && size == info.Size() {
			continue
		}
		if !known {
			grown = append(grown, dir)
		}
		f.synced[path] = info.Size()
		grown = append(grown, path)
	}
	return grown, nil
}

func readNames(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	names, err := d.Readdirnames(-1)
	return names, errors.Join(err, d.Close())
}

// syncAll syncs at once: the file system commits its journal for all together.
func (f *logFiles) syncAll(paths []string) error {
	if len(paths) == 1 {
		return syncFile(paths[0])
	}
	errs := make([]error, len(paths))
	var wait sync.WaitGroup
	for i, path := range paths {
		wait.Go(func() { errs[i] = syncFile(path) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

func syncFile(path string) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) { // removed by retention or replaced: nothing left to keep
		return nil
	}
	if err != nil {
		return fmt.Errorf("open to sync: %w", err)
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", filepath.Base(path), err)
	}
	return nil
}
