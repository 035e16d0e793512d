package signs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// What is the part of a file that a sign stands in.
type What int

// The parts.
const (
	Structure  What = iota // YAML: keys, separators, quotes
	Expression             // a condition, or another expression
	Indent                 // in front of a line
)

// Edit is one replacement. Offset and Length are bytes; Line and Column (in
// runes) count from 1. An Edit of length 0 inserts.
type Edit struct {
	Offset, Length int
	New            string
	Line, Column   int
	Old            string
	What           What
}

// Message names the sign and what to type, for people.
func (e Edit) Message() string {
	want := strings.TrimSpace(e.New)
	if e.What == Indent {
		return "缩进里有制表符：请改用空格 / a tab in front of the line: indent by spaces"
	}
	return fmt.Sprintf("全角或中文符号 '%s'：请输入 %s / full-width sign '%[1]s': type %[2]s", e.Old, want)
}

// Find gives the edits that a file needs, in its order. known says whether a
// word is a key of the rule language.
func Find(text string, known func(key string) bool) []Edit {
	s := &scanner{text: []rune(text), known: known, unit: unitOf(text), plain: -1}
	for s.at < len(s.text) {
		s.line()
	}
	return s.place(text)
}

// Apply makes the edits.
func Apply(text string, edits []Edit) string {
	var b strings.Builder
	at := 0
	for _, e := range edits {
		b.WriteString(text[at:e.Offset])
		b.WriteString(e.New)
		at = e.Offset + e.Length
	}
	b.WriteString(text[at:])
	return b.String()
}

// change is an edit by runes.
type change struct {
	from, to int
	new      string
	what     What
}

// place turns changes into edits of bytes, with lines and columns.
func (s *scanner) place(text string) []Edit {
	slices.SortStableFunc(s.changes, func(a, b change) int { return cmp.Or(a.from-b.from, a.to-b.to) })
	var out []Edit
	at := make([]int, 0, len(s.text)+1) // bytes in front of each rune; a byte that is none counts as one
	for offset := range text {
		at = append(at, offset)
	}
	at = append(at, len(text))
	line, column, i := 1, 1, 0
	for _, c := range s.changes {
		for ; i < c.from; i++ {
			column++
			if s.text[i] == '\n' {
				line, column = line+1, 1
			}
		}
		old := text[at[c.from]:at[c.to]]
		out = append(out, Edit{Offset: at[c.from], Length: len(old), New: c.new, Line: line, Column: column, Old: old, What: c.what})
	}
	return out
}

// unitOf is how far this file indents by spaces: the smallest step, 2 without
// any.
func unitOf(text string) int {
	unit := 0
	for line := range strings.SplitSeq(text, "\n") {
		n := len(line) - len(strings.TrimLeft(line, " "))
		if n > 0 && n < len(line) && line[n] != '\t' && (unit == 0 || n < unit) {
			unit = n
		}
	}
	if unit == 0 {
		return 2
	}
	return unit
}
