// Package seal keeps personal data unreadable without its key: the key of a day
// for what lies in `raw`, the key of a profile for personal fields from `events`
// on. Erasing a person is destroying a key.
//
// All keys are random 32-byte AES-256-GCM keys, wrapped by the deployment's
// master key. The compacted topic `keys` is the truth ("day/2026-11-22" or
// "p/<profile>" → wrapped key, tombstone = destroyed); Redis holds a working copy.
//
// Guarantees: a key is in the topic, acknowledged, before anything is sealed with
// it; two processes never use different keys for one profile as long as Redis
// keeps what it acknowledged; a Redis that lost everything, or its last writes, is
// noticed with the next look-up and filled again from the topic; no key and no
// plain text is in an error or a log line. A key destroyed by another process is
// honoured here within a minute.
//
// Not guaranteed: a Redis Cluster that loses the last writes of one master alone
// is noticed only for reading (the topic is read again), not for a key created
// anew in the same moment.
//
// Called by the collector (days), the resolver (both), the notifier and the
// console (opening texts; destroying days that have run out), the erasure
// (destroying) and defs (the master key).
package seal
