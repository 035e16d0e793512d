//go:build soak

package ledger

import "testing"

// What takes too long for every change; see scripts/soak.

// TestLedgerOnClusters is the ledger on three brokers and a Redis Cluster, of
// which one node is lost at a time.
func TestLedgerOnClusters(t *testing.T) { ledger(t, shape{brokers: 3, cluster: true}) }

// TestZombies kills and freezes the three taggers of 16 shards until twenty have
// woken as zombies.
func TestZombies(t *testing.T) { ledger(t, shape{brokers: 1, zombies: 20}) }
