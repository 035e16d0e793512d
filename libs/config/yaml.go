package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Problem is one mistake with its place. Line and Column are 0 where the
// mistake is not at one place of the file.
type Problem struct {
	File    string
	Line    int
	Column  int
	Key     string
	Message string
}

// Error is the problem in one line, as compilers print it.
func (p *Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
		}
		b.WriteString(": ")
	}
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// document reads one YAML file into the leaves of a Config.
type document struct {
	file   string
	config *Config
	errs   []error
	places map[string]*token.Position
}

func (d *document) read(text []byte) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		d.syntax(err)
		return
	}
	for i, doc := range file.Docs {
		if i > 0 && doc.Body != nil {
			d.add(doc.Body, "", "a second document in the file; there is one configuration")
			continue
		}
		if doc.Body != nil {
			d.mapping(doc.Body, reflect.ValueOf(d.config).Elem(), "")
		}
	}
}

func (d *document) syntax(err error) {
	p := &Problem{File: d.file, Message: "not YAML: " + err.Error()}
	var located interface {
		GetToken() *token.Token
		GetMessage() string
	}
	if errors.As(err, &located) {
		p.Message = "not YAML: " + located.GetMessage()
		if t := located.GetToken(); t != nil {
			p.Line, p.Column = t.Position.Line, t.Position.Column
		}
	}
	d.errs = append(d.errs, p)
}

func (d *document) add(n ast.Node, key, message string) {
	p := &Problem{File: d.file, Key: key, Message: message}
	if t := n.GetToken(); t != nil {
		p.Line, p.Column = t.Position.Line, t.Position.Column
	}
	d.errs = append(d.errs, p)
}

func (d *document) mapping(n ast.Node, into reflect.Value, prefix string) {
	var pairs []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		pairs = m.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{m}
	case *ast.NullNode, *ast.CommentGroupNode:
		return
	default:
		d.add(n, strings.TrimSuffix(prefix, "."), "holds keys, not a single value")
		return
	}
	known := make(map[string]reflect.Value)
	for i := range into.NumField() {
		if key := into.Type().Field(i).Tag.Get("yaml"); key != "" {
			known[key] = into.Field(i)
		}
	}
	for _, pair := range pairs {
		key := pair.Key.GetToken().Value
		path := prefix + key
		target, ok := known[key]
		switch {
		case !ok:
			d.add(pair.Key, path, "no such key"+suggest(key, known))
		case target.Kind() == reflect.Struct:
			d.mapping(pair.Value, target, path+".")
		default:
			d.leaf(pair, field{path: path, value: target})
		}
	}
}

func (d *document) leaf(pair *ast.MappingValueNode, f field) {
	d.places[f.path] = pair.Key.GetToken().Position
	if _, null := pair.Value.(*ast.NullNode); null {
		return // "key:" alone keeps the default
	}
	var err error
	switch f.value.Interface().(type) {
	case []string:
		err = setList(pair.Value, f)
	default:
		err = setScalar(pair.Value, f)
	}
	if err != nil {
		d.add(pair.Value, f.path, err.Error())
		return
	}
	d.config.Give(f.path)
}

func setList(n ast.Node, f field) error {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		return errors.New("is a list: write [a, b]")
	}
	list := make([]string, 0, len(seq.Values))
	for _, v := range seq.Values {
		text, ok := scalar(v)
		if !ok {
			return errors.New("the list holds plain texts only")
		}
		list = append(list, text)
	}
	f.value.Set(reflect.ValueOf(list))
	return nil
}

func setScalar(n ast.Node, f field) error {
	text, ok := scalar(n)
	if !ok {
		return errors.New("holds one value")
	}
	if _, number := n.(*ast.IntegerNode); number && f.value.Type() == reflect.TypeFor[time.Duration]() {
		return fmt.Errorf("%s has no unit: write %ss, %sm or %sh", text, text, text, text)
	}
	return f.setText(text)
}

// scalar is the text of a plain value as it is written, so that a password of
// digits keeps its leading zeros.
func scalar(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return v.GetToken().Value, true
	default:
		return "", false
	}
}

// suggest names the known key that is spelled most alike, if one is near.
func suggest(key string, known map[string]reflect.Value) string {
	best, distance := "", 3
	for k := range known {
		if d := editDistance(key, k); d < distance || d == distance && k < best {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost = 1 + min(diagonal, row[j], row[j-1])
			}
			diagonal, row[j] = row[j], cost
		}
	}
	return row[len(b)]
}
