package near

import (
	"slices"
	"strings"
	"unicode"
)

// Name is the known name nearest to word; ok is false when none is near.
func Name(word string, known []string) (name string, ok bool) {
	w := fold(word)
	if len(w) == 0 {
		return "", false
	}
	best := 1 << 30
	sorted := slices.Clone(known)
	slices.Sort(sorted)
	for _, k := range sorted {
		f := fold(k)
		d := distance(w, f)
		limit := max(len(w), len(f)) / 3
		if len(w) > 1 && limit == 0 {
			limit = 1
		}
		switch {
		case d <= limit:
		case len(w) > 1 && len(f) > 1 && (strings.Contains(string(f), string(w)) || strings.Contains(string(w), string(f))):
			d += 100 // a part of it: better than nothing
		default:
			continue
		}
		if d < best && k != word {
			best, name = d, k
		}
	}
	return name, name != ""
}

// Hint names the nearest behind the word, in Chinese and in English; "" where none
// is near.
func Hint(word string, known []string) (zh, en string) {
	if name, ok := Name(word, known); ok {
		return "（是不是 " + name + "？）", " (did you mean " + name + "?)"
	}
	return "", ""
}

// fold makes what looks the same the same.
func fold(s string) []rune {
	var out []rune
	for _, r := range strings.ToLower(s) {
		if r != '_' && r != '-' && !unicode.IsSpace(r) {
			out = append(out, r)
		}
	}
	return out
}

// distance counts the characters to put in, take out, change or swap with a
// neighbour.
func distance(a, b []rune) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now := make([]int, len(b)+1)
		now[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last = last, now
	}
	return last[len(b)]
}
