// Package inbox is the alert inbox in Redis: each alert exactly once, its
// state, who it concerns, how its deliveries stand, and a log of its updates.
//
// There is one inbox per partition of the topic alerts, under the keys
// tw:inbox:{p}:…, all in one cluster slot. A partition has one [Writer], held
// by the notifier that owns the partition of the topic. Everything a commit
// writes, the offset in the log of alerts included, is written by one script
// that first compares owner epoch and commit number; so each record takes
// effect once, however often it is read, and a writer that lost its partition
// writes nothing.
//
// [Inbox] is the reading side, for the console: one alert, lists newest first
// with a cursor that stays valid, and a feed of updates that resumes at an id.
// It also takes the requests to send a delivery again.
//
// Titles may carry sealed tokens: the inbox keeps them as they are and its
// reader opens them. It keeps no other personal data.
package inbox
