// Package auth tells who is asking: tokens, signed links, sessions, signatures of
// webhooks, and how often a key may ask.
//
// Guarantees: secrets are compared in constant time and stored only as hashes; a
// link token or signature that verifies was made with the key and not changed; a
// session ends with its idle time, its absolute time or its revoking, whichever
// comes first. Nothing here decides what somebody may do.
//
// Called by the collector (links, signatures, rates), the console (tokens,
// sessions) and the notifier (signatures).
package auth
