package wecom

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// ErrXML is the cause of every refusal of a callback's XML.
var ErrXML = errors.New("not a callback's XML")

const (
	maxElements = 20_000
	maxLevels   = 16
)

// node is an element: its text, and its children in order.
type node struct {
	name     string
	text     string
	children []*node
}

// Encrypted finds the encrypted text in a callback's body.
func Encrypted(body []byte) (string, error) {
	root, err := parse(body)
	if err != nil {
		return "", err
	}
	if s := root.get("Encrypt"); s != "" {
		return s, nil
	}
	return "", fmt.Errorf("element Encrypt is missing: %w", ErrXML)
}

// parse reads any XML into a tree: elements that nobody knows yet are kept too.
func parse(b []byte) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(b))
	d.Strict = false
	var stack []*node
	var root *node
	for count := 0; ; {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrXML, err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if count++; count > maxElements || len(stack) >= maxLevels {
				return nil, fmt.Errorf("too many or too deep elements: %w", ErrXML)
			}
			n := &node{name: t.Name.Local}
			switch {
			case len(stack) > 0:
				top := stack[len(stack)-1]
				top.children = append(top.children, n)
			case root == nil:
				root = n
			}
			stack = append(stack, n)
		case xml.EndElement:
			if len(stack) > 0 {
				stack = stack[:len(stack)-1]
			}
		case xml.CharData:
			if len(stack) > 0 {
				stack[len(stack)-1].text += string(t)
			}
		}
	}
	if root == nil {
		return nil, fmt.Errorf("no element: %w", ErrXML)
	}
	return root, nil
}

// get is the text of a child.
func (n *node) get(name string) string {
	if c := n.child(name); c != nil {
		return strings.TrimSpace(c.text)
	}
	return ""
}

func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// list reads the two ways in which lists come: children <Item>, or a text with
// commas.
func (n *node) list(name string) []string {
	c := n.child(name)
	if c == nil {
		return nil
	}
	var out []string
	for _, item := range c.children {
		if s := strings.TrimSpace(item.text); s != "" {
			out = append(out, s)
		}
	}
	if len(c.children) > 0 {
		return out
	}
	for s := range strings.SplitSeq(c.text, ",") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// value is the element as JSON would have it.
func (n *node) value() any {
	if len(n.children) == 0 {
		return strings.TrimSpace(n.text)
	}
	out := map[string]any{}
	for _, c := range n.children {
		name := snake(c.name)
		switch have := out[name].(type) {
		case nil:
			out[name] = c.value()
		case []any:
			out[name] = append(have, c.value())
		default:
			out[name] = []any{have, c.value()}
		}
	}
	return out
}

// snake writes ChatId, ExternalUserID and MemChangeCnt as chat_id,
// external_user_id and mem_change_cnt.
func snake(s string) string {
	var b strings.Builder
	letters := []rune(s)
	for i, r := range letters {
		upper := unicode.IsUpper(r)
		if i > 0 && upper && (!unicode.IsUpper(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1])) {
			_ = b.WriteByte('_')
		}
		_, _ = b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
