package signs

import (
	"slices"
	"strings"
	"unicode"
)

// style is how an expression stands in its file.
type style int

const (
	plain     style = iota // without quotes
	flowPlain              // … within {…} or […]
	single                 // within '…'
	double                 // within "…"
	verbatim               // a block text
)

// straight are signs and what is meant.
func straight() map[rune]string {
	return map[rune]string{
		'：': ":", '，': ",", '．': ".", '（': "(", '）': ")", '≥': ">=", '≤': "<=", '＝': "=", '＞': ">", '＜': "<", '！': "!", '≠': "!=",
		'且': "and", '或': "or", '非': "not",
	}
}

// operator holds the signs that make up operators such as >= and !=.
const operator = "≥≤＝＞＜！≠=><!"

// expression looks for signs within [from, to).
func (s *scanner) expression(from, to int, how style) {
	first := len(s.changes)
	for i := from; i < to; {
		i = s.sign(i, from, to, how)
	}
	if len(s.changes) == first || how != plain && how != flowPlain {
		return
	}
	s.protect(from, to, how, first)
}

// sign looks at one place of an expression and gives the next.
func (s *scanner) sign(i, from, to int, how style) int {
	r := s.text[i]
	switch {
	case how == double && r == '\\' && i+1 < to && s.text[i+1] != '"':
		return i + 2 // such as \n
	case how == double && r == '\\' && i+1 < to:
		return s.literal(i+1, to, how)
	case slices.Contains([]rune("\"'`“‘”’"), r):
		return s.literal(i, to, how)
	case strings.ContainsRune(operator, r):
		return s.operator(i, to)
	case isWideDigit(r):
		return s.digits(i, from, to)
	}
	want, ok := straight()[r]
	if !ok {
		return i + 1
	}
	if strings.ContainsRune("且或非", r) {
		if i > from && isName(s.text[i-1]) || i+1 < to && isName(s.text[i+1]) {
			return i + 1
		}
		if i > from && s.text[i-1] != ' ' {
			want = " " + want
		}
		if i+1 < to && s.text[i+1] != ' ' {
			want += " "
		}
	}
	if r == '，' && s.peek(i+1) != ' ' {
		want += " "
	}
	s.change(i, i+1, want, Expression)
	return i + 1
}

// digits makes the full-width digits of a number plain ones; those of a name are part
// of it.
func (s *scanner) digits(i, from, to int) int {
	first := i
	for first > from && (s.text[first-1] == '_' || unicode.IsLetter(s.text[first-1]) || unicode.IsDigit(s.text[first-1])) {
		first--
	}
	end := i
	for ; end < to && isWideDigit(s.text[end]); end++ {
		if unicode.IsDigit(s.text[first]) {
			s.change(end, end+1, string(s.text[end]-'０'+'0'), Expression)
		}
	}
	return end
}

func isWideDigit(r rune) bool { return r >= '０' && r <= '９' }

// operator straightens a run of signs that makes up one operator.
func (s *scanner) operator(i, to int) int {
	end := i
	wide := false
	var text strings.Builder
	for end < to && strings.ContainsRune(operator, s.text[end]) {
		if want, ok := straight()[s.text[end]]; ok {
			wide = true
			text.WriteString(want)
		} else {
			text.WriteRune(s.text[end])
		}
		end++
	}
	if !wide {
		return end
	}
	want := text.String()
	switch want {
	case "=":
		want = "=="
	case ">==", "=>":
		want = ">="
	case "<==", "=<":
		want = "<="
	case "!==":
		want = "!="
	case "!":
		want = "not "
	}
	s.change(i, end, want, Expression)
	return end
}

// literal passes over a text in quotes, straight or not; quotes that are not are
// straightened.
func (s *scanner) literal(i, to int, how style) int {
	open := s.text[i]
	closing := map[rune]string{'"': `"”`, '“': "”\"", '”': "”\"", '\'': "'’", '‘': "’'", '’': "’'", '`': "`"}[open]
	first, other := []rune(closing)[0], []rune(closing)[len([]rune(closing))-1]
	end := s.index(i+1, to, first)
	if end < 0 {
		end = s.index(i+1, to, other)
	} else if e := s.index(i+1, end, other); e >= 0 && open != '"' && open != '\'' {
		end = e
	}
	s.straighten(i, how)
	if end < 0 {
		return i + 1
	}
	s.straighten(end, how)
	return end + 1
}

func (s *scanner) index(from, to int, r rune) int {
	if i := slices.Index(s.text[min(from, to):to], r); i >= 0 {
		return from + i
	}
	return -1
}

// straighten makes a curly quote one that neither ends the YAML text nor is
// strange to the language.
func (s *scanner) straighten(i int, how style) {
	want := ""
	switch s.text[i] {
	case '“', '”':
		want = `"`
	case '‘', '’':
		want = "'"
	default:
		return
	}
	switch how {
	case double:
		want = "'"
	case single:
		want = `"`
	}
	s.change(i, i+1, want, Expression)
}

// protect puts quotes around a plain expression that YAML would not take as one
// text after its signs are changed.
func (s *scanner) protect(from, to int, how style, first int) {
	var text strings.Builder
	at := from
	for _, c := range s.changes[first:] {
		text.WriteString(string(s.text[at:c.from]) + c.new)
		at = c.to
	}
	text.WriteString(string(s.text[at:to]))
	fixed := text.String()
	risky := strings.ContainsAny(fixed[:1], "\"'[{!&*%@`|>#") || strings.Contains(fixed, ": ") || strings.Contains(fixed, " #") || strings.HasSuffix(fixed, ":")
	if how == flowPlain {
		risky = risky || strings.ContainsAny(fixed, ",[]{}")
	}
	if !risky {
		return
	}
	if strings.Contains(fixed, "'") {
		s.changes = s.changes[:first]
		s.change(from, to, "'"+strings.ReplaceAll(fixed, "'", "''")+"'", Expression)
		return
	}
	s.change(from, from, "'", Expression)
	s.change(to, to, "'", Expression)
}

func isName(r rune) bool {
	return r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= 0x4e00 && r <= 0x9fff
}
