// Package schemas holds what services agree on as data: the topic catalogue,
// event types and their aliases, the event's JSON Schema with examples, typed
// reasons of refusal and the ClickHouse migrations. It has no logic beyond
// reading them.
package schemas
