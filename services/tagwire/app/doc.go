// Package app is everything in one process: the embedded parts that are not
// configured elsewhere, and all roles over the same wire protocols as apart.
//
// Guarantee: a data folder is used by one process at a time; endpoints.json
// stands there only while everything answers; after SIGTERM the process ends
// within 20 seconds, after kill -9 the next one goes on where it was.
package app
