// Package cloudevents reads CloudEvents 1.0 over HTTP in the structured, the
// batched and the binary mode.
//
// It is pure. id becomes event_id as it is, so producers that count their ids
// from one need a write key each; type is the event's type; subject, or the
// data, names the customer; data is our envelope where it looks like one, else
// the event's properties. The CloudEvent's own source is kept in the context.
package cloudevents
