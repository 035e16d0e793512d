package keyword

import (
	_ "embed"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

//go:embed traditional.txt
var traditional string

// simplified maps traditional to simplified characters; built once, never
// changed.
var simplified = table(traditional)

func table(text string) map[rune]rune {
	from, to, _ := strings.Cut(strings.TrimSpace(text), "\n")
	target := []rune(to)
	m := make(map[rune]rune, len(target))
	for i, r := range []rune(from) {
		m[r] = target[i]
	}
	for r, to := range m { // 薴 is 苧, which as another old form is 苎
		if next, ok := m[to]; ok {
			m[r] = next
		}
	}
	return m
}

// folded is a text ready for matching. A clause end stands as clauseEnd, which
// no word contains.
type folded struct {
	text string
	at   []int // byte offset in text → number of runes before it
}

const clauseEnd = '\n'

// Fold gives the form in which words and texts are compared: NFKC, lower case,
// simplified, without spaces and punctuation; a clause's end, of one
// sign or more, becomes a newline.
func Fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	ended := false // the last that was written is a clause's end
	for _, r := range norm.NFKC.String(s) {
		switch {
		case isClauseEnd(r):
			if !ended {
				b.WriteRune(clauseEnd)
			}
			ended = true
			continue
		case r == '~', unicode.IsSpace(r), unicode.IsPunct(r), unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			continue // Unicode counts the wave among the signs of mathematics
		}
		ended = false
		r = unicode.ToLower(r)
		if t, ok := simplified[r]; ok {
			r = t
		}
		b.WriteRune(r)
	}
	return b.String()
}

// isClauseEnd judges after NFKC, which has made ，！？；： narrow.
func isClauseEnd(r rune) bool {
	switch r {
	case ',', '。', '!', '?', ';', ':', '｡', '\n':
		return true
	}
	return false
}

func foldText(s string) folded {
	f := folded{text: Fold(s)}
	f.at = make([]int, len(f.text)+1)
	n := 0
	for i := range f.text { // start of each rune
		f.at[i] = n
		n++
	}
	f.at[len(f.text)] = n
	return f
}
