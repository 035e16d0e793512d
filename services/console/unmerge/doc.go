// Package unmerge gives customers who were parted their pasts back.
//
// An unmerge is an event: at its place in the log the tagger lets the customer
// begin anew. What both had done before stands in history; [Keeper] waits until
// the archiver has passed that place, folds the two pasts with the same pure
// functions as live and sends them as hand-overs, which the taggers take in as in
// a merge. Their merge ids are made of the unmerge, so each counts once however
// often it is written and whoever writes it. What is to be done is read off
// history and the shards; nothing else is kept, so a console that dies in between
// leaves nothing behind but work that the next one finds.
package unmerge
