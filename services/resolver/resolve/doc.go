// Package resolve is the resolver: it finds out whose each raw record is and
// publishes it to the profile's shard.
//
// Guarantee: routing is decided once. For each batch a plan is made, stored with
// the raw offset, and only then published; after a crash the same plan is
// published again, and consumers drop what they have by source and number. Bad
// records go to `rejected` and never stop the stream. Keywords are matched here,
// personal fields are sealed with the profile's key here.
//
// It owns `tw:raw:*`, `tw:id:*` and `tw:seen:*` in Redis and may be down without loss.
package resolve
