package event

import (
	"strings"

	"golang.org/x/text/width"
)

// Normal is the identity as it is compared, so that sources that write a value
// differently mean one customer: phone numbers as digits, e-mail addresses in lower
// case, both in half width, blanks around any value gone. The value is empty when
// nothing is left. A normal identity stays as it is, so who normalises and who did
// so before need not know of each other.
func (i Identity) Normal() Identity {
	i.Value = strings.TrimSpace(i.Value)
	switch i.Namespace {
	case "phone":
		i.Value = normalPhone(i.Value)
	case "email":
		i.Value = strings.ToLower(width.Fold.String(i.Value))
	}
	return i
}

// normalPhone keeps the digits; a Chinese mobile number loses its country code. Any
// other number that was written with one keeps its plus sign: +1 415 555 0100 has
// the digits of a Chinese mobile number.
func normalPhone(s string) string {
	s = width.Fold.String(s) // Chinese keyboards type ＋１３８ as well
	plus := false
	var digits strings.Builder
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			_, _ = digits.WriteRune(r)
		case r == '+' && digits.Len() == 0:
			plus = true
		}
	}
	d := digits.String()
	for _, code := range []string{"0086", "86"} {
		if rest, ok := strings.CutPrefix(d, code); ok && len(rest) == 11 && rest[0] == '1' {
			return rest
		}
	}
	if plus && d != "" {
		return "+" + d
	}
	return d
}
