// Package shard is a tagger's slice of profiles in Redis: profiles, counts,
// timers, outbox and position, all in one cluster slot.
//
// Guarantee: [Shard.Commit] changes all of them or nothing. It compares the
// owner's epoch and the commit number first; every commit raises the number. So
// a batch that is committed twice, by a resend or by a zombie, takes effect
// once, and the counts equal the profiles at every commit.
package shard
