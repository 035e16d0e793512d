// Package rawplan is a resolver's memory in Redis: the plan of the last batch of
// each raw partition, which identity belongs to which profile, and with whom phones
// and devices were seen.
//
// Guarantee: a plan is stored, with the offset behind it, by comparing epoch and
// number, before anything is published by it. After a crash the same plan is
// found and published again, so routing is decided once.
package rawplan
