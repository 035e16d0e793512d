// Package store is Redis as the product uses it: how to reach it, and the names
// of keys.
//
// The packages below it own their keys alone: shard (a tagger's slice of
// profiles), rawplan (a resolver's plans and the identities), inbox (alerts).
// Each writes by one script that compares epoch and commit number before it
// changes anything; Redis does not roll a script back.
package store
