// Package demo is a simulated WeCom shop for `tagwire up --demo`: customers who
// are added by a channel's code, join groups, open links, chat, fill in forms and
// order, first for some weeks of past and then live, for ever.
//
// Everything it knows is in what it sends: the past through POST /v1/import, the
// rest through signed and encrypted WeCom callbacks, archive lines, signed links,
// a signed webhook and the tracking API, as a real shop would. It makes the
// definitions it needs through libs/defs and the rules through PUT /rules, both
// from the pack that stands in deploy/examples/wecom-shop; nothing of it touches
// Kafka, and Redis it only reads, to compare.
//
// It keeps a book of its own of what it has sent, and from that counts, without
// the rule engine, who must be 高意向; every half minute it compares that with
// what the product says and writes demo-check.json.
//
// Guarantees: the same seed and start give the same customers and the same past;
// an act is in the book exactly when it was acknowledged, also after kill -9 (see
// journal.go; where that cannot be known, the customer is named unsure and not
// compared). It promises nothing about the sizes or rates of a real shop.
//
// It is called by services/tagwire/cli alone.
package demo
