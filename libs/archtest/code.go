package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

const (
	maxFileLines  = 400
	maxFuncLines  = 60
	maxParameters = 7
	// longShare is the share of functions that may be longer: a straight list
	// of steps is at times easier to read in one piece.
	longShare = 0.05
)

// longFiles may be longer than the others, each for a reason.
func longFiles() map[string]string { return map[string]string{} }

// checkPackageDocs wants a doc comment in every package.
func (t *Tree) checkPackageDocs() []Finding {
	documented := make(map[string]bool)
	var order []string
	for _, f := range t.files {
		if f.test {
			continue
		}
		if _, seen := documented[f.folder]; !seen {
			order = append(order, f.folder)
			documented[f.folder] = false
		}
		doc := f.syntax.Doc.Text()
		starts := strings.HasPrefix(doc, "Package "+f.syntax.Name.Name+" ") ||
			f.syntax.Name.Name == "main" && strings.HasPrefix(doc, "Command ")
		documented[f.folder] = documented[f.folder] || starts && len(strings.Fields(doc)) >= 8
	}
	var out []Finding
	for _, folder := range order {
		if !documented[folder] {
			out = append(out, Finding{Rule: "packagedoc", Place: folder, Message: "no package says what it guarantees, what it does not, and who calls it: begin with \"Package name …\" or \"Command name …\""})
		}
	}
	return out
}

// checkFolders refuses names that say nothing.
func (t *Tree) checkFolders() []Finding {
	var out []Finding
	for _, folder := range t.folders {
		switch path.Base(folder) {
		case "util", "utils", "common", "helper", "helpers", "misc", "shared", "base":
			out = append(out, Finding{Rule: "foldername", Place: folder, Message: "the name does not say what is inside; name the thing"})
		}
	}
	return out
}

// checkSizes keeps files, functions and parameter lists short.
func (t *Tree) checkSizes() []Finding {
	var out, long []Finding
	functions := 0
	for _, f := range t.files {
		if f.test {
			continue
		}
		if _, allowed := longFiles()[f.path]; f.lines > maxFileLines && !allowed && !ast.IsGenerated(f.syntax) {
			out = append(out, Finding{Rule: "filelength", Place: f.path, Message: fmt.Sprintf("%d lines; split it below %d", f.lines, maxFileLines)})
		}
		for _, d := range f.syntax.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			functions++
			if n := t.set.Position(fn.End()).Line - t.set.Position(fn.Pos()).Line + 1; n > maxFuncLines {
				long = append(long, Finding{Rule: "functionlength", Place: t.at(f, fn.Pos()), Message: fmt.Sprintf("%s has %d lines; more than %.0f %% of all functions are longer than %d", fn.Name.Name, n, 100*longShare, maxFuncLines)})
			}
			if n := fn.Type.Params.NumFields(); n > maxParameters {
				out = append(out, Finding{Rule: "parameters", Place: t.at(f, fn.Pos()), Message: fmt.Sprintf("%s has %d parameters; take a struct of options", fn.Name.Name, n)})
			}
		}
	}
	if float64(len(long)) > longShare*float64(functions) {
		out = append(out, long...)
	}
	return out
}

// checkCalls finds what the syntax alone shows: sleeping, skipped tests, init
// functions, the clock in the core.
func (t *Tree) checkCalls() []Finding {
	var out []Finding
	for _, f := range t.files {
		bubble := slices.ContainsFunc(f.imports, func(i importLine) bool { return i.path == "testing/synctest" })
		isCore := inAny(f.folder, core()) && !f.test
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if fn, ok := n.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				out = append(out, Finding{Rule: "init", Place: t.at(f, fn.Pos()), Message: "init runs before main can say how; use a constructor"})
			}
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			from, ok := sel.X.(*ast.Ident)
			if !ok {
				return true
			}
			if message := judgeCall(from.Name+"."+sel.Sel.Name, f.test, bubble, isCore); message != "" {
				out = append(out, Finding{Rule: "call", Place: t.at(f, sel.Pos()), Message: message})
			}
			return true
		})
	}
	return out
}

func judgeCall(name string, test, bubble, isCore bool) string {
	switch name {
	case "time.Sleep":
		if test && bubble {
			return ""
		}
		if test {
			return "a test that sleeps is slow or flaky; wait for the thing itself, or sleep inside testing/synctest"
		}
		return "time.Sleep does not hear that the context has ended; use a timer and select"
	case "t.Skip", "t.Skipf", "t.SkipNow", "b.Skip":
		return "what cannot run is not started and named by scripts/test; tests are not skipped"
	case "time.Now", "time.Since", "time.Until", "time.After", "time.AfterFunc", "time.NewTimer", "time.NewTicker", "time.Tick":
		if isCore {
			return name + ": time is an input of the core; take it as an argument"
		}
	}
	return ""
}
