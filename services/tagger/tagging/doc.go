// Package tagging is the tagger: it owns shards of profiles and applies events
// to them as they arrive.
//
// Guarantee: each record of `events` takes effect exactly once, however often it
// is read: what it did to profiles, counts, timers and outbox is committed in
// one script together with the next offset and a high mark per source, compared
// with the owner's epoch and the commit number. Changes and alerts leave through
// the outbox after the commit that made them; their ids come from their causes.
// Timers fire by stream time, never ahead of a backlog, always before a later
// record of their profile. What tags follow from what events is decided by
// libs/rule/apply alone.
//
// It is the only writer of `tw:{g.s}:*`.
package tagging
