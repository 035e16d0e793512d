// Package notify is the notifier: it puts every alert into the inbox and sends
// it to people on the channels that routes name.
//
// It guarantees: each alert is in the inbox exactly once, with the actions of
// people applied in the order of the log; each goes out at least once on each
// of its channels, and what each delivery did is in a ledger written before and
// after; a channel that does not answer delays no other; after the last retry a
// delivery is kept as dead and can be asked for again. A restart, a takeover by
// another process and the loss of Redis go on from what is stored: the inbox
// from the log of alerts, the ledger from the delivered records in it.
//
// A channel may get a message twice when a process dies between the request and
// its note; the message carries the alert's number.
//
// Every partition of the topic alerts has one [owner], one goroutine that makes
// all commits of its inbox partition; every target of deliveries has one
// [courier]. Both live as long as the generation of the consumer group.
package notify
