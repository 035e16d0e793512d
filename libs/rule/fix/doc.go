// Package fix rewrites what a Chinese keyboard put into rule files to what must
// be typed, and nothing else: comments, spaces and texts for people stay byte
// for byte.
//
// It is core. A set that compiles is never changed, and of others only the files
// that are refused are; doing it again changes nothing.
package fix
