package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/tagwire/tagwire/libs/event"
)

// Record is one Kafka message that waits.
type Record struct {
	Received  event.Time
	Partition int
	Key       []byte
	Value     []byte
}

// A frame is: magic, length and checksum of the body, body. The magic lets a
// reader find the next whole frame behind a damaged one.
const (
	magic     = 0x54775350 // "TwSP"
	headBytes = 12
	bodyFixed = 8 + 4 + 4
	maxBody   = 4 << 20
)

var errFrame = errors.New("not a whole frame")

// castagnoli is a table that the standard library makes once.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// appendFrame adds a record's frame.
func appendFrame(b []byte, r Record) ([]byte, error) {
	size := bodyFixed + len(r.Key) + len(r.Value)
	if size > maxBody {
		return b, fmt.Errorf("record of %d bytes: %w", size, ErrTooLarge)
	}
	start := len(b)
	b = append(b, make([]byte, headBytes)...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Received))
	b = binary.BigEndian.AppendUint32(b, uint32(r.Partition))
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.Key)))
	b = append(append(b, r.Key...), r.Value...)
	body := b[start+headBytes:]
	binary.BigEndian.PutUint32(b[start:], magic)
	binary.BigEndian.PutUint32(b[start+4:], uint32(len(body)))
	binary.BigEndian.PutUint32(b[start+8:], crc32.Checksum(body, castagnoli()))
	return b, nil
}

// readFrame reads the frame that b begins with; n is its length.
func readFrame(b []byte) (r Record, n int, err error) {
	if len(b) < headBytes || binary.BigEndian.Uint32(b) != magic {
		return r, 0, errFrame
	}
	size := int64(binary.BigEndian.Uint32(b[4:]))
	if size < bodyFixed || size > maxBody || size > int64(len(b)-headBytes) {
		return r, 0, errFrame
	}
	body := b[headBytes : headBytes+size]
	if crc32.Checksum(body, castagnoli()) != binary.BigEndian.Uint32(b[8:]) {
		return r, 0, errFrame
	}
	key := int64(binary.BigEndian.Uint32(body[12:]))
	if key > size-bodyFixed {
		return r, 0, errFrame
	}
	r = Record{
		Received:  event.Time(binary.BigEndian.Uint64(body)),
		Partition: int(binary.BigEndian.Uint32(body[8:])),
		Key:       body[bodyFixed : bodyFixed+key],
		Value:     body[bodyFixed+key:],
	}
	return r, headBytes + int(size), nil
}

// nextFrame finds the first whole frame in b; skipped are the damaged bytes
// before it. ok is false when there is none.
func nextFrame(b []byte) (r Record, skipped, n int, ok bool) {
	var mark [4]byte
	binary.BigEndian.PutUint32(mark[:], magic)
	for from := 0; ; {
		i := bytes.Index(b[from:], mark[:])
		if i < 0 {
			return r, len(b), 0, false
		}
		from += i
		if r, n, err := readFrame(b[from:]); err == nil {
			return r, from, n, true
		}
		from++
	}
}
