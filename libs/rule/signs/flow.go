package signs

import (
	"regexp"
	"slices"
)

var eventType = regexp.MustCompile(`^[a-z_]+(\.[a-z_]+)+$`)

// flow reads {…} or […] that begins at i and gives the place behind it.
func (s *scanner) flow(i int, key string) int {
	isMap := s.text[i] == '{'
	i++
	for i < len(s.text) {
		i = s.filler(i)
		switch r := s.peek(i); {
		case i >= len(s.text):
			return i
		case r == '}' || r == ']':
			return i + 1
		case r == ',':
			i++
		case r == '，':
			s.comma(i)
			i++
		case isMap:
			i = s.pair(i)
		default:
			i = s.item(i, key, false)
		}
	}
	return i
}

// filler passes over blanks, line ends and comments.
func (s *scanner) filler(i int) int {
	for i < len(s.text) {
		switch r := s.text[i]; {
		case r == ' ' || r == '\n' || r == '\r' || r == '\t':
			i++
		case r == '#' && slices.Contains([]rune(" \n"), s.peek(i-1)):
			i = s.end(i)
		default:
			return i
		}
	}
	return i
}

func (s *scanner) comma(i int) {
	text := ", "
	if n := s.peek(i + 1); n == ' ' || n == '\n' || n == '\r' {
		text = ","
	}
	s.change(i, i+1, text, Structure)
}

// pair reads `key: value` within {…}.
func (s *scanner) pair(i int) int {
	from := i
	if q := s.text[i]; q == '"' || q == '\'' {
		i = s.quoted(i, false)
	}
	for ; i < len(s.text) && !slices.Contains([]rune(",}]\n，"), s.text[i]); i++ {
		switch r := s.text[i]; {
		case r == '：':
			s.quotedKey(from, i)
			s.colon(i)
		case r == ':' && slices.Contains([]rune(" \n\"'[{"), s.peek(i+1)):
		default:
			continue
		}
		key := unquote(s.text[from:i])
		i = s.filler(i + 1)
		if r := s.peek(i); r == ',' || r == '}' {
			return i
		}
		return s.item(i, key, true)
	}
	return i
}

// item reads a value within {…} or […].
func (s *scanner) item(i int, key string, inMap bool) int {
	if i >= len(s.text) {
		return i
	}
	switch s.text[i] {
	case '{', '[':
		return s.flow(i, key)
	case '"', '\'':
		return s.quoted(i, isExpression(key))
	}
	from, depth := i, 0
	for ; i < len(s.text); i++ {
		r := s.text[i]
		switch r {
		case '(', '（':
			depth++
		case ')', '）':
			depth--
		}
		if r == '，' && (!isExpression(key) || depth <= 0) && s.parts(from, i, inMap) {
			break
		}
		if slices.Contains([]rune(",}]\n"), r) || r == '#' && s.peek(i-1) == ' ' {
			break
		}
	}
	to := i
	for to > from && s.text[to-1] == ' ' {
		to--
	}
	if isExpression(key) && to > from {
		s.expression(from, to, flowPlain)
	}
	return max(i, from+1)
}

// parts says that the full-width comma at i parts two entries and is not a part
// of the text around it: a key follows, or event types stand on both sides.
func (s *scanner) parts(from, i int, inMap bool) bool {
	next := s.blanks(i + 1)
	to := next
	for to < len(s.text) && !slices.Contains([]rune(" ,，:：{}[]\n\"'"), s.text[to]) {
		to++
	}
	word := string(s.text[next:to])
	if !inMap {
		return eventType.MatchString(unquote(s.text[from:i])) && eventType.MatchString(word)
	}
	if r := s.peek(to); r != ':' && r != '：' {
		return false
	}
	after := s.peek(s.blanks(to + 1))
	return s.known(word) || eventType.MatchString(word) || after == '{' || after == '['
}
