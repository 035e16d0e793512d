package signs

import "slices"

// scanner goes through a file once.
type scanner struct {
	text    []rune
	known   func(string) bool
	unit    int
	at      int
	changes []change

	plain     int  // column of a key with a plain value: deeper lines go on with it; -1: none
	plainExpr bool // … and it is an expression
}

func (s *scanner) change(from, to int, text string, what What) {
	s.changes = append(s.changes, change{from, to, text, what})
}

func (s *scanner) peek(i int) rune {
	if i < 0 || i >= len(s.text) {
		return '\n'
	}
	return s.text[i]
}

// end is where the line of i ends.
func (s *scanner) end(i int) int {
	for i < len(s.text) && s.text[i] != '\n' {
		i++
	}
	return i
}

func (s *scanner) blanks(i int) int {
	for i < len(s.text) && (s.text[i] == ' ' || s.text[i] == '\t') {
		i++
	}
	return i
}

// line reads one line of block YAML, and with it the value that begins there.
func (s *scanner) line() {
	start := s.at
	i := s.blanks(start)
	end := s.end(i)
	s.at = end + 1
	if i == end || s.text[i] == '#' || s.text[i] == '\r' {
		return
	}
	column := s.indent(start, i)
	if s.plain >= 0 && column > s.plain {
		if s.plainExpr {
			s.expression(i, s.plainEnd(i, end), plain)
		}
		return
	}
	s.plain = -1
	listed := false
	for s.peek(i) == '-' && (s.peek(i+1) == ' ' || s.peek(i+1) == '\n') {
		listed = true
		next := s.blanks(i + 1)
		column += next - i
		i = next
	}
	if i >= end {
		return
	}
	s.entry(i, end, column, listed)
}

// indent replaces tabs in front of a line, and gives the column in which it
// begins.
func (s *scanner) indent(from, to int) int {
	column := 0
	for i := from; i < to; i++ {
		if s.text[i] != '\t' {
			column++
			continue
		}
		s.change(i, i+1, spaces(s.unit), Indent)
		column += s.unit
	}
	return column
}

func spaces(n int) string { return "                "[:min(n, 16)] }

// entry reads `key: value`, or a value alone, that begins at i.
func (s *scanner) entry(i, end, column int, listed bool) {
	if slices.Contains([]rune{'{', '['}, s.text[i]) {
		s.value(i, "", column)
		return
	}
	key, sep, after := s.key(i, end)
	if sep < 0 {
		s.plain, s.plainExpr = column-1, false
		return
	}
	if s.text[sep] == '：' {
		if listed && !s.known(key) {
			s.plain, s.plainExpr = column-1, false
			return // an item of a list that has this sign within
		}
		s.quotedKey(i, sep)
		s.colon(sep)
	}
	s.value(after, key, column)
}

// key finds the sign between a key and its value: an ASCII colon with a blank
// behind it, or a full-width one. sep is -1 when there is none.
func (s *scanner) key(i, end int) (key string, sep, after int) {
	from := i
	if q := s.text[i]; q == '"' || q == '\'' {
		for i++; i < end && s.text[i] != q; i++ {
		}
		i++
	}
	for ; i < end; i++ {
		r := s.text[i]
		switch {
		case r == '#' && s.peek(i-1) == ' ':
			return "", -1, end
		case r == '：', r == ':' && (i+1 >= end || s.text[i+1] == ' ' || s.text[i+1] == '\t' || s.text[i+1] == '\r'):
			return unquote(s.text[from:i]), i, s.blanks(i + 1)
		}
	}
	return "", -1, end
}

func unquote(r []rune) string {
	for len(r) > 0 && r[len(r)-1] == ' ' {
		r = r[:len(r)-1]
	}
	if len(r) > 1 && slices.Contains([]rune("\"'“"), r[0]) {
		r = r[1 : len(r)-1]
	}
	return string(r)
}

// colon makes a full-width colon one that YAML takes.
func (s *scanner) colon(i int) {
	text := ": "
	if n := s.peek(i + 1); n == ' ' || n == '\n' || n == '\r' {
		text = ":"
	}
	s.change(i, i+1, text, Structure)
}

// quotedKey straightens the quotes around a key, as in “高意向”：….
func (s *scanner) quotedKey(from, to int) {
	for to > from && s.text[to-1] == ' ' {
		to--
	}
	if to-from > 2 && s.text[from] == '“' && s.text[to-1] == '”' {
		s.change(from, from+1, `"`, Structure)
		s.change(to-1, to, `"`, Structure)
	}
}

// expressions are the keys whose values are expressions.
func isExpression(key string) bool {
	return slices.Contains([]string{"when", "where", "of", "value", "same"}, key)
}

// value reads the value of a key that begins at i, which may take more lines.
func (s *scanner) value(i int, key string, column int) {
	end := s.end(i)
	if i >= end || s.text[i] == '\r' || s.text[i] == '#' && s.peek(i-1) == ' ' {
		return
	}
	switch r := s.text[i]; r {
	case '|', '>':
		s.block(column, isExpression(key))
	case '{', '[':
		s.at = s.end(s.flow(i, key)) + 1
	case '"', '\'':
		s.at = s.end(s.quoted(i, isExpression(key))) + 1
	default:
		to := s.plainEnd(i, end)
		if isExpression(key) {
			s.expression(i, to, plain)
		} else if r == '“' {
			s.curly(i, to)
		}
		s.plain, s.plainExpr = column, isExpression(key)
	}
}

// plainEnd is where a plain value ends: at the line's end, or at a comment.
func (s *scanner) plainEnd(i, end int) int {
	to := end
	for j := i; j < end; j++ {
		if s.text[j] == '#' && s.peek(j-1) == ' ' {
			to = j
			break
		}
	}
	for to > i && slices.Contains([]rune(" \t\r"), s.text[to-1]) {
		to--
	}
	return to
}

// block passes over a block text: the lines that are deeper than its key.
func (s *scanner) block(column int, expr bool) {
	for s.at < len(s.text) {
		i := s.blanks(s.at)
		end := s.end(i)
		if i < end && i-s.at <= column {
			return
		}
		if expr {
			s.expression(i, end, verbatim)
		}
		s.at = end + 1
	}
}

// quoted passes over a quoted value and gives the place behind it.
func (s *scanner) quoted(i int, expr bool) int {
	q := s.text[i]
	to := i + 1
	for to < len(s.text) && s.text[to] != q {
		if q == '"' && s.text[to] == '\\' {
			to++
		}
		to++
		if q == '\'' && s.peek(to) == '\'' && s.peek(to+1) == '\'' {
			to += 2
		}
	}
	to = min(to, len(s.text))
	if expr {
		how := single
		if q == '"' {
			how = double
		}
		s.expression(i+1, to, how)
	}
	return min(to+1, len(s.text))
}

// curly straightens the quotes around a text that YAML refuses without them.
func (s *scanner) curly(from, to int) {
	if to-from < 3 || s.text[to-1] != '”' {
		return
	}
	for i := from; i+1 < to; i++ {
		if s.text[i] == ':' && s.text[i+1] == ' ' {
			s.change(from, from+1, `"`, Structure)
			s.change(to-1, to, `"`, Structure)
			return
		}
	}
}
