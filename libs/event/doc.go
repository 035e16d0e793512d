// Package event is the envelope of one interaction and of the records that
// carry it through the log.
//
// It is core: no I/O, no clock, no logging. Everything that arrives at a
// collector becomes an [Event]; the resolver wraps it in a [Record] addressed
// to a profile; the tagger answers with [Change] and [Alert] records. All are
// JSON on the wire; schemas/event.schema.json describes the envelope.
//
// The package guarantees that decoding what it encoded gives the same value,
// and that identifiers (event ids without a client's own, partitions, shards)
// are functions of their input alone.
package event
