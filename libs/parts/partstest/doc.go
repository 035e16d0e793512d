// Package partstest starts the real parts for tests: Apache Kafka in KRaft mode
// (one broker or several, plain or with TLS and SCRAM), Redis and Valkey
// (standalone, with TLS and an ACL user, or a Cluster with replicas), and
// ClickHouse as a process of its own.
//
// It guarantees that each call has parts of its own, on free ports and in the
// test's folder, which answer when the call returns; that they are gone with the
// test, or with the test binary when it is killed (on Linux); and that a part
// which was stopped, killed or frozen comes back on the same port with the same
// data, so that a test may treat it as a crash.
//
// It never stands in for a part and skips nothing: without the engines
// (scripts/fetch-engines, scripts/fetch-real-parts) a test fails. Tests that need
// more than the engines of `tagwire up` carry the build tag real, which
// scripts/test sets where they are at hand.
//
// Its callers are tests. Those that start ClickHouse need
// func TestMain(m *testing.M) { embeddedtest.Main(m) }.
//
// Files: process.go runs a process, kafka.go, redis.go, cluster.go and
// clickhouse.go the parts, engines.go finds the programs, certificate.go makes
// the certificate of a test.
package partstest
