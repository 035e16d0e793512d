package message

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tagwire/tagwire/libs/seal"
)

const (
	tokenOpen  = "⟦"
	tokenClose = "⟧"
	masked     = "**"
)

// maskNames replaces every sealed piece of a text by the first character of
// what is in it: 张三 becomes 张**.
func maskNames(ctx context.Context, keys Opener, title string) (string, error) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(title, tokenOpen)
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		sealed, after, closed := strings.Cut(rest, tokenClose)
		if !closed {
			out.WriteString(tokenOpen + rest)
			return out.String(), nil
		}
		// A bracket that opens nothing may stand before a token.
		if i := strings.LastIndex(sealed, tokenOpen); i >= 0 {
			out.WriteString(tokenOpen + sealed[:i])
			sealed = sealed[i+len(tokenOpen):]
		}
		token := tokenOpen + sealed + tokenClose
		plain, err := keys.OpenText(ctx, token)
		if err != nil {
			return "", err
		}
		if plain == token { // looks like a token and is none
			out.WriteString(token)
		} else {
			out.WriteString(Mask(plain))
		}
		title = after
	}
}

// Mask leaves the first character of a personal text. What was erased has none.
func Mask(plain string) string {
	plain = strings.TrimSpace(plain)
	r, size := utf8.DecodeRuneInString(plain)
	if size == 0 || plain == seal.Erased || r == utf8.RuneError {
		return masked
	}
	return string(r) + masked
}

// flat makes a text harmless in a message: one line, and no signs that robots
// or mail readers take for mark-up or a mention. Their full-width twins look
// the same to people.
func flat(s string) string {
	var out strings.Builder
	for _, r := range s {
		switch {
		case r == '<':
			r = '＜'
		case r == '>':
			r = '＞'
		case r == '[':
			r = '［'
		case r == ']':
			r = '］'
		case r == '`':
			r = 'ˋ'
		case unicode.IsSpace(r):
			r = ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			continue // also what turns the direction of writing
		}
		out.WriteRune(r)
	}
	return strings.TrimSpace(out.String())
}
