// Package ingest is the collector: it takes events in over HTTP and answers when
// they are safe.
//
// Guarantees: a 2xx means that Kafka has acknowledged the event with acks=all,
// or, for senders that never repeat (WeCom, webhooks, links, beacons) while
// Kafka is away, that it is synced to the spool; every event of a batch has its
// own verdict; what is refused goes to `rejected` with a typed reason; memory is
// bounded whatever is sent and whoever is away. Redis and the definitions may be
// away: the newest copies serve.
//
// Not guaranteed: that an event arrives once. A sender's repetition, or a record
// that was spooled while its acknowledgement was on the way, comes twice with
// the same event id; consumers drop the second.
//
// The packages below read one format each and know no Kafka. Mounted by the
// all-in-one and by the collector's own main, both also call [Collector.Run].
package ingest
