package cond

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// signs are what a Chinese keyboard types for the sign that is meant.
var signs = map[rune]string{
	'：': ":", '，': ",", '（': "(", '）': ")", '“': `"`, '”': `"`, '≥': ">=", '≤': "<=", '＝': "==", '＞': ">", '＜': "<",
	'！': "!", '‘': "'", '’': "'", '≠': "!=", '且': "and", '或': "or", '非': "not",
}

// words are those of the language itself, which are no names.
var words = []string{"and", "or", "not", "in", "contains", "startsWith", "endsWith", "matches", "true", "false", "nil"}

const longestWord = len("startsWith")

// fullWidth names a full-width sign outside quotes and what to type instead.
func fullWidth(text string) error {
	return unquoted(text, func(runes []rune, i, _ int) string {
		r := runes[i]
		if strings.ContainsRune("且或非", r) && (i > 0 && isName(runes[i-1]) || i+1 < len(runes) && isName(runes[i+1])) {
			return ""
		}
		return signs[r]
	})
}

// fullWidthWord names a full-width digit or point of a number, or letter of a word of
// the language. Elsewhere they may be part of a name, so this is for texts that are refused.
func fullWidthWord(text string) error {
	return unquoted(text, func(runes []rune, i, first int) string {
		want, ok := ascii(runes[i])
		switch {
		case runes[i] == '．':
			return "."
		case !ok || unicode.IsDigit(runes[first]):
			return want
		}
		end := i
		for end < len(runes) && inWord(runes[end]) && end <= first+longestWord {
			end++
		}
		if _, word := Narrow(string(runes[first:end])); slices.Contains(words, word) {
			return want
		}
		return ""
	})
}

// unquoted looks for the first sign outside quotes for which another is wanted; first
// is where the word begins that the sign stands in.
func unquoted(text string, want func(runes []rune, i, first int) string) error {
	var quote rune
	line, col, first := 1, 0, 0
	runes := []rune(text)
	for i, r := range runes {
		col++
		if r == '\n' {
			line, col = line+1, 0
		}
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
			continue
		case r == '"' || r == '\'' || r == '`':
			quote = r
			continue
		}
		if i == 0 || !inWord(runes[i-1]) {
			first = i
		}
		if w := want(runes, i, first); w != "" {
			return &Error{Line: line, Column: col, Message: typeInstead(r, w)}
		}
	}
	return nil
}

func typeInstead(r rune, want string) string {
	return fmt.Sprintf("全角或中文符号 %[1]q：请输入 %[2]s / full-width sign %[1]q: type %[2]s", r, want)
}

// Narrow writes a name without full-width letters and digits, and names the first
// of them and what to type instead; "" where there is none.
func Narrow(name string) (sign, narrow string) {
	var b strings.Builder
	for _, r := range name {
		want, ok := ascii(r)
		if !ok {
			b.WriteRune(r)
			continue
		}
		b.WriteString(want)
		if sign == "" {
			sign = typeInstead(r, want)
		}
	}
	return sign, b.String()
}

// ascii is what a full-width letter or digit stands for.
func ascii(r rune) (string, bool) {
	if r >= '０' && r <= '９' || r >= 'Ａ' && r <= 'Ｚ' || r >= 'ａ' && r <= 'ｚ' {
		return string(r - '０' + '0'), true
	}
	return "", false
}

func isName(r rune) bool {
	return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 0x4e00 && r <= 0x9fff
}

// inWord says that the parser takes a sign as part of a name or a number.
func inWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
