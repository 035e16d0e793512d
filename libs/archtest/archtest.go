// Package archtest checks that the source tree keeps its own rules: who may
// import whom, that every package says what it is for, that files stay short,
// and that the documents name what exists.
//
// It guarantees that each broken rule is found with its place and a sentence
// that says what to do. It reads Go files by their syntax only, so it knows
// nothing of types, and it works while parts of the product are still missing.
//
// Its own tests call it, once on the repository and once on a small tree that
// breaks every rule.
package archtest

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Finding is one broken rule.
type Finding struct {
	// Rule is the short name of the rule.
	Rule string
	// Place is a file with its line, or a folder.
	Place string
	// Message says what is wrong and what to do.
	Message string
}

// String is the finding in one line.
func (f Finding) String() string { return fmt.Sprintf("%s: %s [%s]", f.Place, f.Message, f.Rule) }

// file is one Go file of the tree.
type file struct {
	path    string // from the root, with slashes
	folder  string
	test    bool
	lines   int
	syntax  *ast.File
	imports []importLine
}

type importLine struct {
	path string
	line int
}

// Tree is a source tree, read once.
type Tree struct {
	root    string
	module  string
	set     *token.FileSet
	files   []file
	folders []string
	texts   []string // documents and other text files, for the checks of words
}

// Load reads the tree of the module at root.
func Load(root string) (*Tree, error) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, fmt.Errorf("read the module's name: %w", err)
	}
	t := &Tree{root: root, set: token.NewFileSet()}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "module "); ok {
			t.module = strings.TrimSpace(name)
		}
	}
	if t.module == "" {
		return nil, errors.New("go.mod names no module")
	}
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		return t.visit(filepath.ToSlash(rel), d)
	})
	if err != nil {
		return nil, fmt.Errorf("read the tree: %w", err)
	}
	return t, nil
}

// foreign are folders that hold nothing of ours: fetched, built or data.
func foreign(name string) bool {
	switch name {
	case "node_modules", "dist", "testdata", "build", "data":
		return true
	}
	return strings.HasPrefix(name, ".") && name != "." && name != ".ci"
}

func (t *Tree) visit(rel string, d fs.DirEntry) error {
	if d.IsDir() {
		if rel != "." && foreign(d.Name()) { // the root may be called anything, ".." too
			return fs.SkipDir
		}
		t.folders = append(t.folders, rel)
		return nil
	}
	switch path.Ext(rel) {
	case ".go":
		return t.parse(rel)
	case ".md", ".yaml", ".yml", ".json", ".ts", ".tsx", ".sql", ".sh", ".mjs", ".mod", "":
		t.texts = append(t.texts, rel)
	}
	return nil
}

func (t *Tree) parse(rel string) error {
	text, err := os.ReadFile(filepath.Join(t.root, filepath.FromSlash(rel)))
	if err != nil {
		return fmt.Errorf("read %s: %w", rel, err)
	}
	syntax, err := parser.ParseFile(t.set, rel, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("parse %s: %w", rel, err)
	}
	f := file{
		path: rel, folder: path.Dir(rel), syntax: syntax,
		test: strings.HasSuffix(rel, "_test.go"), lines: strings.Count(string(text), "\n"),
	}
	for _, spec := range syntax.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return fmt.Errorf("parse %s: import %s: %w", rel, spec.Path.Value, err)
		}
		f.imports = append(f.imports, importLine{path: p, line: t.set.Position(spec.Pos()).Line})
	}
	t.files = append(t.files, f)
	t.texts = append(t.texts, rel)
	return nil
}

// Files is how many Go files were read.
func (t *Tree) Files() int { return len(t.files) }

// Check applies all rules and gives what is broken, by place.
func (t *Tree) Check() ([]Finding, error) {
	var out []Finding
	out = append(out, t.checkImports()...)
	out = append(out, t.checkPackageDocs()...)
	out = append(out, t.checkFolders()...)
	out = append(out, t.checkSizes()...)
	out = append(out, t.checkCalls()...)
	for _, check := range []func() ([]Finding, error){
		t.checkModules, t.checkCoverage, t.checkTraps, t.checkWords, t.checkLinks,
	} {
		found, err := check()
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Place, b.Place), strings.Compare(a.Rule, b.Rule))
	})
	return out, nil
}

func (t *Tree) at(f file, pos token.Pos) string {
	return fmt.Sprintf("%s:%d", f.path, t.set.Position(pos).Line)
}

func under(folder, parent string) bool {
	return folder == parent || strings.HasPrefix(folder, parent+"/")
}

// isTestPackage reports whether the folder is a …test package, which serves
// the tests of others and is linked into no program.
func isTestPackage(folder string) bool { return strings.HasSuffix(path.Base(folder), "test") }
