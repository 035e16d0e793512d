// Package keyword finds the words of all keyword lists of a rule set in one pass
// over a text.
//
// It is core. Words are contained in the text after folding: width (NFKC), case,
// traditional to simplified characters, spaces and punctuation inside words. A
// word never reaches across the end of a clause (，。！？；：). What was found is a
// fact that is stored with the event, so the text need not be kept.
//
// The character table traditional.txt is that of OpenCC (Apache-2.0): one line
// of traditional, one of simplified characters.
package keyword
