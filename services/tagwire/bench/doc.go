// Package bench measures how fast one Tagwire deployment is on this machine,
// beside what its parts alone can do with the same bytes, in one run.
//
// It starts the real program on embedded parts in a folder of its own, sends
// traffic that a seed fixes, and waits until all roles have no lag. Latency is
// measured by an open loop: each event has its moment, whether or not those
// before it have been answered, and the time counts from that moment. It judges
// no result and promises none; `tagwire bench` calls it.
package bench
