// Package api is the console's HTTP API: what people and programs ask of the
// product and tell it, and the page.
//
// Guarantees: every path under /api/v1 wants a session or a token, and every
// error is problem+json with a word in Chinese and in English; what people do to
// a customer is an event in `raw` like any other, answered when the tagger has
// committed it or with 202 when that takes longer; streams send heartbeats and
// are cut when their reader does not read. Personal texts are opened only for
// those who may see them.
//
// It writes definitions and events and keeps nothing itself, so any number of
// consoles may run. The all-in-one and services/console mount Handler and start
// Run.
package api
