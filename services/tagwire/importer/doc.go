// Package importer brings files of the past in: CSV, tables parted by spaces and
// JSON lines, through the collector's POST /v1/import.
//
// Guarantee: a row has one id, made of the import's name, its content and how
// many equal rows stood before it, so equal rows are distinct events and a row
// that is sent again is the same event. Rows go out in the order of the file, a
// batch at a time. A run that was killed goes on behind the last row that was
// acknowledged; whatever may have arrived without an answer is looked up in
// history first, and only what is missing is sent. Rows that cannot be taken are
// written down with the reason and stop nobody.
//
// It does not judge what a row means: a [Map], written by people or proposed by
// [Guess], says which column is what. Without access to history an answer that
// was lost is followed by sending the batch again, which a profile recognises
// for as long as it remembers the ids. `tagwire import` calls it.
package importer
