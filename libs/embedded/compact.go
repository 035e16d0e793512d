package embedded

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
)

const (
	compactAbove  = 1 << 20        // smaller partitions are not worth it…
	compactAtMost = 24 * time.Hour // …unless this long has passed: a deleted key must go
)

// compaction remembers what was left of a partition and when, so that a start does not read what has not grown.
type compaction struct {
	Size int64     `json:"size"`
	At   time.Time `json:"at"`
}

func (c compaction) due(size int64, now time.Time) bool {
	if size == c.Size {
		return false
	}
	return now.Sub(c.At) >= compactAtMost || (size > compactAbove && size > c.Size+c.Size/2)
}

// compactTopics keeps the newest record of each key in topics with cleanup.policy=compact. It runs while no broker does.
func compactTopics(dir string, now time.Time, log *zap.Logger) error {
	topics, err := readTopics(dir)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "compaction.json")
	done := map[string]compaction{}
	if b, err := os.ReadFile(path); err == nil {
		if err := json.Unmarshal(b, &done); err != nil {
			log.Warn("compaction starts anew", zap.Error(err))
		}
	}
	changed := false
	for _, t := range topics {
		if !t.compacted() {
			continue
		}
		for p := range t.Partitions {
			c := compactor{root: dir, name: partitionName(t.Name, p), now: now}
			c.keepDeletes = time.Duration(t.number("delete.retention.ms", 86400000)) * time.Millisecond
			size, err := c.run(done[c.name])
			if err != nil {
				return fmt.Errorf("compact %s: %w", c.name, err)
			}
			if size >= 0 {
				done[c.name], changed = compaction{Size: size, At: now}, true
			}
		}
	}
	if !changed {
		return nil
	}
	b, err := json.Marshal(done)
	if err != nil {
		return fmt.Errorf("encode the state of compaction: %w", err)
	}
	return writeFile(path, b, 0o600)
}

type compactor struct {
	root, name  string
	keepDeletes time.Duration
	now         time.Time
	latest      map[string]int64 // key → offset of its newest record
	last        int64            // base offset of the last batch, which is never touched
}

// run compacts one partition and gives its size; -1 when it was not due or could not be read to its end.
func (c *compactor) run(before compaction) (int64, error) {
	dir := filepath.Join(c.root, "partitions", c.name)
	parts, err := segments(dir)
	if err != nil || len(parts) == 0 {
		return -1, err
	}
	var size int64
	for _, s := range parts {
		size += s.size
	}
	if !before.due(size, c.now) {
		return -1, nil
	}
	c.latest = map[string]int64{}
	whole, err := eachBatch(parts, c.note)
	if err != nil || !whole {
		return -1, err // a torn end is kfake's to cut; compaction waits for the next start
	}
	return c.rewrite(dir, parts)
}

func (c *compactor) note(b kmsg.RecordBatch, _ []byte) error {
	c.last = b.FirstOffset
	records, err := kfake.BatchRecords(b)
	if err != nil {
		return fmt.Errorf("records at %d: %w", b.FirstOffset, err)
	}
	for _, r := range records {
		if r.Key != nil {
			c.latest[string(r.Key)] = b.FirstOffset + int64(r.OffsetDelta)
		}
	}
	return nil
}

// rewrite writes what survives into a new folder, has it on disk, and swaps the folders. A crash at any point leaves
// either the old folder or the whole new one; finishSwaps does the rest.
func (c *compactor) rewrite(dir string, parts []segment) (int64, error) {
	fresh := filepath.Join(c.root, "compacting", c.name)
	if err := errors.Join(os.RemoveAll(fresh), os.MkdirAll(fresh, 0o700)); err != nil {
		return -1, fmt.Errorf("make a new folder: %w", err)
	}
	var data, index []byte
	base, newest := int64(-1), int64(0)
	_, err := eachBatch(parts, func(b kmsg.RecordBatch, raw []byte) error {
		kept, err := c.survivors(b, raw)
		if err != nil || kept == nil {
			return err
		}
		if base < 0 {
			base = b.FirstOffset
		}
		newest = max(newest, b.MaxTimestamp)
		data = append(data, kept...)
		index = append(index, indexEntry(newest)...)
		return nil
	})
	if err != nil {
		return -1, err
	}
	err = errors.Join(
		writeFile(filepath.Join(fresh, fmt.Sprintf("%d.dat", base)), data, 0o600),
		writeFile(filepath.Join(fresh, fmt.Sprintf("%d.idx", base)), index, 0o600),
	)
	if err != nil {
		return -1, err
	}
	if err := os.Rename(fresh, fresh+swapMark); err != nil {
		return -1, fmt.Errorf("declare the new folder whole: %w", err)
	}
	return int64(len(data)), errors.Join(syncDir(filepath.Dir(fresh)), swap(fresh+swapMark, dir))
}

// survivors encodes what is left of a batch: nothing, itself, or a smaller one at the same offsets.
func (c *compactor) survivors(b kmsg.RecordBatch, raw []byte) ([]byte, error) {
	if b.FirstOffset == c.last || b.Attributes&0x20 != 0 {
		return raw, nil
	}
	records, err := kfake.BatchRecords(b)
	if err != nil {
		return nil, fmt.Errorf("records at %d: %w", b.FirstOffset, err)
	}
	var kept []byte
	var n, lastDelta int32
	for _, r := range records {
		superseded := r.Key != nil && c.latest[string(r.Key)] > b.FirstOffset+int64(r.OffsetDelta)
		written := time.UnixMilli(b.FirstTimestamp + r.TimestampDelta64)
		if superseded || (r.Value == nil && c.now.Sub(written) >= c.keepDeletes) {
			continue
		}
		kept = r.AppendTo(kept)
		lastDelta = r.OffsetDelta
		n++
	}
	switch n {
	case 0:
		return nil, nil
	case b.NumRecords:
		return raw, nil
	}
	b.Attributes &^= 0x07 // no longer compressed
	b.LastOffsetDelta, b.NumRecords, b.Records = lastDelta, n, kept
	b.Length = int32(len(b.AppendTo(nil)) - 12)
	b.CRC = int32(crc32.Checksum(b.AppendTo(nil)[21:], castagnoli()))
	return b.AppendTo(nil), nil
}

// eachBatch reads the batches in order and says whether the files end where the last batch does.
func eachBatch(parts []segment, do func(b kmsg.RecordBatch, raw []byte) error) (whole bool, err error) {
	for _, s := range parts {
		raw, err := os.ReadFile(s.path)
		if err != nil {
			return false, fmt.Errorf("read a segment: %w", err)
		}
		for len(raw) > 0 {
			if len(raw) < 61 {
				return false, nil
			}
			n := 12 + int(binary.BigEndian.Uint32(raw[8:]))
			if n < 61 || n > len(raw) || crc32.Checksum(raw[21:n], castagnoli()) != binary.BigEndian.Uint32(raw[17:]) {
				return false, nil
			}
			var b kmsg.RecordBatch
			if err := b.ReadFrom(raw[:n]); err != nil {
				return false, nil //nolint:nilerr // what cannot be read is left as it is
			}
			if err := do(b, raw[:n:n]); err != nil {
				return false, err
			}
			raw = raw[n:]
		}
	}
	return true, nil
}

// indexEntry is kfake's entry for a batch: version, low byte of the CRC-32C of the rest, epoch 0, newest timestamp, no
// transaction.
func indexEntry(newest int64) []byte {
	e := make([]byte, 15)
	e[0] = 1
	binary.LittleEndian.PutUint64(e[6:], uint64(newest))
	e[1] = byte(crc32.Checksum(e[2:], castagnoli()))
	return e
}

// swapMark ends the name of a new folder that is whole.
const swapMark = ".whole"

// finishSwaps puts whole new folders in place and drops unfinished ones.
func finishSwaps(root string) error {
	work := filepath.Join(root, "compacting")
	entries, err := os.ReadDir(work)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list unfinished compactions: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(work, e.Name())
		if filepath.Ext(path) != swapMark {
			err = os.RemoveAll(path)
		} else {
			err = swap(path, filepath.Join(root, "partitions", e.Name()[:len(e.Name())-len(swapMark)]))
		}
		if err != nil {
			return fmt.Errorf("finish a compaction: %w", err)
		}
	}
	return nil
}

func swap(whole, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the old folder: %w", err)
	}
	if err := os.Rename(whole, dir); err != nil {
		return fmt.Errorf("put the new folder in place: %w", err)
	}
	return errors.Join(syncDir(filepath.Dir(dir)), syncDir(filepath.Dir(whole)))
}
