package cond

import (
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser/lexer"
)

// Syntax is a condition as it is written: for those who show, explain or lint it.
type Syntax struct {
	Root   ast.Node
	source []rune
	tokens []lexer.Token
}

// Parse reads a condition without resolving its names. The error is of type *Error.
func Parse(text string) (*Syntax, error) {
	root, err := parse(text)
	if err != nil {
		return nil, err
	}
	tokens, err := lexer.Lex(file.NewSource(text))
	if err != nil {
		return nil, &Error{Line: 1, Column: 1, Message: parserError(err.Error())}
	}
	return &Syntax{Root: root, source: []rune(text), tokens: tokens}, nil
}

// Text is the part of the source that a node stands for, without brackets that
// only group it.
func (s *Syntax) Text(n ast.Node) string {
	first, last := s.span(n)
	if first > last {
		return ""
	}
	first, last = s.balance(first, last)
	return string(s.source[s.tokens[first].From:s.tokens[last].To])
}

// Place is the line and the column (in runes, from 1) at which a node begins.
func (s *Syntax) Place(n ast.Node) (line, column int) {
	first, last := s.span(n)
	line, column = 1, 1
	if first > last {
		return line, column
	}
	for _, r := range s.source[:s.tokens[first].From] {
		column++
		if r == '\n' {
			line, column = line+1, 1
		}
	}
	return line, column
}

// span is the first and the last token of a node's parts.
func (s *Syntax) span(n ast.Node) (first, last int) {
	v := spanner{s: s, first: len(s.tokens), last: -1}
	ast.Walk(&n, &v)
	return v.first, v.last
}

type spanner struct {
	s           *Syntax
	first, last int
}

func (v *spanner) Visit(n *ast.Node) {
	i := v.s.token((*n).Location().From)
	if i < 0 {
		return
	}
	v.first, v.last = min(v.first, i), max(v.last, i)
	switch (*n).(type) {
	case *ast.CallNode, *ast.BuiltinNode: // of `f()` only the name has a place
		if i+1 < len(v.s.tokens) && v.s.tokens[i+1].Is(lexer.Bracket, "(") {
			v.last = max(v.last, i+1)
		}
	}
}

func (s *Syntax) token(from int) int {
	for i, t := range s.tokens {
		if t.From == from && t.Kind != lexer.EOF {
			return i
		}
	}
	return -1
}

// balance takes in the brackets whose other half stands within.
func (s *Syntax) balance(first, last int) (from, to int) {
	open, missing := 0, 0
	for _, t := range s.tokens[first : last+1] {
		switch {
		case t.Kind != lexer.Bracket:
		case t.Is(lexer.Bracket, "(", "[", "{"):
			open++
		case open > 0:
			open--
		default:
			missing++
		}
	}
	for missing > 0 && first > 0 {
		first--
		if s.tokens[first].Is(lexer.Bracket, "(", "[", "{") {
			missing--
		}
	}
	for open > 0 && last+1 < len(s.tokens) {
		last++
		switch {
		case s.tokens[last].Is(lexer.Bracket, ")", "]", "}"):
			open--
		case s.tokens[last].Is(lexer.Bracket):
			open++
		}
	}
	return first, last
}

// Calls are the texts that a function is called with, call by call.
func (s *Syntax) Calls(function string) [][]string {
	v := &callFinder{function: function}
	ast.Walk(&s.Root, v)
	return v.found
}

type callFinder struct {
	function string
	found    [][]string
}

func (v *callFinder) Visit(n *ast.Node) {
	c, ok := (*n).(*ast.CallNode)
	if !ok {
		return
	}
	if name, ok := c.Callee.(*ast.IdentifierNode); !ok || name.Value != v.function {
		return
	}
	var texts []string
	for _, a := range c.Arguments {
		if text, ok := a.(*ast.StringNode); ok {
			texts = append(texts, text.Value)
		}
	}
	v.found = append(v.found, texts)
}
