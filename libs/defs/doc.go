// Package defs keeps what people create (sources, channels, stores, links, forms,
// staff, routes, rule sets, lists) in the compacted topic `defs`, and a read-only
// copy of it in memory.
//
// A definition has versions 1, 2, 3 … A record's key is kind/id@version/writer;
// for one version the first record in the log is valid, on every reader and for
// ever. A writer whose record came second deletes it and answers [ErrConflict].
//
// Guarantees: Put returns after the store's own copy holds the new version; two
// writers never both succeed with one version; a body that does not fit its kind
// is refused with the field's name; secret fields are sealed on the topic and in
// exports they are references. A reader keeps records it does not understand.
//
// Not guaranteed: when Put's context ends first, whether the record was written
// is open; read again. That a definition names another that exists is not checked.
//
// Called by every role (reading), the console and the defs commands (writing).
package defs
