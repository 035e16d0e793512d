// Package ledger proves G1-G3, G5 and G11 on real parts: numbered events are
// posted to several collectors by producers that repeat, shuffle and link
// identities, while a nemesis kills, freezes and restarts every role and every
// part, and cuts and slows the connections between them. In the end what was
// accepted is stored, each once, and tags, counts, sums and alerts are those of a
// model that simply counts.
//
// TestOutages puts proxies between the roles and the parts: each part is away,
// slow and half-open for a while, and Redis comes back with an older state.
// Those who need a part say so, the others go on, memory stays bounded.
//
// TestHandOver lets taggers and resolvers leave in order and others come, and
// prints how long the shards stood still.
//
// It holds tests only. They need Apache Kafka and carry the build tag real.
// scripts/soak runs them for longer.
package ledger
