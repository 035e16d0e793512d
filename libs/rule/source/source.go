package source

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Kind is what a node is.
type Kind int

// The kinds of nodes.
const (
	None Kind = iota // null, or nothing at all
	Scalar
	List
	Map
)

// Node is a value with its place; Line and Column count from 1.
type Node struct {
	File         string
	Line, Column int
	Kind         Kind
	Text         string  // of a scalar, as it is meant
	Quoted       bool    // the scalar stands in quotes
	Items        []Node  // of a list
	Entries      []Entry // of a map, in the order of the file
}

// Entry is a key with its value; the node At is the key's place.
type Entry struct {
	Key   string
	At    Node
	Value Node
}

// Get is the value of a key; a node of kind None when it is not there.
func (n Node) Get(key string) Node {
	for _, e := range n.Entries {
		if e.Key == key {
			return e.Value
		}
	}
	return Node{}
}

// Has says that the key is there.
func (n Node) Has(key string) bool {
	return slices.ContainsFunc(n.Entries, func(e Entry) bool { return e.Key == key })
}

// Texts are the scalars of a list, or the one scalar that stands alone.
func (n Node) Texts() []string {
	if n.Kind == Scalar {
		return []string{n.Text}
	}
	var out []string
	for _, i := range n.Items {
		if i.Kind == Scalar {
			out = append(out, i.Text)
		}
	}
	return out
}

// OneOrMore are a list's items, or the value that stands alone; none when there
// is none.
func (n Node) OneOrMore() []Node {
	switch n.Kind {
	case None:
		return nil
	case List:
		return n.Items
	}
	return []Node{n}
}

// Rules are the files of a set, in the order of their names.
type Rules struct{ tops []Node }

// Read reads the files of a set (name → YAML).
func Read(files map[string]string) (*Rules, error) {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	r := &Rules{}
	for _, name := range names {
		f, err := parser.ParseBytes([]byte(files[name]), 0)
		if err != nil {
			return nil, fmt.Errorf("%s: %s / %w", name, InChinese(err.Error()), err)
		}
		for _, d := range f.Docs {
			if d.Body != nil {
				r.tops = append(r.tops, nodeOf(name, d.Body))
			}
		}
	}
	return r, nil
}

// Block is a top key of all files: the entries of a map (measures, tags), file
// after file.
func (r *Rules) Block(key string) []Entry {
	var out []Entry
	for _, top := range r.tops {
		out = append(out, top.Get(key).Entries...)
	}
	return out
}

// Items is a top key of all files that holds a list (stages).
func (r *Rules) Items(key string) []Node {
	var out []Node
	for _, top := range r.tops {
		out = append(out, top.Get(key).Items...)
	}
	return out
}

// Tops are the files themselves.
func (r *Rules) Tops() []Node { return r.tops }

func nodeOf(file string, n ast.Node) Node {
	out := Node{File: file}
	if t := n.GetToken(); t != nil && t.Position != nil {
		out.Line, out.Column = t.Position.Line, t.Position.Column
		o := strings.TrimLeft(t.Origin, " \n")
		out.Quoted = strings.HasPrefix(o, `"`) || strings.HasPrefix(o, "'")
	}
	switch v := n.(type) {
	case *ast.NullNode:
	case *ast.MappingNode:
		out.Kind = Map
		for _, e := range v.Values {
			out.Entries = append(out.Entries, entryOf(file, e))
		}
	case *ast.MappingValueNode:
		out.Kind = Map
		out.Entries = []Entry{entryOf(file, v)}
	case *ast.SequenceNode:
		out.Kind = List
		for _, e := range v.Values {
			out.Items = append(out.Items, nodeOf(file, e))
		}
	case *ast.StringNode:
		out.Kind, out.Text = Scalar, v.Value
	case *ast.LiteralNode:
		out.Kind, out.Text = Scalar, v.Value.Value
	default:
		out.Kind, out.Text = Scalar, n.GetToken().Value
	}
	return out
}

func entryOf(file string, v *ast.MappingValueNode) Entry {
	at := Node{File: file, Kind: Scalar, Text: v.Key.GetToken().Value}
	if p := v.Key.GetToken().Position; p != nil {
		at.Line, at.Column = p.Line, p.Column
	}
	return Entry{Key: at.Text, At: at, Value: nodeOf(file, v.Value)}
}
