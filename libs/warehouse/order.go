package warehouse

import "github.com/tagwire/tagwire/libs/event"

// Bits of an order packed into one number.
const (
	generationBits = 12
	commitBits     = 34
	positionBits   = 64 - generationBits - commitBits
)

// Version packs an order into one number that sorts as "newer" does: by
// generation, commit and position. The shard is left out: within a generation
// everything about one profile comes from one shard. A position or number too
// large for its place counts as the largest.
func Version(o event.Order) uint64 {
	return pack(uint64(max(o.Generation, 0)), generationBits)<<(commitBits+positionBits) |
		pack(uint64(max(o.Commit, 0)), commitBits)<<positionBits |
		pack(uint64(max(o.Position, 0)), positionBits)
}

// upTo is the highest version of a commit.
func upTo(generation int, commit int64) uint64 {
	return Version(event.Order{Generation: generation, Commit: commit, Position: 1 << positionBits})
}

func pack(v uint64, bits int) uint64 { return min(v, 1<<bits-1) }

// FirstWins is a version by which, among rows of one key, the one that stood
// first in the log stays: by incarnation, offset and partition.
func FirstWins(incarnation int, offset int64, partition int) uint64 {
	const offsetBits, partitionBits = 46, 10
	return ^(uint64(incarnation)<<(offsetBits+partitionBits) | (uint64(offset)&(1<<offsetBits-1))<<partitionBits | uint64(partition)&(1<<partitionBits-1))
}
