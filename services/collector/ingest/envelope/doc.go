// Package envelope holds what all collectors share in turning a sender's JSON
// into an [event.Event]: typed refusals, limits, times, identities, money and
// the fields of the envelope.
//
// It is pure: no I/O and no clock. It guarantees that an event it accepts can
// be read back by event.Decode: numbers that no reader can hold are refused or
// become texts, texts are valid UTF-8, depth is bounded. It does not know any
// sender's format; the packages beside it do, and they are its only callers.
package envelope
