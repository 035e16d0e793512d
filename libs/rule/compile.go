package rule

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/tagwire/tagwire/libs/rule/cond"
	"github.com/tagwire/tagwire/libs/rule/keyword"
)

type keywordList = keyword.List

// compilation is one set being compiled.
type compilation struct {
	set    *Set
	errs   Errors
	places map[string]yamlNode // tag name → where it stands

	froms   []yamlNode // of stages: whether they name stages is known behind the last
	reading bool       // the set is whole and must not change
}

// Compile makes a set of files (name → YAML). The error is of type Errors and
// holds every refusal.
func Compile(version int64, files map[string]string) (*Set, error) {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		return nil, fmt.Errorf("load zone: %w", err)
	}
	c := &compilation{places: map[string]yamlNode{}, set: &Set{
		Version: version, Zone: zone, Population: "known", Currency: baseCurrency, Folds: map[string]*Fold{},
		measures: map[string]*Measure{}, foldsByType: map[string][]*Fold{}, tagsByType: map[string][]*Tag{}, owners: map[string]*Tag{}, listVersions: map[string]int{},
	}}
	blocks := c.blocks(files)
	c.header(blocks)
	// Names first, then what uses them: the order of files does not matter.
	c.each(blocks["keywords"], c.keyword)
	c.each(blocks["cuts"], c.cuts)
	c.each(blocks["rates"], c.rates)
	c.each(blocks["measures"], c.measure)
	c.each(blocks["tags"], c.tag)
	for _, n := range blocks["stages"] {
		c.stages(n)
	}
	c.each(blocks["groups"], c.group)
	c.each(blocks["traits"], c.trait)
	c.order()
	c.keepForLasts()
	if len(c.errs) > 0 {
		c.signs(files)
		slices.SortStableFunc(c.errs, func(a, b Error) int {
			return strings.Compare(fmt.Sprintf("%s:%06d:%06d", a.File, a.Line, a.Column), fmt.Sprintf("%s:%06d:%06d", b.File, b.Line, b.Column))
		})
		return nil, c.errs
	}
	c.set.Dictionary = keyword.Compile(c.set.Keywords)
	c.index()
	return c.set, nil
}

// blocks collects the top keys of all files.
func (c *compilation) blocks(files map[string]string) map[string][]yamlNode {
	out := map[string][]yamlNode{}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		top, err := parseFile(name, []byte(files[name]))
		if c.fail(err) || top == nil {
			continue
		}
		fields, err := top.fields(Keys("set")...)
		if c.fail(err) {
			continue
		}
		for key, n := range fields {
			out[key] = append(out[key], n)
		}
	}
	return out
}

// fail notes an error; true if there was one.
func (c *compilation) fail(err error) bool {
	if err == nil {
		return false
	}
	var e Error
	if !errors.As(err, &e) {
		e = Error{Line: 1, Column: 1, Message: err.Error()}
	}
	c.errs = append(c.errs, e)
	return true
}

func (c *compilation) header(blocks map[string][]yamlNode) {
	for _, n := range blocks["zone"] {
		s, err := n.text()
		if c.fail(err) {
			continue
		}
		zone, err := time.LoadLocation(s)
		if err != nil || s == "" || s == "Local" {
			c.fail(n.errorf("不认识的时区 %[1]q：请写 Asia/Shanghai 这样的名字 / unknown time zone %[1]q; write one such as Asia/Shanghai", s))
			continue
		}
		c.set.Zone = zone
	}
	for _, n := range blocks["population"] {
		s, err := n.text()
		if !c.fail(err) && s != "known" && s != "all" {
			c.fail(n.errorf("population 只能是 known 或 all，不能是 %[1]q / population is known or all, not %[1]q", s))
		} else if err == nil {
			c.set.Population = s
		}
	}
	for _, n := range blocks["currency"] {
		if s, err := n.text(); !c.fail(err) {
			c.set.Currency = s
		}
	}
}

// each walks the entries of a block.
func (c *compilation) each(nodes []yamlNode, one func(entry)) {
	for _, n := range nodes {
		es, err := n.entries()
		if c.fail(err) {
			continue
		}
		for _, e := range es {
			one(e)
		}
	}
}

func (c *compilation) keyword(e entry) {
	if slices.ContainsFunc(c.set.Keywords, func(l keywordList) bool { return l.Name == e.key }) {
		c.fail(e.again("词表", "the keyword list %q stands"))
		return
	}
	f, err := e.value.fields(Keys("keyword")...)
	if c.fail(err) {
		return
	}
	l := keywordList{Name: e.key}
	for key, into := range map[string]*[]string{"words": &l.Words, "exact": &l.Exact, "unless_in": &l.UnlessIn, "not_after": &l.NotAfter} {
		if n, ok := f[key]; ok {
			if *into, err = n.texts(); c.fail(err) {
				return
			}
		}
	}
	if n, ok := f["from"]; ok {
		if l.From, err = n.text(); c.fail(err) {
			return
		}
		if l.From != "customer" && l.From != "staff" {
			c.fail(n.errorf("from 只能是 customer 或 staff，不能是 %[1]q / from is customer or staff, not %[1]q", l.From))
			return
		}
	}
	if len(l.Words)+len(l.Exact) == 0 {
		c.fail(e.at.errorf("词表 %[1]q 里没有词 / the keyword list %[1]q has no words", e.key))
		return
	}
	if bad, ok := keyword.Check(l); !ok {
		c.fail(e.at.errorf("词 %[1]q 只有空格和标点，永远不会命中 / the word %[1]q holds nothing but spaces and punctuation, so it can never match", bad))
		return
	}
	c.set.Keywords = append(c.set.Keywords, l)
	c.set.listVersions[l.Name] = l.Version()
}

// condition compiles a condition that stands at n.
func (c *compilation) condition(n yamlNode, s scope) (cond.Node, string, error) {
	text, err := n.text()
	if err != nil {
		return nil, "", err
	}
	s.c = c
	node, err := cond.Compile(text, s)
	if err != nil {
		return nil, text, n.place(err)
	}
	return node, text, nil
}

// place moves an error inside a scalar to its place in the file.
func (n yamlNode) place(err error) Error {
	out := n.errorf("%s", err)
	var ce *cond.Error
	if !errors.As(err, &ce) {
		return out
	}
	out.Message = ce.Message
	if block, ok := n.node.(*ast.LiteralNode); ok {
		return inBlock(block, out, ce)
	}
	if ce.Line > 1 { // behind an escaped line end, or a text over several lines
		return out
	}
	out.Column += ce.Column - 1
	if t := n.node.GetToken(); t != nil && len(t.Origin) > 0 {
		if o := strings.TrimLeft(t.Origin, " \n"); strings.HasPrefix(o, `"`) || strings.HasPrefix(o, "'") {
			out.Column++
		}
	}
	return out
}

// inBlock finds the place within a text behind | or >, of which each line is indented
// and the lines of the second are put together.
func inBlock(block *ast.LiteralNode, out Error, in *cond.Error) Error {
	line, column := in.Line, in.Column
	for i, raw := range strings.Split(block.Value.GetToken().Origin, "\n") {
		text := strings.TrimLeft(raw, " ")
		long := len([]rune(text)) + 1 // with what stands for the line's end
		folded := block.Start.Value[0] == '>' && column > long
		if !folded && line == 1 {
			out.Line, out.Column = out.Line+i+1, len(raw)-len(text)+column
			return out
		}
		if folded {
			column -= long
		} else {
			line--
		}
	}
	return out
}

// boolean compiles a `when` or `where`.
func (c *compilation) boolean(n yamlNode, s scope) (cond.Node, string, error) {
	node, text, err := c.condition(n, s)
	if err != nil {
		return nil, text, err
	}
	if k := cond.KindOf(node); k != cond.Absent && k != cond.Bool {
		return nil, text, n.errorf("%s", cond.NoCondition(k))
	}
	return node, text, nil
}

// index builds the lookups of a set that has compiled.
func (c *compilation) index() {
	keys := make([]string, 0, len(c.set.Folds))
	for k := range c.set.Folds {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		f := c.set.Folds[k]
		for typ := range f.Types {
			c.set.foldsByType[typ] = append(c.set.foldsByType[typ], f)
		}
	}
	for i, t := range c.set.Tags {
		t.Index = i
		for typ := range t.Events {
			c.set.tagsByType[typ] = append(c.set.tagsByType[typ], t)
		}
	}
	c.indexReaders()
}
