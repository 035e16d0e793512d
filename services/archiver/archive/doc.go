// Package archive carries the log into ClickHouse: every event, change, alert
// and refusal becomes a row of history.
//
// It makes Kafka's at-least-once exact. One member of the group takes what has
// come for the partitions of a topic that it owns, freezes these ranges as a
// set in the commit metadata of each of them, inserts the rows with a token
// made of the set, and repeats that same set until ClickHouse has it; the next
// commit moves the offsets on and freezes the next set. Whoever inherits a
// partition finds the set there and repeats the whole of it, reading partitions
// of others where it must: the same rows with the same token, which adds
// nothing if they were there already.
//
// Guarantees: no record below a committed offset is missing from history; a
// kill at any moment and a change of owners leave the same rows; a record that
// cannot be read becomes a row of `rejected` with its coordinates and stops
// nothing; memory stays bounded while ClickHouse is away. Rows are a function
// of the records alone.
//
// It does not judge, mask or open anything: personal values arrive sealed and
// stay so. `tagwire up` and the archiver's own main call it.
//
// Files: archive.go starts and ends, owner.go is one generation's work on one
// topic, intake.go holds what has been read and not yet taken, set.go are the
// frozen ranges, batch.go cuts, tables.go and encode*.go make rows.
package archive
