package trial

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/tagwire/tagwire/libs/rule"
	"github.com/tagwire/tagwire/libs/rule/source"
)

// oneTest is a test as it is written.
type oneTest struct {
	file   string
	line   int
	name   string
	start  string
	events []placed[eventSpec]
	expect []placed[expectSpec]
}

// placed is an entry with its place.
type placed[T any] struct {
	line, column int
	is           T
}

// eventSpec is an event as it is written.
type eventSpec struct {
	At         any            `yaml:"at"`
	ReceivedAt any            `yaml:"received_at"`
	Type       string         `yaml:"type"`
	Times      int            `yaml:"times"`
	Every      string         `yaml:"every"`
	EventID    string         `yaml:"event_id"`
	Source     string         `yaml:"source"`
	Identities []string       `yaml:"identities"`
	Internal   bool           `yaml:"internal"`
	StaffID    string         `yaml:"staff_id"`
	Channel    string         `yaml:"channel"`
	StoreID    string         `yaml:"store_id"`
	Touchpoint string         `yaml:"touchpoint"`
	From       string         `yaml:"from"`
	Object     *objectSpec    `yaml:"object"`
	Amount     any            `yaml:"amount"`
	Currency   string         `yaml:"currency"`
	Text       string         `yaml:"text"`
	Traits     map[string]any `yaml:"traits"`
	Properties map[string]any `yaml:"properties"`
	Context    map[string]any `yaml:"context"`
	Tags       []string       `yaml:"tags"`
	Backfill   bool           `yaml:"backfill"`
}

type objectSpec struct {
	Type     string `yaml:"type"`
	ID       string `yaml:"id"`
	Title    string `yaml:"title"`
	Category string `yaml:"category"`
	Brand    string `yaml:"brand"`
	Price    any    `yaml:"price"`
}

// expectSpec is what must hold, as it is written.
type expectSpec struct {
	At       any            `yaml:"at"`
	Has      names          `yaml:"has"`
	HasNot   names          `yaml:"has_not"`
	Alerts   any            `yaml:"alerts"`
	Measures map[string]any `yaml:"measures"`
	Stage    *string        `yaml:"stage"`
}

// names is one text or a list of texts.
type names []string

// UnmarshalYAML reads either.
func (n *names) UnmarshalYAML(decode func(any) error) error {
	var raw any
	if err := decode(&raw); err != nil {
		return err
	}
	switch v := raw.(type) {
	case nil:
	case []any:
		for _, x := range v {
			if family, ok := x.(map[string]any); ok { // [渠道:抖音] without quotes
				for name, value := range family {
					*n = append(*n, fmt.Sprint(name, ":", value))
				}
				continue
			}
			*n = append(*n, fmt.Sprint(x))
		}
	case map[string]any:
		return errors.New("这里应该是一个名字或名字的列表 / a name or a list of names is expected here")
	default:
		*n = names{fmt.Sprint(v)}
	}
	return nil
}

// read takes all files apart, in the order of their names.
func read(files map[string]string) ([]oneTest, error) {
	var out []oneTest
	var errs rule.Errors
	order := make([]string, 0, len(files))
	for name := range files {
		order = append(order, name)
	}
	sort.Strings(order)
	for _, name := range order {
		tests, err := readFile(name, files[name])
		var one rule.Error
		switch {
		case errors.As(err, &one):
			errs = append(errs, one)
		case err != nil:
			return nil, err
		}
		out = append(out, tests...)
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return out, nil
}

func readFile(name, text string) ([]oneTest, error) {
	f, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		return nil, place(name, err, nil)
	}
	var out []oneTest
	for _, doc := range f.Docs {
		if doc.Body == nil {
			continue
		}
		if aliases := ast.Filter(ast.AliasType, doc.Body); len(aliases) > 0 {
			return nil, at(name, aliases[0], "不支持 YAML 锚点（*）：请直接写出来 / aliases (*) are not read: a few lines of them stand for millions; write it out")
		}
		var items []ast.Node
		switch n := doc.Body.(type) {
		case *ast.NullNode, *ast.CommentGroupNode:
			continue
		case *ast.SequenceNode:
			items = n.Values
		case *ast.MappingNode, *ast.MappingValueNode:
			items = []ast.Node{n}
		default:
			return nil, at(name, n, "这里应该是测试的列表：- test: … / a list of tests is expected here: - test: …")
		}
		for _, item := range items {
			t, err := readTest(name, item)
			if err != nil {
				return nil, err
			}
			out = append(out, t)
		}
	}
	return out, nil
}

func readTest(file string, n ast.Node) (oneTest, error) {
	t := oneTest{file: file, line: line(n)}
	fields, err := mapping(file, n)
	if err != nil {
		return t, err
	}
	for _, f := range fields {
		switch key := f.Key.GetToken().Value; key {
		case "test":
			err = decode(file, f.Value, &t.name)
		case "start":
			err = decode(file, f.Value, &t.start)
		case "events":
			t.events, err = readList[eventSpec](file, f.Value)
		case "expect":
			t.expect, err = readList[expectSpec](file, f.Value)
		default:
			err = at(file, f.Key, fmt.Sprintf("不认识的键 %[1]q：一条测试有 test、start、events、expect / unknown key %[1]q; a test has test, start, events, expect", key))
		}
		if err != nil {
			return t, err
		}
	}
	switch {
	case t.name == "":
		return t, at(file, n, "缺少 `test`：测试的名字 / `test` is missing: the test's name")
	case len(t.expect) == 0:
		return t, at(file, n, fmt.Sprintf("测试 %[1]q 没有期望，不可能失败：请写 `expect` / the test %[1]q expects nothing, so it cannot fail: give it `expect`", t.name))
	}
	return t, nil
}

func mapping(file string, n ast.Node) ([]*ast.MappingValueNode, error) {
	switch m := n.(type) {
	case *ast.MappingNode:
		return m.Values, nil
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}, nil
	}
	return nil, at(file, n, "这里应该是有 test、events、expect 的一条测试 / a mapping with test, events and expect is expected here")
}

func readList[T any](file string, n ast.Node) ([]placed[T], error) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		return nil, at(file, n, "这里应该是列表 / a list is expected here")
	}
	out := make([]placed[T], len(seq.Values))
	for i, v := range seq.Values {
		out[i].line, out[i].column = position(v)
		if err := decode(file, v, &out[i].is); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func decode(file string, n ast.Node, into any) error {
	if err := yaml.NodeToValue(n, into, yaml.Strict()); err != nil {
		return place(file, err, n)
	}
	return nil
}

// place words a decoder's error with its place in the file.
func place(file string, err error, n ast.Node) rule.Error {
	out := rule.Error{File: file, Line: 1, Column: 1, Message: err.Error()}
	if n != nil {
		out.Line, out.Column = position(n)
	}
	if e, ok := errors.AsType[yaml.Error](err); ok {
		out.Message = e.GetMessage()
		if t := e.GetToken(); t != nil && t.Position != nil {
			out.Line, out.Column = t.Position.Line, t.Position.Column
		}
	}
	out.Message, _, _ = strings.Cut(out.Message, "\n")
	out.Message = inBoth(out.Message)
	return out
}

// inBoth puts Chinese in front of what the reader of YAML says.
func inBoth(en string) string {
	switch {
	case strings.HasPrefix(en, "unknown field "):
		return "不认识的键 " + strings.TrimPrefix(en, "unknown field ") + " / " + en
	case strings.Contains(en, " / "): // from this package: both already
		return en
	case strings.HasPrefix(en, "cannot unmarshal"):
		return "这里的值类型不对 / " + en
	}
	return source.InChinese(en) + " / " + en
}

func at(file string, n ast.Node, message string) rule.Error {
	l, c := position(n)
	return rule.Error{File: file, Line: l, Column: c, Message: message}
}

// position is where an entry begins: that of its first key.
func position(n ast.Node) (line, column int) {
	switch m := n.(type) {
	case *ast.MappingValueNode:
		n = m.Key
	case *ast.MappingNode:
		if len(m.Values) > 0 {
			n = m.Values[0].Key
		}
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line, t.Position.Column
	}
	return 1, 1
}

func line(n ast.Node) int { l, _ := position(n); return l }
