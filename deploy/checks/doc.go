// Package checks tests what is shipped for operators: the compose file, the
// alert rules, the dashboards and the runbooks, each against the product as it
// is, by the parsers of Compose and Prometheus themselves.
//
// It is a module of its own because those parsers bring more requirements than
// the product has. Nothing imports it; scripts/test runs it.
package checks
