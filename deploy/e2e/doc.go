// Package e2e runs the contracts of Kafka, Redis and ClickHouse in containers,
// and one event from its post to bi.events through the product beside them.
//
// It is a module of its own because testcontainers brings more requirements than
// the product has. Nothing imports it; scripts/test runs it where a Docker engine
// runs, and names it where none does. Images are those of docker-compose.yml, or
// what TAGWIRE_E2E_KAFKA_IMAGE, …_REDIS_IMAGE and …_CLICKHOUSE_IMAGE name; where no
// registry can be reached, scripts/build-images makes them of the fetched parts.
package e2e
