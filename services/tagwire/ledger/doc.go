// Package ledger proves G1-G3, G5 and G11 on real parts: numbered events are
// posted to several collectors by producers that repeat, shuffle and link
// identities, while a nemesis kills, freezes and restarts every role and every
// part. In the end what was accepted is stored, each once, and tags, counts,
// sums and alerts are those of a model that simply counts.
//
// It holds tests only. They need Apache Kafka and carry the build tag real.
// scripts/soak ledger runs them for longer.
package ledger
