package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// The import rules. A new line here is a decision: it says why.

// core lists the folders without I/O, clock and logging.
func core() []string { return []string{"libs/event", "libs/profile", "libs/rule", "libs/model"} }

// pure are the libraries that CORE may import beside the standard library.
func pure() map[string]string {
	return map[string]string{
		"github.com/expr-lang/expr":                 "the expression language",
		"github.com/petar-dambovaliev/aho-corasick": "keywords in one pass",
		"github.com/goccy/go-yaml":                  "YAML with positions",
		"github.com/govalues/decimal":               "money",
		"github.com/fxamacker/cbor/v2":              "the stored state of a profile",
		"golang.org/x/text":                         "width and case folding",
		"gonum.org/v1/gonum":                        "numerics",
	}
}

// impure are the packages of the standard library that CORE may not import.
func impure() []string {
	return []string{
		"net", "os", "syscall", "log", "database", "io/ioutil", "io/fs", "path/filepath",
		"math/rand", "crypto/rand", "plugin", "runtime/debug", "testing",
	}
}

// edges are the libs that EDGE libs may import beside CORE, schemas, their own
// tree and what serves all.
func edges() map[string][]string {
	return map[string][]string{
		"libs/seal":  {"libs/stream"},              // keys are a compacted topic
		"libs/defs":  {"libs/stream", "libs/seal"}, // definitions are a compacted topic with sealed secrets
		"libs/store": {"libs/seal"},                // the inbox opens sealed titles
		// the one place that makes clients of all parts from the configuration
		"libs/parts": {"libs/stream", "libs/store", "libs/seal", "libs/defs", "libs/warehouse"},
	}
}

// forAll are the libs that every EDGE lib may import.
func forAll() []string { return []string{"libs/config", "libs/process", "libs/telemetry", "schemas"} }

// parts are the libraries that stand in for, or load, a real part. Only
// libs/embedded and …test packages may import them, so that no product path
// runs on a fake.
func parts() []string {
	return []string{
		"github.com/twmb/franz-go/pkg/kfake", "github.com/alicebob/miniredis", "github.com/ebitengine/purego",
	}
}

func (t *Tree) checkImports() []Finding {
	var out []Finding
	for _, f := range t.files {
		for _, imp := range f.imports {
			if rule, message := t.judge(f, imp.path); rule != "" {
				out = append(out, Finding{Rule: rule, Place: fmt.Sprintf("%s:%d", f.path, imp.line), Message: message})
			}
		}
	}
	return out
}

// judge gives the rule that the import breaks, if any.
func (t *Tree) judge(f file, imp string) (rule, message string) {
	if startsAny(imp, parts()) && !under(f.folder, "libs/embedded") && !isTestPackage(f.folder) {
		return "parts", imp + " stands in for a real part; only libs/embedded and …test packages import it"
	}
	inner, ours := t.inside(imp)
	switch {
	case ours && (under(inner, "deploy") || under(inner, "scripts")):
		return "deploy", "nothing imports " + inner
	case inAny(f.folder, core()):
		return judgeCore(f, imp, inner, ours)
	case !ours:
		return "", ""
	case !f.test && isTestPackage(inner) && !isTestPackage(f.folder):
		return "testpackage", inner + " serves tests; product code does not import it"
	case under(f.folder, "services"):
		return judgeService(f, inner)
	case under(f.folder, "libs"):
		return judgeEdge(f, inner)
	case under(f.folder, "schemas"):
		return "schemas", "schemas is data and imports nothing of ours; " + inner + " does"
	}
	return "", ""
}

func (t *Tree) inside(imp string) (string, bool) {
	if imp == t.module {
		return ".", true
	}
	return strings.CutPrefix(imp, t.module+"/")
}

func judgeCore(f file, imp, inner string, ours bool) (rule, message string) {
	if f.test {
		return "", "" // tests of the core may read files and the clock
	}
	switch {
	case ours && (inAny(inner, core()) || inner == "schemas"):
		return "", ""
	case ours:
		return "core", "core packages import the standard library, core and schemas only; " + inner + " is neither"
	case strings.Contains(strings.SplitN(imp, "/", 2)[0], "."):
		for lib := range pure() {
			if under(imp, lib) {
				return "", ""
			}
		}
		return "core", imp + " is not in the list of pure libraries in libs/archtest/imports.go"
	case inAny(imp, impure()):
		return "core", "core packages have no I/O, clock, chance or log; " + imp + " brings it in"
	}
	return "", ""
}

func judgeService(f file, inner string) (rule, message string) {
	if !under(inner, "services") || under(f.folder, "services/tagwire") {
		return "", ""
	}
	own, other := service(f.folder), service(inner)
	if own == other {
		return "", ""
	}
	return "services", fmt.Sprintf("%s imports %s; services meet only through Kafka, Redis and ClickHouse", own, other)
}

func service(folder string) string {
	parts := strings.SplitN(folder, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

func judgeEdge(f file, inner string) (rule, message string) {
	if under(inner, "services") {
		return "libs", "libs do not import services; " + inner + " is one"
	}
	if f.test || isTestPackage(f.folder) {
		return "", "" // tests may put libs together
	}
	own := service(f.folder)
	allowed := slices.Concat(core(), forAll(), edges()[own], []string{own})
	if inAny(inner, allowed) {
		return "", ""
	}
	return "edge", fmt.Sprintf("%s imports %s; edge libs import core, config, process, telemetry, schemas and their client (edges in libs/archtest/imports.go)", own, inner)
}

func inAny(folder string, parents []string) bool {
	return slices.ContainsFunc(parents, func(p string) bool { return under(folder, p) })
}

// startsAny also matches later major versions: miniredis/v2.
func startsAny(imp string, libs []string) bool { return inAny(imp, libs) }
