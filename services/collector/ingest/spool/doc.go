// Package spool is a bounded folder of records that senders who never repeat
// have been told are safe while Kafka was away.
//
// It guarantees: Append returns after the records are synced to disk; they come
// back in the order of Append, over restarts too; a write cut off by a crash or
// a full disk costs that write alone, never the records around it; the folder
// never grows above its bound. A record may come back again after a crash: the
// place up to which all is done is not synced.
//
// It does not know Kafka or Redis; ingest drains it and announces its oldest
// record. One process owns a folder.
package spool
