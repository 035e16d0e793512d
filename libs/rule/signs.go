package rule

import (
	"slices"
	"unicode/utf8"

	"github.com/tagwire/tagwire/libs/rule/signs"
)

// signs names the full-width signs and tabs in the structure of files that are
// refused. They come in the place of what YAML says about such a line, which
// does not help; those within conditions are named by the condition.
func (c *compilation) signs(files map[string]string) {
	for name, text := range files {
		if !utf8.ValidString(text) || !slices.ContainsFunc(c.errs, func(e Error) bool { return e.File == name }) {
			continue
		}
		lines := map[int]bool{}
		var found []Error
		for _, e := range signs.Find(text, KnownKey) {
			if e.What == signs.Expression || e.What == signs.Indent && lines[e.Line] {
				continue // of several tabs the first is enough
			}
			lines[e.Line] = true
			found = append(found, Error{File: name, Line: e.Line, Column: e.Column, Message: e.Message()})
		}
		if len(found) == 0 {
			continue
		}
		c.errs = slices.DeleteFunc(c.errs, func(e Error) bool { return e.File == name && (e.unread || lines[e.Line]) })
		c.errs = append(c.errs, found...)
	}
}
