package event

import (
	"encoding/base32"
	"encoding/binary"
)

// sortable is base32 whose letters are in ASCII order, so that texts sort as
// their bytes do.
var sortable = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// ProfileID names a new profile by the raw record that creates it, so a retry
// makes the same id and ids sort by age: the smaller is the older and wins
// every merge. place tells apart profiles that one record creates.
func ProfileID(receivedAt Time, partition int, offset int64, place int) string {
	var b [15]byte
	binary.BigEndian.PutUint64(b[0:8], uint64(receivedAt)<<16|uint64(uint16(partition)))
	binary.BigEndian.PutUint64(b[7:15], uint64(partition&0xff)<<56|uint64(offset)<<4|uint64(place&15))
	return "p" + sortable.EncodeToString(b[:])
}

// Older says that profile a was created before profile b.
func Older(a, b string) bool { return a < b }
