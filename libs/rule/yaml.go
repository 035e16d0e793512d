package rule

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/tagwire/tagwire/libs/rule/near"
	"github.com/tagwire/tagwire/libs/rule/source"
)

// yamlNode is a place in a file.
type yamlNode struct {
	file string
	node ast.Node
}

// parseFile reads one YAML file to its top mapping; nil for an empty one.
func parseFile(name string, text []byte) (*yamlNode, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // as Windows editors write it
	if err := legible(name, text); err != nil {
		return nil, err
	}
	f, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, yamlError(name, err)
	}
	if len(f.Docs) == 0 || f.Docs[0].Body == nil {
		return nil, nil
	}
	if len(f.Docs) > 1 {
		return nil, Error{File: name, Line: f.Docs[1].Start.Position.Line, Column: 1, Message: "一个文件只写一份文档（--- 只能有一段） / one document a file, please"}
	}
	return &yamlNode{name, f.Docs[0].Body}, nil
}

// legible refuses what is no text, at its place: a name with such a sign could neither
// be shown nor typed.
func legible(name string, text []byte) error {
	e := Error{File: name, Line: 1, Column: 1, unread: true}
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && size == 1:
			e.Message = fmt.Sprintf("文件不是 UTF-8 编码：请以 UTF-8 保存 / the byte 0x%02x is not UTF-8: save the file as UTF-8", text[0])
			return e
		case unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t':
			e.Message = fmt.Sprintf("看不见的控制字符 %U：请删除 / the control character %U: remove it", r, r)
			return e
		case r == '\n':
			e.Line, e.Column = e.Line+1, 0
		}
		e.Column++
		text = text[size:]
	}
	return nil
}

// yamlError keeps the library's first line and its place.
func yamlError(name string, err error) Error {
	e := Error{File: name, Line: 1, Column: 1, Message: err.Error(), unread: true}
	var at interface{ GetToken() *token.Token }
	if errors.As(err, &at) && at.GetToken() != nil && at.GetToken().Position != nil {
		e.Line, e.Column = at.GetToken().Position.Line, at.GetToken().Position.Column
	}
	var msg interface{ GetMessage() string }
	if errors.As(err, &msg) {
		e.Message = msg.GetMessage()
	}
	en, _, _ := strings.Cut(e.Message, "\n")
	zh := source.InChinese(en)
	if strings.Contains(en, "flow map content") || strings.Contains(en, "must be specified") {
		const such = `when: 'absent("order.pay", "90d")'`
		zh += "；条件里有逗号或引号时，请整个放进单引号：" + such
		en += "; a condition with commas or quotes stands in single quotes: " + such
	}
	e.Message = zh + " / " + en
	return e
}

func (n yamlNode) errorf(format string, args ...any) Error {
	e := Error{File: n.file, Line: 1, Column: 1, Message: fmt.Sprintf(format, args...)}
	if t := n.node.GetToken(); t != nil && t.Position != nil {
		e.Line, e.Column = t.Position.Line, t.Position.Column
	}
	return e
}

// twice refuses a word that stands a second time in one place.
func (n yamlNode) twice(word string) Error {
	return n.errorf("%[1]q 在这里写了两次 / %[1]q stands here twice", word)
}

// again refuses a name that stands in a second file; en has a place for it.
func (e entry) again(zh, en string) Error {
	return e.at.errorf("%[1]s %[2]q 在两个文件里都有：请只留一处 / %[3]s in two files", zh, e.key, fmt.Sprintf(en, e.key))
}

// entry is a key with its value.
type entry struct {
	key   string
	at    yamlNode // the key
	value yamlNode
}

// entries are a mapping's, in the order of the file; repeated keys are refused.
func (n yamlNode) entries() ([]entry, error) {
	var values []*ast.MappingValueNode
	switch m := n.node.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	case *ast.NullNode:
		return nil, nil
	default:
		return nil, n.errorf("这里应该是 `键: 值` / a mapping `key: value` is expected here")
	}
	var out []entry
	for _, v := range values {
		key := v.Key.GetToken().Value
		at := yamlNode{n.file, v.Key}
		if strings.TrimSpace(key) == "" || strings.ContainsFunc(key, unicode.IsControl) {
			return nil, at.errorf("这里缺少名字：%[1]q 不是名字 / a name is missing here: %[1]q is none", key)
		}
		if slices.ContainsFunc(out, func(e entry) bool { return e.key == key }) {
			return nil, at.twice(key)
		}
		out = append(out, entry{key, at, yamlNode{n.file, v.Value}})
	}
	return out, nil
}

// text is a scalar as it is written.
func (n yamlNode) text() (string, error) {
	switch v := n.node.(type) {
	case *ast.StringNode:
		return v.Value, nil
	case *ast.LiteralNode:
		return v.Value.Value, nil
	case *ast.NullNode:
		return "", n.errorf("这里缺少值 / a value is missing here")
	case *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode:
		return "", n.errorf("这里应该是单个值 / a single value is expected here")
	}
	return n.node.GetToken().Value, nil
}

// texts is a scalar or a list of scalars.
func (n yamlNode) texts() ([]string, error) {
	seq, ok := n.node.(*ast.SequenceNode)
	if !ok {
		s, err := n.text()
		if err != nil {
			return nil, err
		}
		return []string{s}, nil
	}
	var out []string
	for _, v := range seq.Values {
		s, err := yamlNode{n.file, v}.text()
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// items are a list's entries.
func (n yamlNode) items() ([]yamlNode, error) {
	seq, ok := n.node.(*ast.SequenceNode)
	if !ok {
		return nil, n.errorf("这里应该是列表 / a list is expected here")
	}
	var out []yamlNode
	for _, v := range seq.Values {
		out = append(out, yamlNode{n.file, v})
	}
	return out, nil
}

// fields reads a mapping whose keys are a closed set.
func (n yamlNode) fields(allowed ...string) (map[string]yamlNode, error) {
	es, err := n.entries()
	if err != nil {
		return nil, err
	}
	out := map[string]yamlNode{}
	for _, e := range es {
		if !slices.Contains(allowed, e.key) {
			zh, en := near.Hint(e.key, allowed)
			return nil, e.at.errorf("不认识的键 %[1]q%[2]s：这里可以写 %[4]s / unknown key %[1]q%[3]s; here may stand %[4]s", e.key, zh, en, strings.Join(allowed, ", "))
		}
		out[e.key] = e.value
	}
	return out, nil
}

// isMapping says that the node is a mapping.
func (n yamlNode) isMapping() bool {
	switch n.node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

// oneOf reads one word of a closed set.
func oneOf(n yamlNode, key string, allowed ...string) (string, error) {
	s, err := n.text()
	if err != nil {
		return "", err
	}
	if !slices.Contains(allowed, s) {
		zh, en := near.Hint(s, allowed)
		return "", n.errorf("%[1]s 只能是 %[2]s，不能是 %[3]q%[4]s / %[1]s is one of %[2]s, not %[3]q%[5]s", key, strings.Join(allowed, ", "), s, zh, en)
	}
	return s, nil
}
