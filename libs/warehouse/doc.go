// Package warehouse is ClickHouse: the connection, the migrations of history,
// inserts that may be repeated, and the questions that the console and
// `tagwire verify` ask.
//
// It guarantees that an insert repeated with the same token and the same rows
// adds nothing, in the table and in everything fed from it, as long as no more
// than the deduplication window (10,000 blocks a table) came between; behind
// that, every table collapses repeated rows by a key that ends in an id, and
// every question here reads through it. [Warehouse.Check] refuses a server that
// cannot keep this.
//
// It does not decide what is inserted when: that is the archiver's. It retries
// nothing: its callers do. Personal values are stored as they come, sealed.
//
// Files: open.go connects, migrate.go and goosestore.go bring the schema up,
// check.go looks at the server, insert.go inserts, order.go packs the order of
// changes, timeline.go, tags.go and recount.go ask.
package warehouse
