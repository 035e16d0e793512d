// Package embedded runs the parts that Tagwire needs when none is configured: a Kafka broker in this process (kfake),
// Valkey and ClickHouse (libchdb) as child processes, all on loopback with their data in one folder.
//
// It guarantees: one owner per folder (Lock); what a part acknowledged is on disk; after a stop or a kill -9 the next
// Start goes on with the same topics, offsets, keys and tables; a child that dies is started again on its port; children
// end with this process; a default port that is taken is replaced and said, an address that was given never is;
// passwords are random, made once and readable by the owner of the folder only.
//
// It does not create topics, keys, databases or tables, and nothing here is reachable from another machine.
//
// Its callers are services/tagwire (tagwire up) and the tests of other packages, through embeddedtest.
//
// # What the broker does differently from Apache Kafka
//
// Found by reading and trying kfake; each line that says "here" is what this package does about it.
//
//   - message.timestamp.type is stored and ignored: records keep the producer's time. Producers must stamp with the
//     present, never with an event's own time.
//   - kfake's own retention applies to compacted topics too (seven days by default) and may empty a partition, after
//     which a restart begins at offset 0 again. Here it is switched off; see retention.go: only whole closed segments go,
//     by age or size, and never what a group that has committed on that partition has not consumed.
//   - kfake's own compaction deletes the old files before it writes the new ones. Here it is switched off; topics with
//     cleanup.policy=compact are compacted before the broker starts, into new folders that are swapped in; see compact.go.
//   - A torn last entry of groups.log hides every later one. Here it is cut off before the broker starts, and a broker
//     that could not write its offsets is restarted; see repair.go.
//   - Committed offsets keep their metadata over restarts. Here they expire after a year, as on the brokers of doctor.
//   - kfake can sync each batch itself, but does so within its one loop, twice a batch, and ignores errors. Here it writes
//     without syncing, and its answers are held back until what they tell of is synced, many by one round; an error ends
//     the broker. See durable.go.
//   - At start the whole log is read, so the log is kept short: segments of 8 MiB, and besides the one being written
//     at most 16 MiB a partition when all has been consumed, unless the topic sets segment.bytes or retention.bytes.
//   - A compacted topic begins with the first batch of which something is left, not at 0: ask for the first offset.
//
// # What ClickHouse does differently from a server
//
// libchdb is clickhouse-local with listeners: no Keeper, no Replicated tables, no ON CLUSTER, no users made by SQL, no
// system log tables. Loaded as a library it is given a terminal, without which any client that misbehaves would end it
// (clickhouse_child.go); run by Python, where npm has no library, it ends then, and is started again within a second.
package embedded
