package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
)

// repair brings the broker's folder into a state from which it starts with all it acknowledged: a swap of compacted
// files that was interrupted is finished, and a torn last entry of its logs is cut off.
func repair(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the broker's folder: %w", err)
	}
	return errors.Join(
		finishSwaps(dir),
		cutTorn(filepath.Join(dir, "groups.log")),
		cutTorn(filepath.Join(dir, "pids.log")),
	)
}

// cutTorn truncates a log of kfake behind its last whole entry. An entry is length (4, little-endian, of what follows
// the sum), CRC-32C (4), version (2), data.
func cutTorn(path string) error {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	whole := 0
	for whole+10 <= len(raw) {
		n := int(binary.LittleEndian.Uint32(raw[whole:]))
		end := whole + 8 + n
		if n < 2 || end > len(raw) || crc32.Checksum(raw[whole+8:end], castagnoli()) != binary.LittleEndian.Uint32(raw[whole+4:]) {
			break
		}
		whole = end
	}
	if whole == len(raw) {
		return nil
	}
	if err := os.Truncate(path, int64(whole)); err != nil {
		return fmt.Errorf("cut the torn end of %s: %w", path, err)
	}
	return nil
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }
