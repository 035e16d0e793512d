// Package links makes events of opened links and of the time spent behind them.
//
// It is pure: tokens are verified by libs/auth, definitions are read by ingest.
// It guarantees that fetches which no person made (link previews, prefetching,
// crawlers, HEAD) are never a link.open; generic HTTP clients are taken for
// people, since integrations are tested with them.
package links
