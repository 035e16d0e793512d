// Package segment reads the requests of Segment's HTTP tracking API, as the
// unmodified SDKs send them, into events.
//
// It is pure. It guarantees a verdict for every event of a batch: one that
// cannot be taken never takes its neighbours with it. It does not know keys or
// sources; ingest asks for [Request.WriteKey] and then for [Request.Items].
package segment
