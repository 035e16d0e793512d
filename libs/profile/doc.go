// Package profile is the state of one customer and how facts fold into it.
//
// It is core: no I/O, no clock, no logging. A [Profile] holds identities,
// traits, tags, the stage and the folds of measures. Folding is free of order:
// facts are kept as sets of distinct event ids ordered by (time, id), windows
// and recent facts are looked at as of any moment of the last [Horizon], and
// two profiles that turn out to be one customer merge as sets. What rules make
// of a profile is decided in libs/rule/apply, by nobody else.
package profile
