package archive

import "bytes"

// split calls fn with each top-level object in a body, cleaned of control
// bytes; ok is false for what is none.
func split(body []byte, fn func(raw []byte, ok bool) error) error {
	for i := 0; i < len(body); {
		switch b := body[i]; {
		case b <= ' ' || b == ',' || b == '[' || b == ']' || b == 0xef || b == 0xbb || b == 0xbf: // also a byte order mark
			i++
		case b == '{':
			end, whole := object(body[i:])
			raw := body[i : i+end]
			if whole {
				raw = clean(raw)
			}
			if err := fn(raw, whole); err != nil {
				return err
			}
			i += end
		default:
			end := bytes.IndexAny(body[i:], "\n{")
			if end < 0 {
				end = len(body) - i
			}
			if err := fn(body[i:i+end], false); err != nil {
				return err
			}
			i += end
		}
	}
	return nil
}

// object is the length of the object that b begins with. One that is cut off
// ends where the next message visibly begins.
func object(b []byte) (end int, whole bool) {
	depth := 0
	inText, escaped := false, false
	for i, c := range b {
		switch {
		case c == '\n' && bytes.HasPrefix(b[i+1:], []byte(`{"msgid"`)):
			return i, false
		case escaped:
			escaped = false
		case inText:
			escaped = c == '\\'
			inText = c != '"'
		case c == '"':
			inText = true
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return i + 1, true
			}
		}
	}
	return len(b), false
}

// clean escapes line breaks and tabs within texts and drops other control
// bytes, which JSON forbids there and the archive holds all the same.
func clean(raw []byte) []byte {
	dirty := false
	for _, b := range raw {
		if b < ' ' {
			dirty = true
			break
		}
	}
	if !dirty {
		return raw
	}
	out := make([]byte, 0, len(raw)+16)
	inText, escaped := false, false
	for _, b := range raw {
		switch {
		case b >= ' ':
			switch {
			case escaped:
				escaped = false
			case inText && b == '\\':
				escaped = true
			case b == '"':
				inText = !inText
			}
			out = append(out, b)
		case !inText:
			out = append(out, ' ')
		case b == '\n':
			out = append(out, `\n`...)
		case b == '\r':
			out = append(out, `\r`...)
		case b == '\t':
			out = append(out, `\t`...)
		}
	}
	return out
}
