//go:build soak

package ledger

import "testing"

// What takes too long for every change; see scripts/soak.

// TestLedgerOnClusters is the ledger on three brokers and a Redis Cluster, of
// which one node is lost at a time.
func TestLedgerOnClusters(t *testing.T) { ledger(t, shape{brokers: 3, cluster: true}) }

// TestZombies kills and freezes the three taggers of 16 shards until twenty have
// woken as zombies. What they and their successors publish twice changes nobody:
// neither the inbox, nor who holds a tag in ClickHouse, nor Redis.
func TestZombies(t *testing.T) {
	const events = 5500 // that come while one is frozen, and before the next
	n := number(t, "TAGWIRE_LEDGER_ZOMBIES", 20)
	ledger(t, shape{brokers: 1, zombies: n, events: n * events, rate: 300})
}
